"""Guest: a container or a virtual machine as its file describes it, in the form that Proxmox VE would store."""

from __future__ import annotations

from phoenix.guests.ours import Ours
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.guests.kind import Kind
    from phoenix.guests.values import Setting


class Image(Value):
    """What a disk is made of: a volume or an absolute path, and its SHA-256 as 64 hexadecimal digits, or ""."""

    source: str
    sha256: str = ""


class Guest(Value):
    """The wish. `settings` are by option name in the form of `values`. None, where it may be: left alone."""

    kind: Kind
    id: str
    path: str
    settings: Mapping[str, Setting]
    ours: Ours = Ours()
    ostemplate: str = ""  # of a container that is no clone
    images: Mapping[str, Image] = {}  # by disk
    clone: Mapping[str, str] = {}
    creation: Mapping[str, str] = {}  # options of its creation alone
    files: Mapping[str, str] = {}  # paths of root's files on the node, by key
    raw: tuple[str, ...] | None = None  # lxc.* lines
    environment: tuple[str, ...] | None = None  # the raw lines that hold `env`
    firewall: str | None = None  # the text of its file without our line
    snippets: Mapping[str, str] = {}  # the texts of its files for cloud-init without our line, by volume

    @property
    def running(self) -> bool:
        """Whether it is to run."""
        return self.ours.state == "running"

    @property
    def first_storage(self) -> str:
        """The storage of its first volume that has a size, where a full clone goes whole; "" if it has none."""
        for name, setting in self.settings.items():
            if self.kind.may_hold(name) and not isinstance(setting, str) and "size" in setting:
                return setting.get("storage", "")
        return ""

    @property
    def address(self) -> str:
        """Its first fixed address, "" if it has none."""
        for name, setting in sorted(self.settings.items()):
            if name.startswith(("net", "ipconfig")) and not isinstance(setting, str):
                for key in ("ip", "ip6"):
                    address, slash, _ = setting.get(key, "").partition("/")
                    if slash:
                        return address
        return ""

    @property
    def name(self) -> str:
        """What it is called, or what Proxmox VE would call it."""
        return str(self.settings.get(self.kind.tool.title, f"{self.kind.word}{self.id}"))
