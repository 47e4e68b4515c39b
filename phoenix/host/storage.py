"""Storage: entries of /etc/pve/storage.cfg, made by `pvesm add` and changed by `pvesm set`; none is ever removed.

Whose an entry is: storage.cfg has no place for a mark, and no record is kept, because none would decide anything. An
entry holds no data, it says where data are. [storage.ID] names one entry by its ID, its type and its place; if those
agree with what is there, the file is the administrator's word about that very entry, also about `local`, which the
installation makes. What it names is set then, and what it does not name stays as it is. If the type or the place is
another, the entry is somebody else's, and so is what it holds: it is refused. Options that pvesm would change although
volumes are looked for elsewhere afterwards (MOVES) are refused as well.

Secrets: pvesm reads a password from its standard input where `--password` has no value. It is kept in a file of root's,
which tells whether it is the one that is wanted. Keys are left to the administrator: one that is replaced makes
backups unreadable.
"""

from __future__ import annotations

from phoenix import files
from phoenix.guests import values
from phoenix.host import tables
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, Step, join
from phoenix.pve import formats, options, storages
from phoenix.pve.options import Option
from phoenix.pve.storagetypes import SECRETS, TYPES
from phoenix.pve.tables import storage as pvesm
from phoenix.text import shell
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.guests.values import Setting
    from phoenix.host.host import Host

CFG = "/etc/pve/storage.cfg"
MOVES = frozenset(("content-dirs", "fs-name", "mountpoint", "namespace", "pool", "subdir", "zfs-base-path"))
"""Options that say where volumes are looked for, which pvesm changes all the same."""
PLACED = frozenset(("cephfs", "cifs", "glusterfs", "nfs"))
"""The types that get a path of themselves."""
_ID = Option("storage", format="pve-storage-id")
_TYPE = Option("type", enum=tuple(TYPES), required=True)
_PASSWORD = Option("password_file", pattern="/[^\r\n]+")
_OPTIONS = options.by_name(*pvesm.SHARED, *pvesm.ADD)


class Entry(Value):
    """One [storage.ID]: its type, its options by pvesm's names, and the file of its password, "" for none."""

    type: str
    settings: Mapping[str, Setting]
    password: str


class State(Value):
    """What is there: the entries that the section names, as the file has them; `same` are those with the password."""

    release: int
    digest: str
    entries: Mapping[str, tuple[str, Mapping[str, str]]]
    same: frozenset[str]


def decode(table: Any, faults: Faults) -> dict[str, Entry]:
    """The section as values: each entry by its ID."""
    if not isinstance(table, dict):
        faults.add("storage", "a table for each name, as [storage.ID]", table)
        return {}
    found = {}
    for name, item in table.items():
        key = f"storage.{name}"
        if values.decode_scalar(_ID, key, name, faults) is None:
            continue
        if not isinstance(item, dict):
            faults.add(key, "a table", item)
        elif "type" not in item:
            faults.say(f"{key}.type", "missing")
        else:
            kind = values.decode_scalar(_TYPE, f"{key}.type", item["type"], faults)
            if kind is not None:
                found[name] = entry(kind, key, item, faults)
    return found


def entry(kind: str, key: str, table: Mapping[str, Any], faults: Faults) -> Entry:
    """One table as an entry of a type."""
    known = sorted(TYPES[kind].options - set(SECRETS.get(kind, ())))
    keeps = "password" in SECRETS.get(kind, ())
    settings: dict[str, Setting] = {}
    password = ""
    for name, value in table.items():
        if name in known:
            found = setting(_OPTIONS[name], f"{key}.{name}", value, faults)
            if found is not None:
                settings[name] = found
                check_content(kind, f"{key}.{name}", name, found, faults)
        elif name == "password_file" and keeps:
            password = values.decode_scalar(_PASSWORD, f"{key}.{name}", value, faults) or ""
        elif name in SECRETS.get(kind, ()):
            other = "password_file names the file" if name == "password" else f"by hand: pvesm set ID --{name} FILE"
            faults.say(f"{key}.{name}", f"a secret is not written here; {other}")
        elif name != "type":
            values.unknown(key, name, [*known, "type", *["password_file"] * keeps], faults)
    for name in TYPES[kind].required:
        if name not in table and not (name == "path" and kind in PLACED):
            faults.say(f"{key}.{name}", "missing")
    if key == "storage.local" and "nodes" in table:
        faults.say(f"{key}.nodes", "Proxmox VE has this storage on every node, whatever is written")
    return Entry(kind, settings, password)


def setting(option: Option, key: str, value: Any, faults: Faults) -> Setting | None:
    """The setting for a TOML value, in which a list is a list, or None with the fault noted."""
    if option.format.endswith("-list") and isinstance(value, list):
        texts = tables.many(Option(option.name), key, value, faults)
        if len(texts) < len(value):
            return None
        value = ",".join(texts)
    if option.name == "is_mountpoint" and isinstance(value, bool):
        value = "yes" if value else "no"
    found = values.decode(option, key, value, faults)
    if found is not None and not found:
        faults.add(key, f"{values.expectation(option)} that is not empty", value)
        return None
    return canonical(option, found) if isinstance(found, str) else found


def check_content(kind: str, key: str, name: str, found: Setting, faults: Faults) -> None:
    """Note content that the type cannot hold; pvesm would leave it out with a warning."""
    strange = sorted(set(str(found).split(",")) - TYPES[kind].content) if name == "content" else ()
    if strange:
        faults.say(
            key, f"a {kind} storage does not hold {', '.join(strange)}; {', '.join(sorted(TYPES[kind].content))}"
        )


def canonical(option: Option, text: str) -> str:
    """A text so that two that mean the same are equal: pvesm writes lists in any order."""
    if option.format.endswith("-list"):
        return ",".join(sorted(set(formats.split_list(text))))
    if option.name == "is_mountpoint" and formats.boolean(text) is not None:
        return "yes" if formats.boolean(text) else "no"
    if option.format == "pve-storage-path":
        return text.rstrip("/") or "/"
    return text


def observe(host: Host, wanted: Mapping[str, Entry]) -> State:
    """What is there. ConfigError for the file of a password that others can read."""
    import hashlib

    text = host.text(CFG)
    there = storages.parse(text)
    entries = {name: (there[name].type, raw(there[name])) for name in wanted if name in there}
    same = frozenset(
        name for name, item in wanted.items() if item.password and is_same(host, name, item.type, item.password)
    )
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() if text else ""
    return State(host.node.release(), digest, entries, same)


def raw(found: storages.Storage) -> dict[str, str]:
    """The options of an entry that is there."""
    texts = dict(found.other)
    texts["content"] = ",".join(sorted(found.content))
    texts["disable"] = str(int(found.disabled))
    if found.path:
        texts["path"] = found.path
    if found.nodes:
        texts["nodes"] = ",".join(sorted(found.nodes))
    if found.is_shared():
        texts["shared"] = "1"
    return texts


def is_same(host: Host, name: str, kind: str, path: str) -> bool:
    """Whether the password that is kept is the one of the file."""
    files.check_secret(host.paths(path))
    wanted = files.read_trusted(host.paths(path)).partition(b"\n")[0].decode("utf-8", "backslashreplace")
    kept = host.text(SECRETS[kind]["password"].format(name)).partition("\n")[0]
    return kept == (f"password={wanted}" if kind == "cifs" else wanted)


def plan(wanted: Mapping[str, Entry], state: State, _ask: Ask) -> Plan:
    """What is to be done."""
    plans = []
    for name, item in wanted.items():
        plans.append(Plan(missing=tuple(unheard(name, item, state.release))))
        if name in state.entries:
            plans += [changed(name, item, state), password(name, item, state)]
        else:
            plans.append(added(name, item))
    return join(*plans)


def unheard(name: str, item: Entry, release: int) -> list[Obstacle]:
    """What this release of Proxmox VE does not know."""
    known = options.known(_OPTIONS, release)
    strange = [key for key in item.settings if key not in known or not TYPES[item.type].has(key, release)]
    hint = f"pvesm help add; take it out of [storage.{name}]"
    return [Obstacle(f"storage.{name}.{key}: Proxmox VE {release} has no such option", hint) for key in strange]


def added(name: str, item: Entry) -> Plan:
    """What makes an entry."""
    argv = ["pvesm", "add", item.type, name, *words(item.settings), *["--password"] * bool(item.password)]
    place = " ".join(text(item.settings[key]) for key in TYPES[item.type].required if key in item.settings)
    return Plan(
        (Step(f"add {name}", tuple(argv), stdin=item.password),), (Difference(name, "", f"{item.type} {place}"),)
    )


def changed(name: str, item: Entry, state: State) -> Plan:
    """What makes an entry that is there say what is wanted; refused if it is another one."""
    kind, found = state.entries[name]
    if kind != item.type:
        return Plan(refused=(another(name, "type", kind, item.type),))
    refused, differences, settings = [], [], {}
    for key, value in sorted(item.settings.items()):
        before = current(_OPTIONS[key], found)
        if value == before:
            continue
        if key in TYPES[kind].fixed:
            refused.append(another(name, key, text(before), text(value)))
        elif key in MOVES:
            command = shell(("pvesm", "set", name, *words({key: value})))
            why = f"storage.{name}: {key} is {text(before) or 'not set'}, wanted {text(value)}: "
            refused.append(Obstacle(why + "volumes would be looked for elsewhere", f"if none is lost: {command}"))
        else:
            differences.append(Difference(f"{name}.{key}", text(before), text(value)))
            settings[key] = value
    tied = [f"--digest={state.digest}"] * bool(state.digest)
    argv = ("pvesm", "set", name, *tied, *words(settings))
    return Plan((Step(f"set {name}", argv),) if settings else (), tuple(differences), tuple(refused))


def another(name: str, key: str, found: str, wanted: str) -> Obstacle:
    """Why an entry of that name is not the one that is wanted."""
    return Obstacle(
        f"storage.{name}: {key} is {found or 'not set'}, wanted {wanted}: it is another storage, and never changed",
        f"write what is there into [storage.{name}] (grep -A9 ': {name}$' {CFG}), or take another name",
    )


def password(name: str, item: Entry, state: State) -> Plan:
    """What makes the password of an entry that is there the one that is wanted."""
    if not item.password or name in state.same or state.entries[name][0] != item.type:
        return Plan()
    step = Step(f"password {name}", ("pvesm", "set", name, "--password"), stdin=item.password)
    return Plan((step,), (Difference(f"{name}.password", "another", f"that of {item.password}"),))


def current(option: Option, found: Mapping[str, str]) -> Setting:
    """What an entry says of an option, or what that is where it says nothing."""
    value = found.get(option.name)
    if value is None:
        value = "" if option.properties else option.default or ("0" if option.type == "boolean" else "")
    setting = values.observed(option, value)
    return canonical(option, setting) if isinstance(setting, str) else setting


def words(settings: Mapping[str, Setting]) -> list[str]:
    """Settings as options of pvesm."""
    return [f"--{name}={text(value)}" for name, value in sorted(settings.items())]


def text(value: Setting) -> str:
    """A setting as pvesm writes it."""
    return value if isinstance(value, str) else ",".join(f"{key}={item}" for key, item in sorted(value.items()))
