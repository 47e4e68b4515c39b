"""The plan: golden cases of tests/golden/plan, each a file and a guest and what pct or qm is to be told.

In the files `{DIGEST}` stands for the SHA-1 of the guest's configuration; a difference is option, found, wanted
and how it changes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import tomli

from phoenix.config.load import Document
from phoenix.guests import changes, plan, requests
from phoenix.guests.container import CONTAINER
from phoenix.guests.machine import MACHINE
from phoenix.guests.observed import Observed, read
from phoenix.record import Record

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "plan"
CASES = {
    **dict.fromkeys(sorted((FOLDER / "lxc").rglob("*.json")), (CONTAINER, "9001")),
    **dict.fromkeys(sorted((FOLDER / "vm").rglob("*.json")), (MACHINE, "9002")),
}
MARK = "0123456789abcdef0123456789abcdef"
RECORD = Record(MARK, True, ())
NEVER = ("--purge", "--force", "--skiplock", "--destroy-unreferenced-disks", "--unique", "--start")


def name_of(path):
    return f"{CASES[path][0].name}-{path.stem}"


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def text_of(case):
    return None if case["conf"] is None else "\n".join(case["conf"]) + "\n"


def planned(path):
    kind, guest = CASES[path]
    case = load(path)
    text = text_of(case)
    seen = {"started": "1" * case["running"], "firewall": case.get("firewall", "")}
    observed = Observed() if text is None else read(kind, text, **seen)
    options = tuple(case.get("options", ()))
    known = RECORD.but(options=options, finished=True, drive=changes.drive_state(observed))
    ask = {
        name: tuple(map(tuple, value)) if name == "features" else value for name, value in case.get("ask", {}).items()
    }
    wanted = kind.decode(Document(f"{guest}.toml", tomli.loads("\n".join(case["toml"]))), guest)
    return {
        "create": lambda: plan.converge(wanted, observed, known, plan.Ask(**ask)),
        "start": lambda: requests.run_state(kind, guest, observed, running=True),
        "stop": lambda: requests.run_state(kind, guest, observed, running=False),
        "restart": lambda: requests.restart(kind, guest, observed, stopped=not observed.running),
        "delete": lambda: requests.delete(kind, guest, observed),
    }[case["goal"]]()


def test_there_are_cases():
    for kind, least in ((CONTAINER, 250), (MACHINE, 400)):
        goals = [load(path)["goal"] for path, (of, _) in CASES.items() if of is kind]
        assert len(goals) >= least
        assert set(goals) == {"create", "start", "stop", "restart", "delete"}


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_golden(path):
    case = load(path)
    digest = hashlib.sha1((text_of(case) or "").encode()).hexdigest()
    found = planned(path)
    commands = [[word.replace("{DIGEST}", digest) for word in command] for command in case["commands"]]
    assert [list(step.argv) for step in found.steps] == commands
    differences = [[item.option, item.found, item.wanted, item.change] for item in found.differences]
    assert differences == case["differences"]
    assert [item.option for item in found.refused] == case["refused"]
    assert list(found.waiting) == case["waiting"]


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_what_every_plan_keeps_to(path):
    steps = planned(path).steps
    assert len({step.goal for step in steps}) == len(steps)
    for step in steps:
        kind, guest = CASES[path]
        assert step.argv[0] in (kind.tool.name, "edit", "write", "wait", "provision", "clean")
        assert guest in step.argv or f"/{guest}." in step.argv[1] or f"-{guest}-" in step.argv[1]
        assert not any(word.partition("=")[0] in NEVER for word in step.argv)


@pytest.mark.parametrize(
    "path", [path for path in CASES if load(path)["conf"] and not load(path)["refused"]], ids=name_of
)
def test_only_a_change_of_options_is_tied_to_the_file_it_was_planned_from(path):
    for step in planned(path).steps:
        assert any(word.startswith("--digest=") for word in step.argv) == (step.argv[1] in ("set", "resize", "disk"))


@pytest.mark.parametrize(("seconds", "word"), [(5, "--timeout=5"), (3600, "--timeout=3600")])
def test_a_shutdown_takes_as_long_as_it_may(seconds, word):
    observed = read(CONTAINER, "memory: 512\n", started="1")
    for found in (
        requests.run_state(CONTAINER, "9001", observed, running=False, seconds=seconds),
        requests.restart(CONTAINER, "9001", observed, stopped=False, seconds=seconds),
        requests.delete(CONTAINER, "9001", observed, seconds=seconds),
    ):
        assert found.steps[0].argv == ("pct", "shutdown", "9001", word)


def test_a_plan_is_the_same_whenever_it_is_made():
    for path in CASES:
        assert planned(path) == planned(path)
