"""What machines go through on a rehearsal node: states, agents, snapshots with memory, clones, disks on their way."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from nodes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from nodes import Node

AGENTS = "usr/share/phoenix-rehearsal/agents"


@pytest.fixture
def node(new: Callable[..., Node]) -> Node:
    made = new()
    made.good("qm", "create", "200", "--memory", "64", "--scsi0", "local:1,format=qcow2", "--agent", "1")
    return made


def section(node: Node, guest: str, name: str = "") -> dict[str, str]:
    """The options of a machine's present, or of one of its snapshots."""
    text = (node.root / f"etc/pve/qemu-server/{guest}.conf").read_text()
    parts = {part.partition("]\n")[0].lstrip("["): part for part in text.split("\n\n")[1:]}
    lines = (parts[name] if name else text.split("\n\n")[0]).splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))


def images(node: Node, guest: str) -> list[str]:
    folder = node.root / f"var/lib/vz/images/{guest}"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def agent(node: Node, guest: str = "all", **answers: object) -> None:
    """From now on an agent answers."""
    path = node.root / AGENTS / f"{guest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(answers))


def test_a_running_machine_is_found_by_its_process(node: Node) -> None:
    node.good("qm", "start", "200")
    pid = (node.root / "run/qemu-server/200.pid").read_text().strip()
    words = (node.root / f"proc/{pid}/cmdline").read_text().split("\0")
    assert words[words.index("-id") + 1] == "200"
    assert node("qm", "start", "200").err == "VM 200 already running\n"
    node.good("qm", "suspend", "200")
    assert node.good("qm", "status", "200") == "status: paused\n"
    assert node("qm", "shutdown", "200").err == "VM is paused - cannot shutdown\n"
    node.good("qm", "resume", "200")
    node.good("qm", "stop", "200")
    assert not (node.root / f"proc/{pid}").exists()


def test_a_guest_without_a_system_does_not_hear_of_a_shutdown(node: Node) -> None:
    node.good("qm", "set", "200", "--agent", "0")
    node.good("qm", "start", "200")
    refused = node("qm", "shutdown", "200", "--timeout", "1")
    assert (refused.code, refused.err) == (255, "VM quit/powerdown failed - got timeout\n")
    assert node.good("qm", "status", "200") == "status: running\n"
    forced = node("qm", "shutdown", "200", "--timeout", "1", "--forceStop", "1")
    assert (forced.code, forced.out) == (0, "VM still running - terminating now with SIGTERM\n")
    assert node.good("qm", "status", "200") == "status: stopped\n"


def test_an_agent_is_there_only_if_a_file_says_so(node: Node) -> None:
    node.good("qm", "start", "200")
    assert node("qm", "guest", "cmd", "200", "ping").err == "QEMU guest agent is not running\n"
    agent(node, "200", exec={"exitcode": 7, "out-data": "x\n"})
    assert node.good("qm", "agent", "200", "ping") == ""
    assert json.loads(node.good("qm", "guest", "cmd", "200", "get-osinfo"))["id"] == "debian"
    ran = node.good("qm", "guest", "exec", "200", "--", "ls", "-l")
    assert ran == '{\n   "exitcode" : 7,\n   "exited" : 1,\n   "out-data" : "x\\n"\n}\n'
    node.good("qm", "shutdown", "200", "--timeout", "60")
    assert node("qm", "guest", "cmd", "200", "ping").err == "VM 200 is not running\n"


def test_a_program_whose_end_nobody_saw_was_killed(node: Node) -> None:
    agent(node)
    node.good("qm", "start", "200")
    words = ("qm", "guest", "exec", "200", "--synchronous", "0", "--", "sh", "-c", "echo begun; exec sleep 60")
    pid = json.loads(node.good(*words))["pid"]
    asked = ("qm", "guest", "exec-status", "200", str(pid))
    assert json.loads(node.good(*asked)) == {"exited": 0}
    said = node.root / f"var/lib/phoenix-rehearsal/machines/200/programs/{pid}.out"
    until(lambda: said.exists() and said.read_text() == "begun\n")
    os.kill(pid, signal.SIGKILL)
    until(lambda: json.loads(node.good(*asked)) == {"exited": 1, "out-data": "begun\n", "signal": 9})


def test_the_agent_tells_the_addresses_of_cloud_init(node: Node) -> None:
    agent(node)
    node.good("qm", "set", "200", "--net0", "virtio=02:00:00:00:00:01,bridge=vmbr0", "--ipconfig0", "ip=10.0.0.9/24")
    node.good("qm", "start", "200")
    found = json.loads(node.good("qm", "guest", "cmd", "200", "network-get-interfaces"))
    assert [interface["name"] for interface in found] == ["lo", "eth0"]
    assert found[1]["hardware-address"] == "02:00:00:00:00:01"
    assert found[1]["ip-addresses"] == [{"ip-address": "10.0.0.9", "ip-address-type": "ipv4", "prefix": 24}]


def test_a_snapshot_with_memory_brings_the_machine_back_running(node: Node) -> None:
    agent(node)
    node.good("qm", "start", "200")
    node.good("qm", "snapshot", "200", "live", "--vmstate", "1")
    assert section(node, "200", "live")["vmstate"] == "local:200/vm-200-state-live.raw"
    node.good("qm", "stop", "200")
    node.good("qm", "rollback", "200", "live")
    assert node.good("qm", "status", "200") == "status: running\n"
    assert "vmstate" not in section(node, "200")
    node.good("qm", "delsnapshot", "200", "live")
    assert images(node, "200") == ["vm-200-disk-0.qcow2"]


def test_a_rollback_keeps_what_came_later_as_unused(node: Node) -> None:
    node.good("qm", "snapshot", "200", "before")
    node.good("qm", "set", "200", "--scsi1", "local:1")
    node.good("qm", "rollback", "200", "before")
    now = section(node, "200")
    assert "scsi1" not in now
    assert now["unused0"] == "local:200/vm-200-disk-1.raw"
    assert now["parent"] == "before"


def test_a_snapshot_that_fails_leaves_nothing(node: Node) -> None:
    (node.root / "var/lib/vz/images/200/vm-200-disk-0.qcow2").unlink()
    failed = node("qm", "snapshot", "200", "gone")
    assert failed.code == 255
    assert "snapshot create failed: starting cleanup\n" in failed.out
    text = (node.root / "etc/pve/qemu-server/200.conf").read_text()
    assert "[gone]" not in text
    assert "lock:" not in text


def test_a_machine_that_was_suspended_to_a_disk_goes_on(node: Node) -> None:
    node.good("qm", "start", "200")
    node.good("qm", "suspend", "200", "--todisk", "1")
    assert section(node, "200")["lock"] == "suspended"
    assert node.good("qm", "status", "200") == "status: stopped\n"
    assert node("qm", "set", "200", "--cores", "1").err == "VM is locked (suspended)\n"
    assert node.good("qm", "start", "200") == "Resuming suspended VM\nResumed VM, removing state\n"
    assert not {"lock", "vmstate", "runningcpu"} & set(section(node, "200"))
    assert images(node, "200") == ["vm-200-disk-0.qcow2"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (["--net0", "e1000,bridge=nobr"], "start failed: QEMU exited with code 1\n"),
        (["--net0", "virtio,bridge=nobr"], "bridge 'nobr' does not exist\n"),
        (["--cores", "99"], "MAX 2 vcpus allowed per VM on this node\n"),
        (["--serial0", "/dev/ttyS9"], "no such serial device\n"),
        (["--hostpci0", "0000:01:00.0"], "no PCI device found for '0000:01:00.0'\n"),
    ],
)
def test_what_keeps_a_machine_from_starting(node: Node, change: list[str], text: str) -> None:
    node.good("qm", "set", "200", *change)
    refused = node("qm", "start", "200")
    assert (refused.code, refused.err) == (255, text)
    assert node.good("qm", "status", "200") == "status: stopped\n"


def test_a_clone_that_fails_leaves_nothing(node: Node) -> None:
    node.good("qm", "set", "200", "--scsi1", "local:1")
    (node.root / "var/lib/vz/images/200/vm-200-disk-1.raw").unlink()
    failed = node("qm", "clone", "200", "201")
    assert failed.err == "clone failed: volume 'local:200/vm-200-disk-1.raw' does not exist\n"
    assert not (node.root / "etc/pve/qemu-server/201.conf").exists()
    assert images(node, "201") == []


def test_a_linked_clone_needs_a_template(node: Node) -> None:
    refused = node("qm", "clone", "200", "201", "--full", "0")
    assert refused.code != 0
    assert refused.err == "Linked clone feature is not supported for 'local:200/vm-200-disk-0.qcow2' (scsi0)\n"


def test_disks_move_between_formats_storages_and_machines(node: Node) -> None:
    node.good("qm", "move-disk", "200", "scsi0", "local-lvm", "--delete", "1")
    assert section(node, "200")["scsi0"] == "local-lvm:vm-200-disk-0,size=1G"
    node.good("qm", "create", "201")
    node.good("qm", "move-disk", "200", "scsi0", "--target-vmid", "201", "--target-disk", "virtio0")
    assert section(node, "201")["virtio0"] == "local-lvm:vm-201-disk-0,size=1G"
    assert "scsi0" not in section(node, "200")
    assert node("qm", "move-disk", "201", "virtio0", "local-lvm").code == 255


def test_a_rescan_finds_volumes_and_sizes(node: Node) -> None:
    node.good("pvesm", "alloc", "local", "200", "vm-200-disk-5.raw", "1G")
    node.good("qm", "disk", "rescan", "--dryrun", "1")
    assert "unused0" not in section(node, "200")
    said = node.good("qm", "disk", "rescan", "--vmid", "200")
    assert "VM 200 add unreferenced volume 'local:200/vm-200-disk-5.raw' as 'unused0' to config\n" in said
    assert section(node, "200")["unused0"] == "local:200/vm-200-disk-5.raw"


def test_an_imported_image_becomes_a_disk_without_a_size(node: Node) -> None:
    (node.root / "tmp/disk.raw").write_bytes(b"\0" * (1 << 20))
    node.good("qm", "disk", "import", "200", "/tmp/disk.raw", "local", "--target-disk", "scsi3")
    assert section(node, "200")["scsi3"] == "local:200/vm-200-disk-1.raw"
    again = node("qm", "disk", "import", "200", "/tmp/disk.raw", "local", "--target-disk", "scsi3")
    assert again.err == "cowardly refusing to overwrite existing entry: scsi3\n"
    assert images(node, "200") == ["vm-200-disk-0.qcow2", "vm-200-disk-1.raw"]


def test_a_machine_from_an_ovf_description(node: Node) -> None:
    (node.root / "tmp/a.vmdk").write_bytes(b"\0" * (1 << 20))
    (node.root / "tmp/a.ovf").write_text(
        '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">'
        '<References><File ovf:id="f1" ovf:href="a.vmdk"/></References>'
        '<DiskSection><Disk ovf:diskId="d1" ovf:fileRef="f1"/></DiskSection>'
        '<VirtualSystem ovf:id="shop"><Name>shop</Name><VirtualHardwareSection>'
        "<Item><ResourceType>3</ResourceType><VirtualQuantity>2</VirtualQuantity></Item>"
        "<Item><AllocationUnits>byte * 2^20</AllocationUnits><ResourceType>4</ResourceType>"
        "<VirtualQuantity>512</VirtualQuantity></Item>"
        "<Item><InstanceID>9</InstanceID><ResourceType>20</ResourceType></Item>"
        "<Item><AddressOnParent>0</AddressOnParent><HostResource>ovf:/disk/d1</HostResource><Parent>9</Parent>"
        "<ResourceType>17</ResourceType></Item></VirtualHardwareSection></VirtualSystem></Envelope>"
    )
    node.good("qm", "importovf", "300", "/tmp/a.ovf", "local")
    made = section(node, "300")
    assert (made["name"], made["memory"], made["cores"]) == ("shop", "512", "2")
    assert (made["sata0"], made["boot"]) == ("local:300/vm-300-disk-0.raw", "order=sata0")
    assert "lock" not in made


def test_the_monitor_takes_commands_until_it_ends(node: Node) -> None:
    node.good("qm", "start", "200")
    assert node("qm", "sendkey", "200", "ctrl-alt-delete").code == 0
    assert node("qm", "sendkey", "200", "nokey").err.startswith("invalid parameter: nokey")
    assert node.good("qm", "monitor", "200").startswith("Entering QEMU Monitor for VM 200")
