"""The marked block of a file that is shared with the administrator."""

from __future__ import annotations

import pytest

from phoenix.host import blocks

OURS = f"{blocks.BEGIN}\nours\n{blocks.END}\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", OURS),
        ("theirs\n", "theirs\n" + OURS),
        ("no end of line", "no end of line\n" + OURS),
        (f"a\n{blocks.BEGIN}\nold\n{blocks.END}\nb\n", f"a\n{OURS}b\n"),
        (f"a\n  {blocks.BEGIN}  \nold\n{blocks.END}\nb", f"a\n{OURS}b"),
    ],
)
def test_what_stands_outside_stays(text, wanted):
    assert blocks.merged(text, "ours\n") == wanted
    assert blocks.merged(wanted, "ours") == wanted
    assert blocks.split(wanted)[1] == "ours\n"


def test_no_lines_are_no_block():
    assert blocks.merged(f"a\n{OURS}b\n", "") == "a\nb\n"
    assert blocks.merged("a\n", "") == "a\n"


@pytest.mark.parametrize(
    "text", [f"{blocks.BEGIN}\n", f"{blocks.END}\n", f"{blocks.END}\n{blocks.BEGIN}\n", OURS + OURS]
)
def test_a_spoilt_block_is_not_guessed_at(text):
    with pytest.raises(ValueError, match="expected one line"):
        blocks.merged(text, "ours\n")
