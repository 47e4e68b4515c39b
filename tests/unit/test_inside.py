"""What qm guest exec prints says how a command ended; its own exit status does not."""

from __future__ import annotations

import json

import pytest

from phoenix.guests.inside import Answer, ended


def printed(**facts):
    return "perl: warning: Setting locale failed.\n" + json.dumps(facts, indent=3, separators=(",", " : ")) + "\n"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (printed(exitcode=0, exited=1, **{"out-data": "hello\n"}), Answer(0, "hello\n\n")),
        (printed(exitcode=3, exited=1, **{"err-data": "no"}), Answer(3, "\nno")),
        (printed(exited=1, signal=9), Answer(137, "\n")),
        (printed(exited=1), Answer(1, "\n")),
        (
            printed(pid=77) + "timeout reached, returning pid\n",
            Answer(None, "\n", "it did not end in time and still runs there as process 77", True),
        ),
        (printed(exited=0), Answer(None, "\n", "it did not end in time and still runs there as process ?", True)),
        ("", Answer(None, "", "qm guest exec said: it said nothing")),
        ("{\nhalf", Answer(None, "{\nhalf", "qm guest exec said: half")),
        ('{\n"exitcode" : 1e999,\n"exited" : 1\n}\n', Answer(None, "\n", "qm guest exec said: its exitcode is inf")),
        (printed(exitcode="0", exited=1), Answer(None, "\n", "qm guest exec said: its exitcode is '0'")),
        (printed(exitcode=None, exited=1), Answer(None, "\n", "qm guest exec said: its exitcode is None")),
        (printed(signal=[], exited=1), Answer(None, "\n", "qm guest exec said: its signal is []")),
        ("{\n" + '"a":[' * 100000 + "\n}\n", Answer(None, "{\n" + '"a":[' * 100000 + "\n}\n", "qm guest exec said: }")),
        ("{\n}x\n}\n", Answer(None, "{\n}x\n}\n", "qm guest exec said: }")),
    ],
)
def test_how_it_ended(said, answer):
    assert ended(said) == answer
