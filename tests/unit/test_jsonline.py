"""JSON of one line: as the module json has it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix import jsonline

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(VALUES)
def test_it_is_written_and_read_as_json_does(value):
    text = json.dumps(value)
    assert jsonline.written(value) == text
    assert jsonline.parsed(text) == json.loads(text)


@pytest.mark.parametrize("text", ["", " 1", "1 ", "{", "[1,]", "nul", '"\n"', '{"a" 1}', "[1] [2]", "'a'"])
def test_what_is_no_json_is_an_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words
        jsonline.parsed(text)


def test_what_json_has_no_form_for_is_an_error():
    with pytest.raises(TypeError, match="set is no JSON"):
        jsonline.written({"a": {1}})
