"""The teeth: each bug can be planted in the sources as they are, and the test that is asked first is there."""

from __future__ import annotations

import tomli


def test_every_bug_can_be_planted_and_somebody_is_asked(repository):
    bugs = tomli.loads((repository / "tests/teeth.toml").read_text("utf-8"))["bug"]
    assert len(bugs) >= 50
    assert len({bug["name"] for bug in bugs}) == len(bugs)
    for bug in bugs:
        assert (repository / "phoenix" / bug["file"]).read_text("utf-8").count(bug["old"]) == 1, bug["name"]
        file, _, test = bug["by"].partition("::")
        assert f"def {test}" in (repository / file).read_text("utf-8"), bug["name"]
