"""Snippets: files of the configuration as they are given to a machine, and whose they are."""

from __future__ import annotations

import os

import pytest
import tomli

from phoenix.config.load import Document
from phoenix.errors import ConfigError
from phoenix.guests import changes, machine, snippets
from phoenix.guests.observed import Observed
from phoenix.paths import Paths
from phoenix.pve.node import Node

MARK = "0123456789abcdef0123456789abcdef"
VOLUME = "local:snippets/phoenix-9002-user.yaml"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "snippets").mkdir()
    (tmp_path / "vm").mkdir()
    return tmp_path


def decode(folder, name):
    text = f"ide2 = {{ storage = 'local', cloudinit = true }}\n[snippets]\nstorage = 'local'\nuser = '{name}'"
    return machine.decode(Document(f"{folder}/vm/9002.toml", tomli.loads(text)), "9002")


def test_a_file_of_the_configuration_is_given_as_it_is(folder):
    (folder / "snippets/web.yaml").write_text("#cloud-config\npackages: [vim]\n\n")
    assert decode(folder, "web.yaml").snippets[VOLUME] == "#cloud-config\npackages: [vim]\n"


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (lambda path: path.write_bytes(b"\xff\n"), "is not UTF-8"),
        (lambda path: (path.write_text("x"), path.chmod(0o666)), "writable by others"),
        (lambda path: path.write_text("x" * (2 << 20)), "larger than 1 MiB"),
        (lambda path: os.mkfifo(path), "expected a regular file"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_a_fault(folder, prepare, words):
    prepare(folder / "snippets/web.yaml")
    with pytest.raises(ConfigError) as error:
        decode(folder, "web.yaml")
    assert words in error.value.message


def test_the_last_line_says_whose_it_is():
    text = "#cloud-config\n{}\n"
    signed = snippets.signed(text, MARK)
    assert signed == f"#cloud-config\n{{}}\n# Made by Phoenix, mark {MARK}\n"
    assert snippets.body(signed) == text
    assert snippets.body(text) == text


def test_only_files_with_the_name_and_the_mark_are_removed(tmp_path):
    (tmp_path / "etc/pve/nodes/pve1").mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve1")
    (tmp_path / "etc/pve/storage.cfg").write_text("dir: local\n\tpath /var/lib/vz\n\tcontent snippets\n")
    shelf = tmp_path / "var/lib/vz/snippets"
    shelf.mkdir(parents=True)
    ours = snippets.signed("x\n", MARK)
    (tmp_path / "etc/pve/nodes/pve1/qemu-server").mkdir()
    clone = tmp_path / "etc/pve/nodes/pve1/qemu-server/9003.conf"
    clone.write_text("cicustom: vendor=local:snippets/phoenix-9002-vendor.yaml\n")
    for name, text in (
        ("phoenix-9002-user.yaml", ours),
        ("phoenix-9002-vendor.yaml", ours),
        ("phoenix-9002-meta.yaml", "x\n"),
        ("phoenix-90021-user.yaml", ours),
        ("mine.yaml", ours),
    ):
        (shelf / name).write_text(text)
    snippets.remove(Node(Paths(str(tmp_path))), "9002", MARK)
    assert sorted(path.name for path in shelf.iterdir()) == [
        "mine.yaml", "phoenix-9002-meta.yaml", "phoenix-9002-vendor.yaml", "phoenix-90021-user.yaml",
    ]  # fmt: skip


def test_a_part_that_the_file_no_longer_has_is_no_difference(folder):
    (folder / "snippets/web.yaml").write_text("x\n")
    wanted = decode(folder, "web.yaml")
    there = {VOLUME: snippets.signed("x\n", MARK), VOLUME.replace("user", "vendor"): snippets.signed("y\n", MARK)}
    assert changes.other_snippets(wanted, Observed(snippets=there)) == []
    assert changes.other_snippets(wanted, Observed(snippets={VOLUME: "z\n"})) == [VOLUME]
