"""qm, pvesm, pvesh and what reaches into containers, on a node as the default makes it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from nodes import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nodes import Node


@pytest.fixture
def node(new: Callable[..., Node]) -> Node:
    return new()


def vm(node: Node, guest: str) -> dict[str, str]:
    """The options of a machine's first section."""
    text = (node.root / f"etc/pve/qemu-server/{guest}.conf").read_text().split("\n\n")[0]
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


@pytest.mark.parametrize("storage", ["local", "local-lvm"])
def test_a_machine_from_template_to_clone(node: Node, storage: str) -> None:
    node.good("qm", "create", "900", "--name", "base", "--scsi0", f"{storage}:2", "--net0", "virtio,bridge=vmbr0")
    node.good("qm", "template", "900")
    assert "base-900-disk-0" in vm(node, "900")["scsi0"]
    node.good("qm", "clone", "900", "901", "--name", "linked")
    node.good("qm", "clone", "900", "902", "--name", "full", "--full")
    assert vm(node, "901")["name"] == "linked"
    addresses = {vm(node, guest)["net0"] for guest in ("900", "901", "902")}
    assert len(addresses) == 3
    # A thin clone lives without its base; one in a directory does not.
    assert node("qm", "destroy", "900").code == (0 if storage == "local-lvm" else 255)


def test_a_machine_runs_and_what_waits_is_applied_at_its_end(node: Node) -> None:
    node.good("qm", "create", "200", "--memory", "512")
    node.good("qm", "start", "200")
    assert (node.root / "run/qemu-server/200.pid").exists()
    node.good("qm", "set", "200", "--memory", "1024")
    assert vm(node, "200")["memory"] == "512"
    assert "new memory: 1024\n" in node.good("qm", "pending", "200")
    node.good("qm", "stop", "200")
    assert vm(node, "200")["memory"] == "1024"
    assert not (node.root / "run/qemu-server/200.pid").exists()


def test_a_disk_that_is_taken_away_is_kept(node: Node) -> None:
    node.good("qm", "create", "200", "--scsi0", "local:1", "--scsi1", "local:1")
    node.good("qm", "set", "200", "--delete", "scsi1")
    assert vm(node, "200")["unused0"] == "local:200/vm-200-disk-1.raw"
    node.good("qm", "set", "200", "--delete", "unused0")
    assert node.disks() == ["200/vm-200-disk-0.raw"]


def test_a_refused_resize_ends_with_0(node: Node) -> None:
    node.good("qm", "create", "200", "--scsi0", "local:2")
    ran = node("qm", "resize", "200", "scsi0", "1G")
    assert (ran.code, ran.err) == (0, "shrinking disks is not supported\n")
    assert vm(node, "200")["scsi0"].endswith("size=2G")


def test_a_storage_is_added_used_and_removed(node: Node) -> None:
    node.good("pvesm", "add", "dir", "more", "--path", "/srv/more", "--content", "images,rootdir")
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "more:1")
    assert "more:100/vm-100-disk-0.raw" in node.good("pvesm", "list", "more")
    node.good("pvesm", "remove", "more")
    assert node("pct", "start", "100").code == 255


def test_the_api_answers(node: Node) -> None:
    assert json.loads(node.good("pvesh", "get", "/version", "--output-format", "json"))["release"] == "9.2"
    node.good("pvesh", "create", "/nodes/pve/qemu", "--vmid", "200", "--memory", "64")
    assert json.loads(node.good("pvesh", "get", "/nodes/pve/qemu", "--output-format", "json"))[0]["vmid"] == 200
    node.good("pvesh", "delete", "/nodes/pve/qemu/200")
    assert json.loads(node.good("pvesh", "get", "/nodes/pve/qemu", "--output-format", "json")) == []


@pytest.fixture
def running(node: Node) -> Node:
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1", "--features", "nesting=1")
    node.good("pct", "start", "100")
    return node


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, or user name spaces")
@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("true", 0)])
def test_the_status_of_a_command_is_the_tools(running: Node, script: str, code: int) -> None:
    assert running("pct", "exec", "100", "--", "sh", "-c", script).code == code


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, or user name spaces")
def test_a_command_cannot_leave_the_container(running: Node, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    running(
        "pct", "exec", "100", "--", "sh", "-c", f"echo changed >{outside}; rm -rf {outside}; touch /usr/changed; cd /"
    )
    assert outside.read_text() == "untouched"
    assert not os.path.exists("/usr/changed")
    assert running("pct", "exec", "100", "--", "mknod", "/root/disk", "b", "8", "0").code != 0
    seen = running.good("pct", "exec", "100", "--", "sh", "-c", "ls /proc | grep -c '^[0-9]'; ls /dev")
    assert int(seen.split()[0]) < 10
    assert "sda" not in seen
    assert str(os.getpid()) not in running.good("pct", "exec", "100", "--", "ls", "/proc").split()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, or user name spaces")
def test_a_link_does_not_lead_out_of_a_container(running: Node, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    (running.root / "tmp/in").write_text("changed")
    running.good("pct", "exec", "100", "--", "ln", "-s", str(outside), "/root/link")
    assert "failed to create file" in running("pct", "push", "100", "/tmp/in", "/root/link").err
    assert outside.read_text() == "untouched"
    assert "failed to open" in running("pct", "pull", "100", "/root/link", "/tmp/out").err
    assert (running.root / "tmp/out").read_text() == ""


def test_files_go_in_and_out(running: Node) -> None:
    (running.root / "tmp/in").write_text("hello")
    running.good("pct", "push", "100", "/tmp/in", "/root/x", "--perms", "0600")
    running.good("pct", "pull", "100", "/root/x", "/tmp/out")
    assert (running.root / "tmp/out").read_text() == "hello"
    assert running("pct", "push", "100", "/nosuch", "/x").code == 0


def test_a_snapshot_and_back_on_thin_volumes(node: Node) -> None:
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local-lvm:1", "--memory", "512")
    node.good("pct", "snapshot", "100", "before")
    node.good("pct", "set", "100", "--memory", "64")
    node.good("pct", "rollback", "100", "before")
    assert "memory: 512\n" in (node.conf("100") or "").partition("\n\n")[0]
    node.good("pct", "delsnapshot", "100", "before")
    assert "[before]" not in (node.conf("100") or "")
