"""The present node: this machine, or one in a folder, as its files show it. They are read, and nothing else."""

from __future__ import annotations

import os
import stat

from phoenix import errors
from phoenix.pve import formats, storages
from phoenix.rehearsal import hidden, jsons
from phoenix.rehearsal.tree import FACTS, Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from phoenix.pve.storages import Storage

_CLUSTER_FILES = ("corosync.conf", "datacenter.cfg", "jobs.cfg", "replication.cfg", "user.cfg", "vzdump.cron")
_CLUSTER_FOLDERS = {
    "firewall": ".fw",
    "ha": ".cfg",
    "mapping": ".cfg",
    "virtual-guest": ".conf",
}
"""Of /etc/pve what the tools read, besides storage.cfg and the guests. What is not named here is not looked at:
priv, keys, certificates, and what may hold tokens, such as domains.cfg and sdn."""
_OURS = ("/var/lib/phoenix/records", "/var/lib/phoenix/journal")
"""What proves which guests Phoenix made."""
_PASSING = ("fwbr", "fwln", "fwpr", "tap", "veth")
"""How the interfaces begin that a running guest brings and takes away."""
_LOCKS = (
    ("/run/lock/lxc", "pve-config-", ".lock"),
    ("/run/lock/phoenix", "lxc-", ".lock"),
    ("/run/lock/phoenix", "vm-", ".lock"),
    ("/run/lock/qemu-server", "lock-", ".conf"),
)
_MOST = 64 << 20


class Present(Tree):
    """The node in `root`, "" for this machine. `remarks` collects what could not be seen. NotReady if it is no node."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self.remarks: list[str] = []
        try:
            self.name = os.path.basename(os.readlink(self("/etc/pve/local")))
        except OSError as error:
            raise errors.NotReady(
                f"{self('/etc/pve/local')} cannot be read ({error.strerror}): either the cluster file system is not "
                "mounted, or this takes root",
                "systemctl status pve-cluster; run it again as root",
            ) from error
        if not formats.is_label(self.name) or not self.is_inside("/etc/pve/nodes"):
            raise errors.NotReady(f"{self('/etc/pve')} is not that of a node", f"ls -l {self('/etc/pve')}")
        self.facts: dict[str, Any] = jsons.read(self.read(FACTS) or "{}")
        self.version = str(self.facts.get("pve") or self._version())
        self.release = 8 if self.version.partition(".")[0] in ("7", "8") else 9
        self.storages = storages.parse(self.read("/etc/pve/storage.cfg"))
        if self.remarks:
            raise errors.NotReady("; ".join(self.remarks), "run it again as root")

    def read(self, path: str) -> str:
        """The text of one of the node's files; "" if it is not there."""
        return (self.data(path) or b"").decode("utf-8", "replace")

    def data(self, path: str) -> bytes | None:
        """The bytes of one of the node's regular files, None if there is none to be read."""
        try:
            number = os.open(self(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(number, "rb") as file:
                if not stat.S_ISREG(os.fstat(number).st_mode):
                    raise OSError(0, "is not a regular file")
                return file.read(_MOST)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.remarks.append(f"{path} could not be read: {error.strerror}")
            return None

    def names(self, path: str) -> list[str]:
        """What is in one of the node's folders; nothing if it is not there."""
        if not self.is_inside(path):
            self.remarks.append(f"{path} leads out of the node and was not looked into")
            return []
        try:
            return sorted(os.listdir(self(path)))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self.remarks.append(f"{path} could not be read: {error.strerror}")
            return []

    def facts_of(self, path: str) -> os.stat_result | None:
        """What stands at a path, links followed; None if nothing does, or it is out of the node."""
        try:
            return os.stat(self(path)) if self.is_inside(path) else None
        except OSError:
            return None

    def is_inside(self, path: str) -> bool:
        """Whether a path of the node leads, by links too, to something of the node."""
        return not self.root or os.path.realpath(self(path)).startswith(os.path.realpath(self.root) + "/")

    def _version(self) -> str:
        """The version of pve-manager, by the package manager's list; else what the system's own release tells."""
        packages = self.data("/var/lib/dpkg/status") or b""
        manager = packages.partition(b"\nPackage: pve-manager\n")[2].partition(b"\n\n")[0]
        if packages.startswith(b"Package: pve-manager\n"):
            manager = packages.partition(b"\n\n")[0]
        for line in manager.decode("utf-8", "replace").split("\n"):
            if line.startswith("Version: "):
                return line[len("Version: ") :].strip()
        debian = self.read("/etc/debian_version").partition(".")[0].strip()
        return {"11": "7", "12": "8", "13": "9"}.get(debian, "")

    # --- the cluster file system ---

    def nodes(self) -> list[str]:
        """The nodes of the cluster."""
        return [name for name in self.names("/etc/pve/nodes") if formats.is_label(name)]

    def guest_files(self) -> Iterator[tuple[str, str, str, bytes]]:
        """Every guest of the cluster: its node, folder, ID, and its file without passwords, empty if unreadable."""
        for node in self.nodes():
            for folder in ("lxc", "qemu-server"):
                for name in self.names(f"/etc/pve/nodes/{node}/{folder}"):
                    guest = name[: -len(".conf")]
                    if name.endswith(".conf") and guest.isdigit():
                        text = self.data(f"/etc/pve/nodes/{node}/{folder}/{name}")
                        yield node, folder, guest, hidden.in_guest(text or b"")

    def cluster_files(self) -> Iterator[tuple[str, bytes]]:
        """The other files of /etc/pve that the tools read, without passwords."""
        paths = ["/etc/pve/storage.cfg", *(f"/etc/pve/{name}" for name in _CLUSTER_FILES)]
        for folder, suffix in _CLUSTER_FOLDERS.items():
            names = self.names(f"/etc/pve/{folder}")
            paths += [f"/etc/pve/{folder}/{name}" for name in names if name.endswith(suffix)]
        paths += [f"/etc/pve/nodes/{node}/host.fw" for node in self.nodes()]
        for path in paths:
            text = self.data(path)
            if text is not None:
                yield path, hidden.in_cluster(text)

    def has_quorum(self) -> bool:
        """Whether the cluster file system takes changes: by the mode of its link, and by .members."""
        if not os.lstat(self("/etc/pve/local")).st_mode & 0o200:
            return False
        return self.read("/etc/pve/.members").partition('"quorate"')[2].lstrip(" :")[:1] != "0"

    def own_files(self) -> Iterator[tuple[str, bytes]]:
        """The records and journals of Phoenix."""
        for folder in _OURS:
            for name in self.names(folder):
                text = self.data(f"{folder}/{name}")
                if text is not None:
                    yield f"{folder}/{name}", text

    # --- the host ---

    def interfaces(self) -> tuple[list[str], list[str]]:
        """The bridges, and the other network interfaces that are not a guest's."""
        names = [name for name in self.names("/sys/class/net") if not name.startswith(_PASSING)]
        names = [name for name in names if os.path.isdir(self(f"/sys/class/net/{name}"))]
        bridges = [name for name in names if os.path.isdir(self(f"/sys/class/net/{name}/bridge"))]
        return bridges, [name for name in names if name not in bridges]

    def cpus(self) -> int:
        """How many processors it has."""
        lines = self.read("/proc/cpuinfo").split("\n")
        return sum(line.startswith("processor") for line in lines) or os.cpu_count() or 1

    def timezone(self) -> str:
        """Its time zone."""
        name = self.read("/etc/timezone").strip()
        if not name:
            try:
                name = os.readlink(self("/etc/localtime")).partition("zoneinfo/")[2]
            except OSError:
                name = ""
        return name or "UTC"

    def address(self) -> str:
        """Its address: as the cluster knows it, else as /etc/hosts has it."""
        for path, mark in (("/etc/pve/.members", '"ip": "'), ("/etc/hosts", "")):
            for line in self.read(path).split("\n"):
                if mark and f'"{self.name}"' in line and mark in line:
                    return line.partition(mark)[2].partition('"')[0]
                if not mark and self.name in line.split()[1:]:
                    return line.split()[0]
        return "127.0.0.1"

    def worked_on(self) -> list[str]:
        """The guests whose lock some process holds at this moment; the locks themselves are not touched."""
        try:
            with open("/proc/locks", encoding="ascii") as file:
                held = {line.split()[5] for line in file if " FLOCK " in line and " -> " not in line}
        except (OSError, IndexError):
            return []
        found = []
        for folder, head, tail in _LOCKS:
            for name in self.names(folder) if held else ():
                facts = self.facts_of(f"{folder}/{name}")
                place = facts and f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
                if name.startswith(head) and place in held:
                    found.append(name[len(head) : -len(tail)])
        return sorted(set(found))

    def usable(self) -> list[Storage]:
        """The storages that are there for this node."""
        return [item for item in self.storages.values() if not item.disabled and item.is_on(self.name)]
