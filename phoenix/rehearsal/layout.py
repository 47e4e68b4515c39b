"""The layout of a new node: which folders and files a Proxmox VE node has, and where ours go."""

from __future__ import annotations

import importlib.util
import marshal
import os
import pkgutil
import sys

from phoenix import errors
from phoenix.pve import storages
from phoenix.rehearsal import blockdevices, cluster, host, imagefiles, programs, running, templates
from phoenix.rehearsal.setup import REAL, STORAGES, TEMPLATE, USERS
from phoenix.rehearsal.tree import FACTS, Tree
from phoenix.rehearsal.volumes import activation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from phoenix.pve.storages import Storage

LIBRARY = "/usr/share/phoenix-rehearsal/lib"
TOOLS = ("ha-manager", "pct", "pveam", "pvecm", "pvesh", "pvesm", "pveversion", "qm", "umount")
_FOLDERS = (
    "dev/net", "etc/pve/firewall", "etc/pve/ha", "etc/pve/priv/lock", "proc/net", "run/lock/lxc",
    "run/lock/qemu-server", "run/qemu-server", "sys/class/net", "tmp", "usr/sbin", "var/lib/lxc",
    "var/lib/pve-cluster", "var/lib/vz/dump", "var/lib/vz/images", "var/lib/vz/private", "var/lib/vz/snippets",
    "var/lib/vz/template/cache", "var/lib/vz/template/iso", "var/log/pve/tasks", "var/tmp",
)  # fmt: skip
_NODE_FOLDERS = ("lxc", "openvz", "priv", "qemu-server")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse", "kvm", "net/tun")
_SCRIPT = """\
#!{python} -IS
import gc
import marshal
import os
import sys

gc.disable()  # the process is short, and its worker shares what is not touched

root = os.path.realpath(__file__).rsplit("/", 3)[0]
library, modules = root + "{library}", {{}}
sys.path.insert(0, library)
try:
    with open(library + "/modules." + sys.implementation.cache_tag, "rb") as file:
        table = marshal.load(file)
except OSError:
    pass  # another Python than the one that made the node
else:
    exec(marshal.loads(table["phoenix.modules"][1]), modules)
    modules["use"](library, table)

from phoenix.rehearsal.tool import main

os._exit(main(sys.argv[0], sys.argv[1:]))  # nothing is buffered; taking the interpreter apart costs a tenth more
"""
_LONGEST_SHEBANG = 120
_BASE = ("phoenix", "phoenix.errors", "phoenix.modules", "phoenix.text", "phoenix.value")


def facts(release: str, setup: Mapping[str, Any]) -> dict[str, Any]:
    """What the node is told to be, from a description."""
    found = {}
    for item in setup.get("content", [TEMPLATE]):
        if storages.volume_kind(storages.split_volume(item["volid"])[1]) == "vztmpl":
            found[item["volid"]] = templates.facts(item["volid"], int(item.get("size", 0)), item)
    return {
        "pve": release,
        "hostname": setup.get("hostname", "pve"),
        "address": setup.get("address", "192.0.2.10"),
        "bridges": list(setup.get("bridges", ["vmbr0"])),
        "cpus": int(setup.get("cpus", 2)),
        "timezone": setup.get("timezone", "UTC"),
        "storage_features": dict(setup.get("storage_features", {})),
        "templates": found,
        **{name: bool(setup.get(name, False)) for name in REAL},
    }


def make(root: str, known: Mapping[str, Any], setup: Mapping[str, Any]) -> Tree:
    """Make the tree and return it. What marks it as a rehearsal node comes last."""
    name = known["hostname"]
    for folder in (*_FOLDERS, *(f"etc/pve/nodes/{name}/{part}" for part in _NODE_FOLDERS)):
        os.makedirs(f"{root}/{folder}", exist_ok=True)
    for folder in ("etc/pve/priv", "etc/pve/priv/lock", f"etc/pve/nodes/{name}/priv"):
        os.chmod(f"{root}/{folder}", 0o700)
    for bridge in known["bridges"]:
        os.makedirs(f"{root}/sys/class/net/{bridge}/bridge")
    os.symlink(f"nodes/{name}", f"{root}/etc/pve/local")
    for part in ("lxc", "openvz", "qemu-server"):
        os.symlink(f"nodes/{name}/{part}", f"{root}/etc/pve/{part}")
    os.symlink("../run/lock", f"{root}/var/lock")
    write(f"{root}/etc/pve/storage.cfg", setup.get("storage.cfg", STORAGES), 0o640)
    write(f"{root}/etc/pve/user.cfg", setup.get("user.cfg", USERS), 0o640)
    write(f"{root}/etc/pve/.members", f'{{\n"nodename": "{name}",\n"version": 0\n}}\n', 0o440)
    for path, text in host.files(known).items():
        write(root + path, text)
    write(root + running.TABLE, running.HEADER)
    for device in _DEVICES:
        write(f"{root}/dev/{device}", "", 0o600)
    _fill(root, setup)
    _make_tools(root)
    write(root + FACTS, _json(known))
    tree = Tree(root)
    blockdevices.make(tree, setup.get("disks", ()))
    cluster.refresh(tree)
    return tree


def _json(value: Mapping[str, Any]) -> str:
    import json

    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def write(path: str, text: str | bytes, mode: int = 0o644) -> None:
    """Make a file with this text, and its folders."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(path, mode)


def inside(root: str, path: str) -> str:
    """An absolute path of the node as one of this machine. ConfigError if it leads out of the node."""
    whole = os.path.normpath(f"{root}/{path}")
    if not whole.startswith(root + "/"):
        raise errors.ConfigError(f"{path} leads out of the node", "correct it")
    return whole


def _fill(root: str, setup: Mapping[str, Any]) -> None:
    """The folders of the storages, their content, and other files."""
    table = storages.parse(setup.get("storage.cfg", STORAGES))
    for storage in table.values():
        for place in (*storage.places(), storage.folder("images")):
            if place:
                os.makedirs(inside(root, place), exist_ok=True)
    write(root + activation.MOUNTS, _mounts(list(table.values())))
    for item in setup.get("content", [TEMPLATE]):
        name = storages.split_volume(item["volid"])[0]
        put(inside(root, storages.volume_path(table[name], item["volid"])), item)
    for item in setup.get("files", []):
        put(inside(root, item["path"]), item)


def _mounts(table: list[Storage]) -> str:
    """What is mounted: the root, and the storages that are file systems of their own."""
    lines = ["/dev/mapper/pve-root / ext4 rw,relatime 0 0"]
    for storage in table:
        wanted = storage.other.get("is_mountpoint", "no")
        if storage.type != "dir" or wanted not in ("0", "no", "off", "false"):
            path = wanted if wanted.startswith("/") else storage.path
            kind = {"dir": "ext4", "nfs": "nfs4"}.get(storage.type, storage.type)
            device = f"{storage.other.get('server', '/dev')}/{storage.name}"
            lines += [f"{device} {path} {kind} rw,relatime 0 0"] * bool(path)
    return "\n".join(lines) + "\n"


def put(path: str, item: Mapping[str, Any]) -> None:
    """Make a file as a description has it: with a text, or without one as large as it says."""
    size = item.get("virtual_size", item.get("size", 0))
    if size and "content" not in item:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        imagefiles.create(path, item.get("format", "raw"), size)
    else:
        write(path, item.get("content", ""))
    os.chmod(path, int(item.get("mode", "0644"), 8))


def _make_tools(root: str) -> None:
    names = [*_BASE, *_modules("phoenix.pve"), *_modules("phoenix.rehearsal")]
    if importlib.util.find_spec("tomli"):  # a Python that has tomllib does without
        names += _modules("tomli")
    table = {name: _copy(name, root + LIBRARY) for name in names}
    write(f"{root}{LIBRARY}/modules.{sys.implementation.cache_tag}", marshal.dumps(table))
    python = sys.executable
    if not python or len(python) > _LONGEST_SHEBANG or any(char.isspace() for char in python):
        python = "/usr/bin/python3"
    for tool in (*TOOLS, *programs.PROGRAMS):
        write(f"{root}/usr/sbin/{tool}", _SCRIPT.format(python=python, library=LIBRARY), 0o755)


def _modules(package: str) -> Iterator[str]:
    """The names of a package and of all that is in it."""
    yield package
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if module.ispkg:
            yield from _modules(module.name)
        else:
            yield module.name


def _copy(name: str, folder: str) -> tuple[bool, bytes]:
    """Copy a module; returns whether it is a package, and its code, for a table as phoenix/modules.py takes it."""
    loader: Any = getattr(importlib.util.find_spec(name), "loader", None)  # of files, an archive or a table
    package = loader.is_package(name)
    file = "/__init__.py" if package else ".py"
    write(folder + "/" + name.replace(".", "/") + file, loader.get_source(name))
    return package, marshal.dumps(loader.get_code(name))


def describe(root: str, shown: str) -> str:
    """A line that says what was made."""
    tree = Tree(root)
    table = storages.parse(tree.read("/etc/pve/storage.cfg"))
    count = len(tree.facts["templates"])
    bridges = ", ".join(tree.facts["bridges"]) or "none"
    return (
        f"made {shown}: a rehearsal node of Proxmox VE {tree.release} called {tree.name}, "
        f"with storages {', '.join(sorted(table))}, bridge {bridges} and {count} template{'' if count == 1 else 's'}"
    )
