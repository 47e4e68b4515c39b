"""The node: whether it is one, whether it can be changed now, and what is in it. Read from files; no tool is run."""

from __future__ import annotations

import os

from phoenix import files
from phoenix.errors import NotReady
from phoenix.paths import REHEARSAL, TOOL_FOLDERS, Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage

RELEASES = (8, 9)
DEBIAN_BEFORE = 4
"""How many releases Debian is ahead: Proxmox VE 9 is on Debian 13."""
KINDS = {"lxc": "CT", "qemu-server": "VM"}
"""The folders of guests in a node's part of /etc/pve, and what Proxmox VE calls such a guest."""


class Node:
    """One Proxmox VE node, on which the cluster file system is seen to be mounted. NotReady if it is not.

    One that is `still` is for looking at many guests: what tells of all of them is read once, when it is first asked
    for. Whoever changes anything reads it again each time.
    """

    def __init__(self, paths: Paths, *, still: bool = False) -> None:
        self.paths = paths
        self._still = still
        self._owners: dict[str, list[tuple[str, str]]] | None = None
        self._starts: dict[str, tuple[bool, str]] | None = None
        self._fire: frozenset[str] | None = None
        try:
            self.name = os.path.basename(os.readlink(paths.pve + "/local"))
        except OSError as error:
            raise no_cluster_files(paths) from error

    def check_changeable(self) -> None:
        """NotReady unless the node can be changed now: by this user, and with a quorum."""
        if os.geteuid() and not os.path.isdir(self.paths(REHEARSAL)):
            raise NotReady("changing a node takes root", "run it again as root, or with --root DIR on a rehearsal node")
        if not self.has_quorum():
            raise NotReady(
                "the cluster has no quorum, so nothing can be changed safely",
                "pvecm status shows which nodes are missing; run it again when the quorum is back",
            )

    def tool(self, name: str) -> str:
        """The path of a Proxmox VE tool. NotReady if it is not installed."""
        for folder in TOOL_FOLDERS:
            path = self.paths(f"{folder}/{name}")
            if os.access(path, os.X_OK):
                return path
        raise NotReady(
            f"{name} is not installed in {self.paths('/usr/sbin')}",
            "pveversion --verbose; apt-get install proxmox-ve",
        )

    def has_quorum(self) -> bool:
        """Whether the cluster file system takes changes, as pmxcfs shows it: a mode bit, and in .members."""
        if not os.lstat(self.paths.pve + "/local").st_mode & 0o200:
            return False
        try:
            text = files.read_text(self.paths.pve + "/.members")
        except OSError:
            return True
        quorate = text.partition('"quorate"')[2].lstrip(" :")[:1]
        return quorate != "0"

    def nodes(self) -> list[str]:
        """The nodes of the cluster. NotReady if they cannot be seen."""
        base = self.paths.pve + "/nodes"
        try:
            return sorted(os.listdir(base))
        except OSError as error:
            raise NotReady(f"{base}: {error.strerror}", "systemctl status pve-cluster") from error

    def owners(self, guest: str) -> list[tuple[str, str]]:
        """Who has an ID, in the whole cluster: (node, "CT" or "VM") each."""
        if self._still:
            if self._owners is None:
                self._owners = self._all_owners()
            return self._owners.get(guest, [])
        return [
            (node, name)
            for node in self.nodes()
            for folder, name in KINDS.items()
            if os.path.exists(self.paths.guest_config(folder, guest, node))
        ]

    def _all_owners(self) -> dict[str, list[tuple[str, str]]]:
        """Who has each ID that is taken in the cluster."""
        found: dict[str, list[tuple[str, str]]] = {}
        for path in self.guest_files():
            folder, _, name = path.rpartition("/")
            nodes, _, kind = folder.rpartition("/")
            owner = nodes.rpartition("/")[2], KINDS[kind]
            found.setdefault(name[: -len(".conf")], []).append(owner)
        return found

    def guest_files(self) -> list[str]:
        """The files of all guests in the cluster."""
        folders = [f"{self.paths.pve}/nodes/{node}/{folder}" for node in self.nodes() for folder in KINDS]
        return [
            f"{folder}/{name}"
            for folder in folders
            if os.path.isdir(folder)
            for name in sorted(os.listdir(folder))
            if is_guest_file(name)
        ]

    def guest_ids(self, folder: str) -> list[str]:
        """The IDs of this node's guests of one kind."""
        try:
            names = os.listdir(f"{self.paths.pve}/{folder}")
        except OSError:
            return []
        return sorted((name[: -len(".conf")] for name in names if is_guest_file(name)), key=int)

    def storages(self) -> dict[str, Storage]:
        """The storages of the cluster, by name."""
        from phoenix.pve import storages

        try:
            return storages.parse(files.read_text(self.paths.pve + "/storage.cfg"))
        except FileNotFoundError:
            return storages.parse("")

    def release(self) -> int:
        """The major release of Proxmox VE, which goes with that of Debian; a later one where it cannot be seen."""
        try:
            debian = files.read_text(self.paths("/etc/debian_version")).partition(".")[0].strip()
        except OSError:
            debian = ""
        return int(debian) - DEBIAN_BEFORE if debian.isdigit() else max(RELEASES)

    def sub_ids(self, path: str) -> list[tuple[int, int]]:
        """The ranges of identities that root may map (the first, and the one after the last), as `path` says."""
        try:
            lines = files.read_text(self.paths(path)).split("\n")
        except OSError:
            return []
        fields = [line.split(":") for line in lines if line.startswith(("root:", "0:"))]
        return [(int(first), int(first) + int(count)) for _, first, count in fields if (first + count).isdigit()]

    def has_bridge(self, name: str) -> bool:
        """Whether a network bridge is there now."""
        return os.path.isdir(self.paths("/sys/class/net/" + name))

    def bridge_mtu(self, name: str) -> int:
        """The largest packet of a bridge, 0 where that cannot be seen."""
        try:
            text = files.read_text(self.paths(f"/sys/class/net/{name}/mtu")).strip()
        except OSError:
            return 0
        return int(text) if text.isdigit() else 0

    def container_start(self, guest: str) -> str:
        """What tells this start of a container from others, "" if it is stopped.

        Its monitor listens on an abstract socket; the number of that is of this start alone.
        """
        if self._starts is None or not self._still:
            self._starts = self._container_starts()
        return self._starts.get(guest, (False, ""))[1]

    def _container_starts(self) -> dict[str, tuple[bool, str]]:
        """By container that runs: whether a socket that listens was seen, and the number of the socket."""
        try:
            sockets = files.read_text(self.paths("/proc/net/unix"))
        except OSError as error:
            raise NotReady(f"/proc/net/unix cannot be read: {error.strerror}", "mount | grep proc") from error
        found: dict[str, tuple[bool, str]] = {}
        for line in sockets.split("\n"):
            begin, _, name = line.partition(" @/var/lib/lxc/")
            guest, slash, rest = name.partition("/")
            fields = begin.split()
            if slash and rest == "command" and fields:
                # Besides the socket that listens (flags 00010000) there is one for each connection, for a moment.
                listens = fields[3:4] == ["00010000"]
                if guest not in found or (listens and not found[guest][0]):
                    found[guest] = listens, fields[-1]
        return found

    def processors(self) -> int:
        """How many processors the node has, 0 where that cannot be seen."""
        try:
            lines = files.read_text(self.paths("/proc/cpuinfo")).split("\n")
        except OSError:
            return 0
        return sum(line.startswith("processor") for line in lines)

    def firewall(self, guest: str) -> str:
        """The file of a guest's firewall, "" if there is none."""
        if self._still and f"{guest}.fw" not in self._firewalls():
            return ""
        try:
            return files.read_text(f"{self.paths.pve}/firewall/{guest}.fw")
        except FileNotFoundError:
            return ""

    def _firewalls(self) -> frozenset[str]:
        """The names of the files of firewalls, looked up once."""
        if self._fire is None:
            try:
                self._fire = frozenset(os.listdir(f"{self.paths.pve}/firewall"))
            except FileNotFoundError:
                self._fire = frozenset()
        return self._fire

    def machine_start(self, guest: str) -> str:
        """What tells this start of a virtual machine from others: its process, "" if it is stopped.

        The number in its file may be that of another process by now; QEMU's own command line says whose it is.
        """
        try:
            pid = files.read_text(self.paths(f"/run/qemu-server/{guest}.pid")).strip()
            words = files.read_text(self.paths(f"/proc/{pid}/cmdline")).split("\0") if pid.isdigit() else []
        except OSError:
            return ""
        return pid if guest in (word for flag, word in zip(words, words[1:]) if flag == "-id") else ""


def is_guest_file(name: str) -> bool:
    """Whether a file of that name is a guest's; a copy such as 101-old.conf is none."""
    return name.endswith(".conf") and name[: -len(".conf")].isdigit()


def no_cluster_files(paths: Paths) -> NotReady:
    """The error for an /etc/pve that is missing or empty: it says nothing about which guests there are."""
    if not os.path.isdir(paths.pve):
        where = paths.root or "this machine"
        return NotReady(
            f"there is no {paths.pve}: {where} is not a Proxmox VE node",
            "for a trial: phoenix.pyz node new DIR, then phoenix.pyz --root=DIR ...",
        )
    return NotReady(
        f"{paths.pve} has no `local`: the cluster file system is not mounted, so the guests cannot be seen",
        "systemctl status pve-cluster; journalctl -u pve-cluster",
    )
