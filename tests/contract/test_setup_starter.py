"""What `init` writes about the node: accepted as it is, a plan of nothing, and every example in it works."""

from __future__ import annotations

import pytest

from phoenix.host import aspect
from tests.contract.test_setup import World

pytestmark = pytest.mark.processes


@pytest.fixture
def world(built, tmp_path):
    found = World(built, tmp_path / "node")
    found.file.unlink()
    assert found.run("init")[0] == 0
    return found


def examples(text):
    """The file with its examples taken in: the lines of which only a # makes comments."""
    lines = [line[1:] if line[:1] == "#" and line[1:2] not in ("", " ") else line for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def test_it_is_accepted_and_there_is_nothing_to_do(world):
    assert world.run("check")[0] == 0
    nothing = "pve  nothing to do: hypervisor.toml declares none of these sections\n"
    assert world.run("setup", "--dry-run", "--exit-code") == (0, nothing, "")
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert world.calls() == []


def test_a_section_that_is_not_declared_is_told_as_such(world):
    world.file.write_text('[time]\ntimezone = "UTC"\n')
    nothing = "pve  nothing to do: hypervisor.toml declares none of these sections\n"
    assert world.run("setup", "--dry-run", "--only=zfs") == (0, nothing, "")
    assert world.run("setup", "--dry-run") == (0, "pve  time  as wanted\n", "")


def test_it_stays_as_its_owner_has_it(world):
    world.file.write_text('[time]\ntimezone = "Asia/Tokyo"\n')
    code, out, _ = world.run("init")
    assert (code, f"kept     {world.file}" in out) == (0, True)
    assert world.file.read_text() == '[time]\ntimezone = "Asia/Tokyo"\n'


def test_every_example_is_one_that_works(world):
    text = examples(world.file.read_text())
    world.file.write_text(text)
    code, out, err = world.run("check")
    assert (code, err) == (0, "")
    assert f"hypervisor: {len(aspect.ORDER)} sections checked, nothing wrong" in out
    places = [text.index(f"[{name}") for name in aspect.ORDER]
    assert places == sorted(places)
