"""The table of a group of modules: made once, read if it is exactly what was kept, never waited for."""

from __future__ import annotations

import errno
import fcntl
import marshal
import os
import sys
import zipfile

import pytest

from phoenix import compiled, modules

TEXTS = {"gull.py": "value = 1", "gannet.py": "value = 2"}


class Build:
    """An unpacked build of two modules that are compiled when they are needed."""

    def __init__(self, folder):
        self.tree = folder / "0.1.0-0123456789abcdef"
        self.tree.mkdir()
        self.archive = self.tree / "library.zip"
        self.table = self.tree / f"rare.{sys.implementation.cache_tag}"
        with zipfile.ZipFile(self.archive, "w") as library:
            for name, text in TEXTS.items():
                library.writestr(name, text)

    def codes(self, wanted="gull"):
        files = {name[: -len(".py")]: f"{self.archive}/{name}" for name in TEXTS}
        return compiled.codes(str(self.archive), "rare", files, wanted)

    def values(self, wanted="gull"):
        """What the modules of the answer set."""
        found = {}
        for name, code in self.codes(wanted).items():
            space = {}
            exec(marshal.loads(code), space)
            found[name] = space["value"]
        return found


@pytest.fixture
def build(tmp_path):
    return Build(tmp_path)


BOTH = {"gull": 1, "gannet": 2}


def test_the_table_is_made_once(build, monkeypatch):
    assert build.values() == BOTH
    assert build.table.stat().st_mode == 0o100644
    monkeypatch.setattr(compiled, "compiled", None)  # nothing is compiled any more
    assert build.values() == BOTH


def damage(build, tmp_path, what):
    """Make the table something that was not kept there."""
    table, whole = build.table, build.table.read_bytes()
    if what == "emptied":
        table.write_bytes(b"")
    elif what == "truncated":
        table.write_bytes(whole[:-1])
    elif what == "grown":
        table.write_bytes(whole + b"\0")
    elif what == "a changed byte":
        table.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    elif what == "of another build":
        table.write_bytes(whole.replace(b"0.1.0-0", b"0.1.0-1", 1))
    elif what == "of another Python":
        table.write_bytes(whole.replace(compiled.MAGIC_NUMBER.hex().encode(), b"00000000", 1))
    elif what == "writable by others":
        table.chmod(0o666)
    else:
        table.rename(tmp_path / "elsewhere")
        if what == "link":
            table.symlink_to(tmp_path / "elsewhere")
        elif what == "fifo":
            os.mkfifo(table)


DAMAGES = [
    *("emptied", "truncated", "grown", "a changed byte", "of another build", "of another Python"),
    *("writable by others", "link", "fifo"),
]


@pytest.mark.parametrize("what", DAMAGES)
def test_a_table_that_is_not_what_was_kept_is_made_anew(build, tmp_path, what, monkeypatch):
    build.codes()
    damage(build, tmp_path, what)
    assert build.values() == BOTH
    assert build.table.stat().st_mode == 0o100644
    assert not build.table.is_symlink()
    monkeypatch.setattr(compiled, "compiled", None)
    assert build.values() == BOTH


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of other users")
def test_a_table_of_another_user_is_made_anew(build):
    build.codes()
    os.chown(build.table, 12345, 12345)
    assert build.values() == BOTH
    assert build.table.stat().st_uid == os.geteuid()


def test_nobody_waits_for_who_makes_it(build):
    with open(build.archive, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert build.values("gannet") == {"gannet": 2}
        assert not build.table.exists()
    assert build.values("gannet") == BOTH


def test_what_a_killed_run_has_left_is_no_hindrance(build):
    beside = build.table.with_name(build.table.name + ".new")
    beside.write_bytes(b"half")
    assert build.values() == BOTH
    assert not beside.exists()


def test_where_none_can_be_kept_what_is_wanted_is_compiled(build):
    build.table.with_name(build.table.name + ".new").mkdir()
    assert build.values() == {"gull": 1}
    assert build.values("gannet") == {"gannet": 2}
    assert not build.table.exists()


def test_a_full_disk_leaves_nothing_behind(build, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compiled.os, "fchmod", full)
    assert build.values() == BOTH
    assert sorted(os.listdir(build.tree)) == ["library.zip"]


def test_modules_of_a_group_are_imported_from_it(build, monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    modules.use(str(build.archive), {"gull": (False, "rare"), "gannet": (False, "rare")})
    try:
        import gannet
        import gull

        assert (gull.value, gannet.value) == (1, 2)
        assert gull.__file__ == f"{build.archive}/gull.py"
        assert gull.__loader__.get_source("gull") == TEXTS["gull.py"]
    finally:
        for name in ("gull", "gannet"):
            sys.modules.pop(name, None)
    assert build.table.exists()


def test_what_another_thread_finds_meanwhile_takes_no_module_away(build, monkeypatch):
    class Contended(dict):
        def __setitem__(self, group, found):
            super().__setitem__(group, {"gannet": found["gannet"]})  # the other one was that much later

    loader = modules.Modules(str(build.archive), {"gull": (False, "rare"), "gannet": (False, "rare")})
    monkeypatch.setattr(loader, "groups", Contended())
    assert marshal.loads(loader.grouped("gull", "rare")).co_filename == f"{build.archive}/gull.py"
