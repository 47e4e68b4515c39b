"""Memo: answers that are kept, and forgotten when there are too many."""

from __future__ import annotations

from phoenix import memo


def test_too_many_answers_are_forgotten(monkeypatch):
    monkeypatch.setattr(memo, "MOST", 2)
    kept = memo.Memo()
    assert [kept.keep(number, -number) for number in (1, 2, 3)] == [-1, -2, -3]
    assert kept == {3: -3}
