"""Paths: every absolute path that Phoenix knows, once, under the root of a node."""

from __future__ import annotations

PRODUCT = "/usr/local/phoenix_hypervisor"
REHEARSAL = "/usr/share/phoenix-rehearsal"
"""The folder that makes a directory a rehearsal node; a real node has none."""

TOOL_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where Proxmox VE's tools may be. The PATH of the caller is not asked."""


class Paths:
    """The paths of one node. `root` is "" for this machine, or the directory that stands for one."""

    def __init__(self, root: str = "") -> None:
        self.root = root.rstrip("/")

    def __call__(self, path: str) -> str:
        """The absolute `path` of the node as a path of this machine."""
        return self.root + path

    @property
    def config(self) -> str:
        """The configuration folder."""
        return self("/etc/phoenix")

    @property
    def pve(self) -> str:
        """The cluster file system."""
        return self("/etc/pve")

    def guest_config(self, folder: str, guest: str, node: str = "") -> str:
        """The file of one guest; `folder` is lxc or qemu-server, `node` another node of the cluster."""
        base = f"{self.pve}/nodes/{node}" if node else self.pve
        return f"{base}/{folder}/{guest}.conf"

    def journal(self, kind: str, guest: str) -> str:
        """The journal of one guest: what was intended and what came of it, a JSON object a line."""
        return self(f"/var/lib/phoenix/journal/{kind}-{guest}.jsonl")

    def record(self, kind: str, guest: str) -> str:
        """The record of one guest: the proof that it is ours."""
        return self(f"/var/lib/phoenix/records/{kind}-{guest}")

    def lock(self, kind: str, guest: str) -> str:
        """The file that a manager locks while it works on one guest."""
        return self(f"/run/lock/phoenix/{kind}-{guest}.lock")

    def log(self, run: str, kind: str, guest: str) -> str:
        """The log of one manager's part in one run."""
        return self(f"/var/log/phoenix/{run}-{kind}-{guest}.log")

    def bug_log(self) -> str:
        """Where tracebacks go."""
        return self("/var/log/phoenix/bugs.log")
