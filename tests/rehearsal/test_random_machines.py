"""Random virtual machines: whatever they are changed into, nothing is left to plan."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from phoenix import process
from tests.rehearsal.forked import World
from tests.rehearsal.randomly import ADDRESSES, NAMES, WORDS, many, table

pytestmark = pytest.mark.processes

IMAGE = "/var/lib/vz/noble.img"
SIZES = st.integers(1, 4).map("{}G".format)
MACS = st.builds("BC:24:11:{:02X}:{:02X}:{:02X}".format, *[st.integers(0, 255)] * 3)
DISK = {
    "discard": st.booleans(),
    "backup": st.booleans(),
    "cache": st.sampled_from(("none", "writeback", "directsync")),
    "aio": st.sampled_from(("native", "threads", "io_uring")),
    "mbps": st.sampled_from((1, 10.5)),
}
DISKS = st.one_of(
    table({"storage": st.just("local"), "size": SIZES}, **DISK),
    table({"storage": st.just("local"), "size": SIZES, "format": st.sampled_from(("raw", "qcow2"))}, **DISK),
    table(
        {"storage": st.just("local"), "import_from": st.just(IMAGE)}, size=st.integers(2, 4).map("{}G".format), **DISK
    ),
)
NET = table(
    {"model": st.sampled_from(("virtio", "e1000", "vmxnet3")), "bridge": st.just("vmbr0")},
    firewall=st.booleans(),
    link_down=st.booleans(),
    macaddr=MACS,
    queues=st.integers(0, 4),
    rate=st.integers(1, 1000),
    tag=st.integers(1, 4094),
    trunks=st.just(["10", "20-30"]),
)
DISC = st.sampled_from(({"file": "none"}, {"file": "local:iso/debian.iso"}))
OPTIONS = {
    "acpi": st.booleans(),
    "agent": st.one_of(st.booleans(), table({"enabled": st.just(True)}, fstrim_cloned_disks=st.booleans())),
    "args": st.just("-no-hpet"),
    "audio0": table({"device": st.just("AC97")}, driver=st.sampled_from(("spice", "none"))),
    "autostart": st.booleans(),
    "balloon": st.integers(0, 128),
    "bios": st.sampled_from(("seabios", "ovmf")),
    "citype": st.sampled_from(("nocloud", "configdrive2")),
    "cores": st.integers(1, 2),
    "cpu": st.one_of(st.sampled_from(("host", "kvm64")), table({"cputype": st.just("host")}, hidden=st.booleans())),
    "cpulimit": st.one_of(st.integers(0, 64), st.sampled_from((0.5, 1.25))),
    "cpuunits": st.integers(1, 10000),
    "description": st.lists(WORDS, max_size=4).map("\n".join),
    "efidisk0": table({"storage": st.just("local")}, efitype=st.sampled_from(("2m", "4m"))),
    "hotplug": st.lists(st.sampled_from(("network", "disk", "usb")), unique=True, min_size=1),
    "ide0": DISC,
    "keyboard": st.sampled_from(("de", "fr")),
    "kvm": st.booleans(),
    "localtime": st.booleans(),
    "machine": st.one_of(st.just("q35"), table({"type": st.just("q35")}, viommu=st.just("virtio"))),
    "memory": st.integers(128, 65536),
    "name": NAMES,
    "nameserver": st.lists(ADDRESSES, max_size=2),
    "numa": st.booleans(),
    "onboot": st.booleans(),
    "ostype": st.sampled_from(("l26", "win11", "other")),
    "rng0": st.one_of(st.just("/dev/urandom"), table({"source": st.just("/dev/random")}, max_bytes=st.integers(1, 99))),
    "scsihw": st.sampled_from(("virtio-scsi-pci", "virtio-scsi-single")),
    "searchdomain": st.lists(NAMES, max_size=2),
    "serial0": st.just("socket"),
    "shares": st.integers(0, 50000),
    "smbios1": table(
        {}, uuid=st.just("58e7f1c6-2aad-4a83-a5a6-6aa367ce082f"), serial=st.just("QUJD"), base64=st.just(True)
    ),
    "sockets": st.just(1),
    "startup": table({}, order=st.integers(0, 99), up=st.integers(0, 99)).filter(bool),
    "tablet": st.booleans(),
    "tags": st.lists(NAMES, max_size=3),
    "tpmstate0": table({"storage": st.just("local"), "version": st.sampled_from(("v1.2", "v2.0"))}),
    "usb0": st.sampled_from(("spice", {"host": "spice", "usb3": True})),
    "vga": st.one_of(st.sampled_from(("std", "serial0")), table({"type": st.just("qxl")}, memory=st.integers(16, 128))),
    "watchdog": table({"model": st.just("i6300esb")}, action=st.sampled_from(("reset", "none"))),
}
FIXED = ("scsi0", "scsi1", "virtio0", "sata0", "ide0", "ide2", "efidisk0", "tpmstate0")


@st.composite
def machines(draw):
    """A file of a machine, as tables."""
    found = draw(table({}, **OPTIONS))
    found.update(draw(table({}, scsi0=DISKS, scsi1=DISKS, virtio0=DISKS, sata0=DISKS)))
    for number, net in enumerate(draw(st.lists(NET, max_size=2))):
        found[f"net{number}"] = net
    if draw(st.booleans()):
        found["ide2"] = {"storage": "local", "cloudinit": True}
        found["ciuser"] = draw(NAMES)
        found["ipconfig0"] = draw(st.one_of(st.just({"ip": "dhcp"}), ADDRESSES.map(lambda text: {"ip": f"{text}/24"})))
    order = [name for name in found if name.rstrip("0123456789") in ("scsi", "virtio", "net")]
    if order and draw(st.booleans()):
        found["boot"] = {"order": draw(st.permutations(order))}
    found["phoenix"] = {"state": draw(st.sampled_from(("running", "stopped")))}
    return found


@pytest.fixture
def world(tmp_path, monkeypatch):
    made = World(tmp_path / "node", "9002", kind="vm")
    monkeypatch.setattr(process, "run_tool", made.tool)
    firmware = made.root / "usr/share/pve-edk2-firmware/OVMF_CODE.fd"
    firmware.parent.mkdir(parents=True)
    firmware.write_bytes(b"firmware")
    (made.root / "var/lib/vz/template/iso/debian.iso").write_bytes(b"disc")
    image = made.root / IMAGE[1:]
    image.write_bytes(b"system")
    with open(image, "r+b") as file:
        file.truncate(1 << 30)
    agents = made.root / "usr/share/phoenix-rehearsal/agents"
    agents.mkdir(parents=True)
    (agents / "all.json").write_text("{}")
    return made


def test_some_random_machines(world, capsys):
    many(25, world, machines(), FIXED)


@pytest.mark.slow
def test_two_thousand_random_machines(world, capsys):
    many(1000, world, machines(), FIXED)  # two machines each
