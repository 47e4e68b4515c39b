"""A machine's file: what it says is decoded as qm would store it, and every fault of it is said."""

from __future__ import annotations

import pytest
import tomli

from phoenix.config.load import Document
from phoenix.errors import ConfigError
from phoenix.guests import machine
from phoenix.guests.guest import Image

LEAST = 'scsi0 = { storage = "local-lvm", size = "8G" }\n'
DRIVE = 'ide2 = { storage = "local", cloudinit = true }\n'


def decode(text):
    return machine.decode(Document("/etc/phoenix/vm/9002.toml", tomli.loads(text)), "9002")


def test_the_least_that_a_file_can_say():
    made = decode("")
    assert (made.name, made.running, dict(made.settings)) == ("VM9002", True, {})


@pytest.mark.parametrize(
    ("text", "name", "setting"),
    [
        ("memory = 2048", "memory", {"current": "2048"}),
        ("agent = true", "agent", {"enabled": "1"}),
        ('cpu = "host"', "cpu", {"cputype": "host"}),
        ('cpu = { cputype = "host", flags = ["+aes", "-pcid"] }', "cpu", {"cputype": "host", "flags": "+aes;-pcid"}),
        ('vga = "serial0"', "vga", {"type": "serial0"}),
        ('hostpci0 = "01:00.0"', "hostpci0", {"host": "01:00.0"}),
        ('hotplug = ["network", "disk"]', "hotplug", "network,disk"),
        ('tags = ["b", "A"]', "tags", "a;b"),
        ("numa = true", "numa", "1"),
        ('numa0 = { cpus = "0-1", memory = 512 }', "numa0", {"cpus": "0-1", "memory": "512"}),
        (LEAST, "scsi0", {"storage": "local-lvm", "size": "8G"}),
        (
            'scsi0 = { storage = "l1", size = "1024M", discard = true, ssd = true }', "scsi0",
            {"storage": "l1", "size": "1G", "discard": "on", "ssd": "1"},
        ),
        (
            'scsi0 = { storage = "l1", import_from = "/x", discard = false }', "scsi0",
            {"storage": "l1", "discard": "ignore"},
        ),
        (DRIVE, "ide2", {"storage": "local", "cloudinit": "1"}),
        ('ide2 = { file = "none" }', "ide2", {"file": "none", "media": "cdrom"}),
        ('ide2 = { file = "local:iso/a.iso" }', "ide2", {"file": "local:iso/a.iso", "media": "cdrom"}),
        ('scsi3 = { file = "/dev/disk/by-id/x" }', "scsi3", {"file": "/dev/disk/by-id/x"}),
        ('efidisk0 = { storage = "l1", efitype = "4m" }', "efidisk0", {"storage": "l1", "efitype": "4m"}),
        (
            'net0 = { model = "virtio", macaddr = "bc:24:11:00:00:0a" }', "net0",
            {"model": "virtio", "macaddr": "BC:24:11:00:00:0A"},
        ),
    ],
)  # fmt: skip
def test_it_is_decoded_as_qm_would_store_it(text, name, setting):
    assert decode(text).settings[name] == setting


def test_what_a_disk_is_made_of_is_not_part_of_what_it_is():
    digest = "a" * 64
    made = decode(f'scsi0 = {{ storage = "l1", import_from = "/root/noble.img", sha256 = "{digest}" }}')
    assert made.settings["scsi0"] == {"storage": "l1"}
    assert made.images == {"scsi0": Image("/root/noble.img", digest)}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hostname = 'web'", "hostname: unknown key"),
        ("scsi31 = { storage = 'l1', size = '8G' }", "scsi31: unknown key"),
        ("scsi0 = 8", "scsi0: expected a table, found 8"),
        ("scsi0 = { size = '8G' }", "scsi0.storage: expected the name of a storage, found nothing"),
        ("scsi0 = { storage = 'l1' }", "scsi0.size: expected whole MiB or GiB"),
        ("scsi0 = { storage = 'l1', size = '8G', import-from = '/x' }", "scsi0.import-from: write import_from"),
        ("scsi0 = { storage = 'l1', import_from = 'x.img' }", "scsi0.import_from: expected an image"),
        ("scsi0 = { storage = 'l1', import_from = '/a/../x' }", "scsi0.import_from: expected an image"),
        ("scsi0 = { storage = 'l1', import_from = '/x', sha256 = 'A' }", "scsi0.sha256: expected 64 digits"),
        ("scsi0 = { storage = 'l1', size = '8G', sha256 = 'a' }", "scsi0.sha256: it is that of the image"),
        ("scsi0 = { file = 'l1:vm-9001-disk-0' }", "scsi0.file: expected a disc"),
        ("scsi0 = { file = '/etc/passwd' }", "scsi0.file: expected a disc"),
        ("scsi0 = { file = '/dev/../etc/passwd' }", "scsi0.file: expected a disc"),
        ("scsi0 = { file = 'none', storage = 'l1' }", "scsi0.file: expected a disc"),
        ("scsi0 = { storage = 'l1', size = '8G', volume = 'x' }", "scsi0.volume: unknown key"),
        ("efidisk0 = { storage = 'l1', size = '4M' }", "efidisk0.size: qm makes it as large as it has to be"),
        ("ide2 = { storage = 'l1', cloudinit = false }", "ide2.cloudinit: expected true"),
        ("ide2 = { storage = 'l1', cloudinit = true, size = '8G' }", "ide2.cloudinit: expected true"),
        (DRIVE + "ide0 = { storage = 'l1', cloudinit = true }", "the drive of cloud-init is ide2 already"),
        ("ciuser = 'x'", "ciuser: the machine has no drive of cloud-init that tells it"),
        ("ipconfig0 = { ip = 'dhcp' }", "ipconfig0: the machine has no drive of cloud-init"),
        ("cipassword_file = '/root/x'", "cipassword_file: the machine has no drive of cloud-init"),
        ("cipassword = 'x'", "cipassword: passwords are not for this file"),
        ("sshkeys = 'x'", "sshkeys: write sshkeys_file = PATH"),
        ("sshkeys_file = 'x'\n" + DRIVE, "sshkeys_file: expected the absolute path"),
        ("template = true", "template: write state"),
        ("cdrom = 'none'", "cdrom: it is another word for ide2"),
        ("boot = { order = ['scsi0'] }", "boot.order: there is no scsi0"),
        ("memory = 1", "memory.current: expected an integer, at least 16"),
        ("net0 = { virtio = 'BC:24:11:00:00:0A' }", "net0.virtio: unknown key"),
        ("net0 = { bridge = 'vmbr0' }", "net0.model: missing"),
        ("[phoenix]\nwait = { agent = 5 }", "agent: the guest agent is asked (agent)"),
        ("[phoenix]\nprovision = ['docker']", "agent: the guest agent is asked (agent)"),
        ("[phoenix]\nhealth = [{ command = 'true' }]", "agent: the guest agent is asked (command true)"),
        ("[phoenix]\nwait = { agent = 0 }", "phoenix.wait.agent: expected an integer from 1"),
        ("[phoenix]\nwait = { ssh = 5 }", "phoenix.wait.ssh: unknown key"),
        ("[phoenix]\nhealth = [{ tcp = '22' }]", "no net has a fixed address"),
        ("[snippets]\nstorage = 'local'\nusr = {}", "snippets.usr: unknown key"),
        ("[snippets]\nuser = {}", "snippets.storage: expected the name of a storage"),
        ("[snippets]\nstorage = 'local'\nuser = { a = 2026-01-01 }", "snippets.user: dates and times"),
        ("[snippets]\nstorage = 'local'\nuser = '../x'", "snippets.user: expected a text"),
        ("cicustom = { user = 'l:snippets/x' }\n[snippets]\nstorage = 'local'\nuser = {}", "cicustom: snippets says"),
        ("clone = { from = 900, format = 'vdi' }", "clone.format: expected one of raw, qcow2, vmdk"),
    ],
)  # fmt: skip
def test_one_fault(text, fault):
    with pytest.raises(ConfigError) as error:
        decode(text)
    assert fault in error.value.message
    assert "/etc/phoenix/vm/9002.toml" in error.value.message


def test_all_faults_of_a_file_are_said_at_once():
    with pytest.raises(ConfigError) as error:
        decode('scsi0 = 8\nmemory = 1\nhostname = "x"')
    assert len(error.value.message.splitlines()) == 3


def test_an_agent_is_waited_for_where_one_is_needed():
    made = decode("agent = true\n[phoenix]\nprovision = ['docker']")
    assert [(check.name, check.within) for check in made.ours.wait] == [("agent", 300)]
    made = decode("agent = true\n[phoenix]\nwait = { cloud_init = 60 }")
    assert [(check.name, check.within) for check in made.ours.wait] == [("agent", 300), ("cloud-init", 60)]


def test_snippets_are_written_whole_and_named_in_cicustom():
    made = decode(DRIVE + "[snippets]\nstorage = 'local'\nvendor = { packages = ['vim'] }\nmeta = { a = 1 }")
    assert made.settings["cicustom"] == {
        "vendor": "local:snippets/phoenix-9002-vendor.yaml", "meta": "local:snippets/phoenix-9002-meta.yaml",
    }  # fmt: skip
    assert made.snippets["local:snippets/phoenix-9002-vendor.yaml"] == (
        '#cloud-config\n{\n "packages": [\n  "vim"\n ]\n}\n'
    )
    assert made.snippets["local:snippets/phoenix-9002-meta.yaml"] == '{\n "a": 1\n}\n'


def test_the_address_of_a_machine_is_what_cloud_init_gives_it():
    made = decode(DRIVE + 'ipconfig0 = { ip = "10.0.0.5/24" }\n[phoenix]\nhealth = [{ tcp = "22" }]')
    assert made.address == "10.0.0.5"
