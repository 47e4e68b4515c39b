"""A container's file: read as pct reads it, written byte for byte as pct writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phoenix.pve import guestconf

TRANSCRIPTS = Path(__file__).resolve().parents[3] / "shared" / "pve" / "transcripts"
PLAIN = "arch: amd64\nhostname: web\nmemory: 512\nrootfs: local:100/vm-100-disk-0.raw,size=1G\nswap: 512\n"


def recorded() -> list[str]:
    """Every container file that the real tools wrote."""
    found = set()
    for path in TRANSCRIPTS.glob("public*/*.json"):
        for step in json.loads(path.read_text())["steps"]:
            for part in [step, *(step.get("alternatives") or [])]:
                files = part.get("changed") or {}
                found |= {text for name, text in files.items() if text and "/lxc/" in name}
    return sorted(found)


def test_recorded_files_come_back_unchanged() -> None:
    texts = recorded()
    if not texts:
        pytest.skip(f"there are no records in {TRANSCRIPTS}")
    print(f"{len(texts)} files")
    assert [text for text in texts if guestconf.render(guestconf.parse(text)) != text] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lock: create\n",
        PLAIN,
        "#one\n#two\n" + PLAIN,
        "#\n#after an empty line\n" + PLAIN,
        PLAIN + "lxc.cgroup2.x: y\nlxc.apparmor.profile: unconfined\n",
        PLAIN + "lxc.environment.runtime: A=1\nlxc.idmap: u 0 100000 65536\n",
        PLAIN + "tags: \n",
        PLAIN + "\n[pve:pending]\ndelete: onboot,tags\nfeatures: nesting=1\n",
        PLAIN + "\n[one]\n#first\narch: amd64\nsnaptime: 1\n\n[two]\narch: amd64\nparent: one\nsnaptime: 2\n",
        PLAIN + "\n[pve:pending]\nmemory: 1\n\n[one]\narch: amd64\nlxc.x: y\n",
    ],
)
def test_round_trip(text: str) -> None:
    assert guestconf.render(guestconf.parse(text)) == text


def test_parts() -> None:
    conf = guestconf.parse(
        "#a%3A b%25c #x\n#%C3%BC\nmemory: 512\narch: amd64\nlxc.a = b\nlxc.c:d\n\n[pve:pending]\ndelete: swap,!net0\n"
        "memory: 333\n\n[snap1]\n#first\nmemory: 1\nsnaptime: 5\n"
    )
    assert conf.description == "a: b%c #x\nü\n"
    assert list(conf.options.items()) == [("memory", "512"), ("arch", "amd64")]
    assert conf.raw == ["lxc.a: b", "lxc.c: d"]
    assert conf.pending == {"memory": "333"}
    assert conf.delete == ["swap", "net0"]
    assert list(conf.snapshots) == ["snap1"]
    assert conf.snapshots["snap1"].description == "first\n"
    assert conf.snapshots["snap1"].options == {"memory": "1", "snaptime": "5"}


def test_keys_are_sorted_and_raw_lines_come_last() -> None:
    conf = guestconf.parse("lxc.b: 1\nswap: 1\nlxc.a: 2\nlxc.environment.runtime: X=1\nnet10: a\nnet2: b\n")
    assert guestconf.render(conf) == ("net10: a\nnet2: b\nswap: 1\nlxc.environment.runtime: X=1\nlxc.b: 1\nlxc.a: 2\n")


def test_strange_lines_are_kept_apart() -> None:
    conf = guestconf.parse("no option\narch: amd64\n1: x\n")
    assert conf.options == {"arch": "amd64"}
    assert conf.strange == ["no option", "1: x"]


def test_a_raw_value_may_hold_any_sign() -> None:
    line = "lxc.mount.entry: /a b none bind,x-y=z:1 0 0"
    assert guestconf.parse(line + "\n").raw == [line]


@pytest.mark.parametrize("text", ["plain", "a: b%c", "ü €", "tab\there", "% %4 %zz", "\x01"])
def test_encoding_comes_back(text: str) -> None:
    assert guestconf.decode(guestconf.encode(text)) == text


def test_what_is_no_code_is_left_alone() -> None:
    assert guestconf.decode("50% of %zz %4") == "50% of %zz %4"


def test_a_copy_is_independent() -> None:
    conf = guestconf.parse(PLAIN + "\n[one]\narch: amd64\n")
    other = conf.copy()
    other.options["arch"] = "i386"
    other.snapshots["one"].options.clear()
    other.raw.append("lxc.a: b")
    assert guestconf.render(conf) == PLAIN + "\n[one]\narch: amd64\n"
