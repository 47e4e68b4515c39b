"""Nvidia: the driver from a file that is on the node already, by its checksum, and its devices for containers.

The installer wants a kernel without nouveau, so where that is loaded it is blacklisted first, and the driver comes
after a new start of the node.
"""

from __future__ import annotations

from phoenix.host import kernel, tables
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, Step, write
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host

LOAD = "/etc/modules-load.d/phoenix-nvidia.conf"
BLACKLIST = "/etc/modprobe.d/phoenix-nvidia.conf"
RULES = "/etc/udev/rules.d/70-phoenix-nvidia.rules"
TEXTS = {
    LOAD: kernel.load_list(("nvidia", "nvidia_uvm")),
    BLACKLIST: "blacklist nouveau\noptions nouveau modeset=0\n",
    # A container's devN entry wants the device files when it starts, which nothing on a node without a screen makes.
    RULES: 'ACTION=="add", SUBSYSTEM=="module", KERNEL=="nvidia_uvm", RUN+="/usr/bin/nvidia-modprobe -c0 -u"\n',
}
AFTER = {BLACKLIST: (kernel.INITRAMFS,), RULES: (("udevadm", "control", "--reload"),)}
INSTALL_SECONDS = 1800
SCHEMA: tables.Schema = by_name(
    Option("version", pattern=r"[0-9]+(\.[0-9]+)+", required=True),
    Option("runfile", pattern=r"/[^\s]+", required=True),
    Option("sha256", pattern=r"[0-9a-f]{64}", required=True),
)


class Wanted(Value):
    """The section [nvidia]."""

    version: str
    runfile: str
    sha256: str


class State(Value):
    """What is there. `installed` and `loaded` are versions, "" for none; `digest` is "" where there is no file."""

    texts: dict[str, str]
    nouveau: bool
    installed: str
    loaded: str
    digest: str
    devices: bool
    sources: bool  # those of the running kernel, which the driver is built for


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    found = tables.decode(SCHEMA, "nvidia", table, faults)
    return Wanted(found.get("version", ""), found.get("runfile", ""), found.get("sha256", ""))


def observe(host: Host, wanted: Wanted) -> State:
    """What is there; the file is read only where it is to be run."""
    installed = wanted.version if host.exists(f"/usr/src/nvidia-{wanted.version}") else ""
    release = host.text("/proc/sys/kernel/osrelease").strip()
    return State(
        {path: host.text(path) for path in TEXTS},
        bool(kernel.loaded(host, ("nouveau",))),
        installed,
        host.text("/sys/module/nvidia/version").strip(),
        "" if installed else host.sha256(wanted.runfile),
        host.exists("/dev/nvidia-uvm"),
        host.exists(f"/lib/modules/{release}/build"),
    )


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done now; what waits for a new start of the node is said."""
    differing = [path for path, text in TEXTS.items() if state.texts[path] != text]
    steps = [write(path, TEXTS[path], *AFTER.get(path, ())) for path in differing]
    differences = [
        Difference(path, "written otherwise" if state.texts[path] else "", "as Phoenix has it") for path in differing
    ]
    missing: tuple[Obstacle, ...] = ()
    reboot: list[str] = []
    if not state.installed:
        differences.append(Difference("version", state.loaded, wanted.version))
        missing = _missing(wanted, state)
        if state.nouveau:
            reboot.append("nouveau is loaded, and the driver is installed without it")
        else:
            steps.append(_install(wanted))
    elif state.loaded and state.loaded != wanted.version:
        reboot.append(f"the driver {state.loaded} is loaded, and {wanted.version} is installed")
    elif not state.loaded:
        differences.append(Difference("nvidia", "", "loaded"))
        steps.append(Step("load nvidia", ("modprobe", "nvidia")))
    elif not state.devices:
        differences.append(Difference("/dev/nvidia-uvm", "", "there"))
        steps.append(Step("devices", ("nvidia-modprobe", "-c0", "-u")))
    return Plan(tuple(steps), tuple(differences), missing=missing, reboot=tuple(reboot))


def _install(wanted: Wanted) -> Step:
    words = ("--silent", "--no-questions", "--ui=none", "--dkms", "--no-x-check")
    hint = "less /var/log/nvidia-installer.log"
    return Step("install", ("sh", wanted.runfile, *words), seconds=INSTALL_SECONDS, hint=hint)


def _missing(wanted: Wanted, state: State) -> tuple[Obstacle, ...]:
    if not state.digest:
        return (Obstacle(f"nvidia.runfile: there is no {wanted.runfile}", f"copy it to the node: {wanted.runfile}"),)
    if state.digest != wanted.sha256:
        why = f"nvidia.sha256: {wanted.runfile} has the SHA-256 {state.digest}"
        return (Obstacle(why, f"copy the right file to the node, or correct sha256: sha256sum {wanted.runfile}"),)
    if not state.sources:
        why = "nvidia: the headers of the running kernel are not installed, and the driver is built with them"
        return (Obstacle(why, "apt-get install proxmox-headers-$(uname -r) dkms; or [apt] packages"),)
    return ()
