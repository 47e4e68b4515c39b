"""The table of compiled modules: what is imported from it, and what is not."""

from __future__ import annotations

import marshal
import sys

import pytest

from phoenix import modules


@pytest.fixture
def use(tmp_path, monkeypatch):
    """Import from a table of {path: text} in a tree that has other files too."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = set(sys.modules)

    def begin(**texts):
        table = {}
        for name, text in texts.items():
            package = text.startswith("# package")
            table[name.replace("__", ".")] = (package, marshal.dumps(compile(text, name, "exec")))
        modules.use(str(tmp_path), table)

    yield begin
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_modules_come_from_the_table_and_know_their_place(use, tmp_path):
    use(gull="# package\nvalue = 1", gull__wing="from gull import value\nvalue += 1")
    import gull.wing

    assert gull.wing.value == 2
    assert gull.__file__ == f"{tmp_path}/gull/__init__.py"
    assert gull.__path__ == [f"{tmp_path}/gull"]
    assert gull.wing.__file__ == f"{tmp_path}/gull/wing.py"
    assert not (tmp_path / "gull").exists()


def test_what_is_not_in_the_table_comes_from_the_tree(use, tmp_path):
    (tmp_path / "gull").mkdir()
    (tmp_path / "gull/beak.py").write_text("value = 3")
    use(gull="# package")
    from gull import beak

    assert beak.value == 3


def test_the_table_comes_before_the_tree(use, tmp_path):
    (tmp_path / "gull.py").write_text("value = 'tree'")
    use(gull="value = 'table'")
    import gull

    assert gull.value == "table"
