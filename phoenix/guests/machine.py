"""A virtual machine as its file describes it: TOML decoded by qm's option table into what qm would store."""

from __future__ import annotations

from phoenix.config.faults import Faults
from phoenix.guests import keys, ours
from phoenix.guests.guest import Guest, Image
from phoenix.guests.kind import Kind
from phoenix.pve import guestconf
from phoenix.pve.node import Node
from phoenix.pve.options import Option, by_name
from phoenix.pve.qm import QM
from phoenix.pve.tables import machine as tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.config.load import Document
    from phoenix.guests.values import Setting

CREATION = by_name(Option("bwlimit", "integer", 0), Option("pool", format="pve-poolid"))
"""What matters only when the machine is made."""

FILES = ("cipassword_file", "sshkeys_file")
"""Keys that name files of root on the node."""

OWN = ("snippets",)
"""Keys that are no options of a machine's configuration but our words for it."""

OTHERWISE = {
    "archive": "Phoenix makes machines of images and clones: qmrestore",
    "bootdisk": 'write boot = { order = ["scsi0"] }',
    "cdrom": "it is another word for ide2",
    "cipassword": "passwords are not for this file: cipassword_file names one that only root can read",
    "force": "Phoenix never replaces a guest",
    "freeze": "it is for debugging; a machine that stands still is never ready",
    "ha-managed": "ha-manager add vm:ID puts it under high availability, and Phoenix leaves it to that then",
    "lock": "a lock is Proxmox VE's own business",
    "smp": "write cores and sockets",
    "sshkeys": "write sshkeys_file = PATH",
    "start": 'write state = "running" into [phoenix]',
    "storage": "each disk says its own: scsi0.storage",
    "template": 'write state = "template" into [phoenix]',
    "unique": "it is for restored backups",
    "unused": "what a volume is for is said by scsi0 and on",
    "vmgenid": "qm makes it",
}
"""Options of qm that a file does not take, and why."""


def decode(document: Document, guest: str) -> Guest:
    """The virtual machine that a file describes. ConfigError naming every fault of the file."""
    faults = Faults(document)
    table = dict(document.table)
    wish = ours.decode(table.pop("phoenix", {}), MACHINE.name, faults)
    clone = keys.clone(MACHINE, table, faults)
    creation = keys.texts(table, CREATION, faults)
    firewall = keys.firewall(table, faults)
    paths = keys.paths(table, FILES, faults)
    named, snippets = _snippets(table, guest, document, faults)
    settings = keys.settings(MACHINE, table, (*OWN, *FILES, *CREATION), OTHERWISE, faults)
    images = _images(settings)
    if named:
        settings["cicustom"] = named
    if firewall:
        keys.guard_nets(settings)
    _check_boot(settings, clone, faults)
    made = Guest(
        kind=MACHINE,
        id=guest,
        path=document.path,
        settings=settings,
        ours=wish,
        images=images,
        clone=clone,
        creation=creation,
        files=paths,
        firewall=firewall,
        snippets=snippets,
    )
    _check_cloud_init(made, faults)
    _check_agent(made, faults)
    if made.ours.health:
        ours.check_addresses(made.ours, made.address, faults)
    faults.stop()
    return made


def _snippets(
    table: dict[str, object], guest: str, document: Document, faults: Faults
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What cicustom has to name, and the files by volume."""
    if "snippets" not in table:
        return {}, {}
    from phoenix.guests import snippets

    if "cicustom" in table:
        faults.say("cicustom", "snippets says what it is; write one of the two")
    return snippets.decode(table.pop("snippets"), guest, document, faults)


def _images(settings: dict[str, Setting]) -> dict[str, Image]:
    """Take what disks are made of out of their settings, which are compared with what is there."""
    found = {}
    for name, setting in settings.items():
        if not isinstance(setting, str) and "import-from" in setting:
            rest = dict(setting)
            found[name] = Image(rest.pop("import-from"), rest.pop("sha256", ""))
            settings[name] = rest
    return found


def _check_boot(settings: Mapping[str, Setting], clone: Mapping[str, str], faults: Faults) -> None:
    """Fault devices to boot from that are not there: qm takes them, and the machine does not boot."""
    boot = settings.get("boot", "")
    order = "" if isinstance(boot, str) else boot.get("order", "")
    for device in order.split(";") if order and not clone else ():
        if device not in settings:
            faults.say("boot.order", f"there is no {device}")


def _check_cloud_init(wanted: Guest, faults: Faults) -> None:
    """Fault what cloud-init is to do without a drive that tells it."""
    drives = [
        name for name, setting in wanted.settings.items() if not isinstance(setting, str) and "cloudinit" in setting
    ]
    if len(drives) > 1:
        faults.say(f"{drives[1]}.cloudinit", f"the drive of cloud-init is {drives[0]} already")
    told = [name for name in wanted.settings if name.startswith(("ci", "ipconfig")) and name != "citype"]
    told += [*wanted.files, *(["snippets"] if wanted.snippets else [])]
    if told and not drives and not wanted.clone:
        drive = 'ide2 = { storage = "local", cloudinit = true }'
        faults.say(told[0], f"the machine has no drive of cloud-init that tells it; write {drive}")


def _check_agent(wanted: Guest, faults: Faults) -> None:
    """Fault what needs an agent that the machine does not have."""
    agent = wanted.settings.get("agent")
    enabled = agent is not None and not isinstance(agent, str) and agent.get("enabled") == "1"
    asked = [*wanted.ours.wait, *(check for check in wanted.ours.health if check.kind in ("command", "network"))]
    if asked and not enabled and not (wanted.clone and agent is None):
        asks = f"the guest agent is asked ({asked[0].name})"
        faults.say("agent", f"{asks}; write agent = true, and have qemu-guest-agent in the image")


MACHINE = Kind(
    name="vm",
    noun="virtual machine",
    word="VM",
    folder="qemu-server",
    resource="vm",
    lock="/var/lock/qemu-server/lock-{}.conf",
    tool=QM,
    table=tables.GUEST,
    pending=guestconf.VM_PENDING,
    volumes=("ide", "sata", "scsi", "virtio", "efidisk", "tpmstate"),
    kept=("boot", "smbios1"),
    content="images",
    decode=decode,
    start=Node.machine_start,
)
"""What there is to know of virtual machines."""
