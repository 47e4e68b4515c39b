"""`pvesm scan` and `apiinfo`: what storages there could be. No other machine can be reached from here."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_API = {8: (11, 2), 9: (15, 6)}
_ZFS = "zfs list -t filesystem -Hp -o name,avail,used"
_RUNNERS = {8: "Tools.pm line 455", 9: "Cmd.pm line 224"}


def api(tree: Tree, _: dict[str, str]) -> int:
    """The versions of the storage API."""
    version, age = _API[min(tree.release, 9)]
    say(f"APIVER {version}\nAPIAGE {age}")
    return 0


def _named(tree: Tree, key: str, *kinds: str) -> list[str]:
    """What the storages of some types name under a key."""
    found = (storage.other.get(key, "") for storage in volumes.table(tree).values() if storage.type in kinds)
    return sorted({name for name in found if name})


def lvm(tree: Tree, _: dict[str, str]) -> int:
    """The volume groups."""
    for name in _named(tree, "vgname", "lvm", "lvmthin"):
        say(name)
    return 0


def thin(tree: Tree, given: dict[str, str]) -> int:
    """The thin pools of a volume group."""
    group = given["vg"]
    if group not in _named(tree, "vgname", "lvm", "lvmthin"):
        complain(f'  Volume group "{group}" not found\n  Cannot process volume group {group}')
        columns = "vg_name,lv_name,lv_size,lv_attr,pool_lv,data_percent,metadata_percent,snap_percent,uuid,tags"
        command = (
            "/sbin/lvs --separator : --noheadings --units b --unbuffered --nosuffix --config "
            f"'report/time_format=\"%s\"' --options {columns},metadata_size,time {group}"
        )
        raise Failure(f"command '{command}' failed: exit code 5")
    for storage in volumes.table(tree).values():
        if storage.type == "lvmthin" and storage.other.get("vgname") == group:
            say(storage.other.get("thinpool", ""))
    return 0


def zfs(tree: Tree, _: dict[str, str]) -> int:
    """The pools of ZFS, which is installed where a storage uses it."""
    pools = _named(tree, "pool", "zfspool")
    if not pools:
        place = f"/usr/share/perl5/PVE/{_RUNNERS[min(tree.release, 9)]}"
        text = f"open3: exec of {_ZFS} failed: No such file or directory at {place}."
        raise Failure(f"command '{_ZFS}' failed: {text}", 2)
    parts = {"/".join(pool.split("/")[:depth]) for pool in pools for depth in range(1, pool.count("/") + 2)}
    for name in sorted(parts):
        say(name)
    return 0


def _resolved(server: str) -> str:
    """The address of a server; Failure if only a name is known, which nobody here resolves."""
    if formats.is_ipv4(server) or formats.is_ipv6(server):
        return server
    raise Failure(f"unable to resolve address for server '{server}'")


def nfs(_: Tree, given: dict[str, str]) -> int:
    """The exports of an NFS server."""
    server = _resolved(given["server"])
    complain("clnt_create: RPC: Unable to receive")
    raise Failure(f"command '/sbin/showmount --no-headers --exports {server}' failed: exit code 1")


def cifs(_: Tree, given: dict[str, str]) -> int:
    """The shares of a Windows server."""
    server = _resolved(given["server"])
    raise Failure(f"do_connect: Connection to {server} failed (Error NT_STATUS_NETWORK_UNREACHABLE)")


def glusterfs(_: Tree, given: dict[str, str]) -> int:
    """The volumes of a GlusterFS server."""
    server = _resolved(given["server"])
    command = f"/usr/sbin/gluster --remote-host={server} volume info"
    raise Failure(f"command '{command}' failed: Connection failed. Please check if gluster daemon is operational.")


def iscsi(_: Tree, given: dict[str, str]) -> int:
    """The targets of an iSCSI portal."""
    portal = given["portal"]
    host = portal.rpartition(":")[0] or portal
    if not formats.is_ipv4(host) and not formats.is_ipv6(host.strip("[]")):
        raise BadParameters({"portal": f"unable to resolve portal address '{portal}'"})
    complain("iscsiadm: No portals found")
    command = f"/usr/bin/iscsiadm --mode discovery --type sendtargets --portal {portal}"
    raise Failure(f"command '{command}' failed: exit code 21")


def pbs(_: Tree, given: dict[str, str]) -> int:
    """The datastores of a Proxmox Backup Server."""
    where = f"{given['server']}:{given.get('port', '8007')}"
    raise Failure(f"error fetching datastores - 500 Can't connect to {where} (Network is unreachable)")
