"""Apt: where packages come from, and which are installed: from repositories, or from a folder without a network.

No package is ever removed: apt is asked first what it would do, and told not to. An interrupted dpkg is set right
before anything is installed.
"""

from __future__ import annotations

from phoenix.host import debs, sources, tables
from phoenix.host.aspect import REMOVE, Ask, Difference, Obstacle, Plan, Step, join, write
from phoenix.pve import debian
from phoenix.pve.options import Option
from phoenix.text import last_line
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.debs import Debs
    from phoenix.host.host import Host
    from phoenix.host.sources import Entry

REPOSITORIES = {
    "enterprise": ("https://enterprise.proxmox.com/debian/pve", "pve-enterprise"),
    "no-subscription": ("http://download.proxmox.com/debian/pve", "pve-no-subscription"),
    "none": ("", ""),
}
"""Proxmox VE's repositories: where each is, and its component. Only one is wanted: the others are switched off."""
OWN = "proxmox"
"""The name of our source for it, where the node has none of its own."""
KEYRING = "/usr/share/keyrings/proxmox-archive-keyring.gpg"
"""The key of PVE 9; that of PVE 8 is in a folder that apt trusts anyway."""
STATUS, UPDATES = "/var/lib/dpkg/status", "/var/lib/dpkg/updates"

UPDATE = ("apt-get", "update", "-o", "APT::Update::Error-Mode=any", "-o", "Acquire::Retries=3")
# debconf falls back to asking standard input, and takes its end for the answer "".
_QUIETLY = ("env", "DEBIAN_FRONTEND=noninteractive")
_KEEP = ("--force-confdef", "--force-confold")
CONFIGURE = (*_QUIETLY, "dpkg", "--configure", "-a", *_KEEP)
INSTALL = (
    *_QUIETLY, "apt-get", "install", "--yes", "--no-remove", "--no-install-recommends",
    "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=300",
    "-o", "APT::Cmd::Pattern-Only=true",  # a name is a name, and no expression
)  # fmt: skip
SIMULATE = (
    "apt-get", "--simulate", "install", "--no-install-recommends", "-o", "APT::Cmd::Pattern-Only=true",
    "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",  # nothing is written, not even a cache
)  # fmt: skip
ALONE = ("-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null")
"""What makes a folder all that there is."""
INSTALL_SECONDS = 7200
_UNPACKED = ("half-installed", "unpacked")

_NAME = Option("name", pattern=r"[a-z0-9][a-z0-9-]*")
_PACKAGE = Option("packages", pattern=r"[a-z0-9][a-z0-9+.-]*[a-z0-9+](:[a-z0-9]+)?")
_REPOSITORY = Option("repository", enum=tuple(REPOSITORIES))
_FOLDER = Option("folder", pattern=r"(/[A-Za-z0-9._-]+)+", required=True)


class Wanted(Value):
    """The section [apt]: "" and empty for what it does not say."""

    repository: str
    sources: Mapping[str, Mapping[str, str]]  # the fields of each
    packages: tuple[str, ...]
    folder: str  # of an offline set


class Foreseen(Value):
    """What apt says it would do: whether it can, what it would remove, and its words."""

    possible: bool
    removed: tuple[str, ...]
    words: str


class State(Value):
    """What is there. `foreseen` is None where there is nothing to install, or it cannot be asked yet."""

    suite: str
    texts: Mapping[str, str]  # the lists of sources, by path
    keys: frozenset[str]  # those that are wanted and there
    packages: Mapping[str, tuple[str, str]]
    interrupted: bool
    debs: Debs
    foreseen: Foreseen | None


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    parts = tables.part(table, "apt", ("repository", "sources", "packages", "offline"), faults)
    plain = {name: parts[name] for name in ("repository", "packages") if name in parts}
    found = tables.decode({"repository": _REPOSITORY, "packages": tables.Many(_PACKAGE)}, "apt", plain, faults)
    folder = tables.decode({"folder": _FOLDER}, "apt.offline", parts["offline"], faults) if "offline" in parts else {}
    return Wanted(
        found.get("repository", ""),
        _decode_sources(parts.get("sources", {}), faults),
        tuple(found.get("packages", ())),
        folder.get("folder", ""),
    )


def _decode_sources(table: Any, faults: Faults) -> dict[str, dict[str, str]]:
    """The fields of each source, in deb822's own words: a list is joined, true is yes."""
    schema = {name: Option(name, pattern=r"[!-~]+( [!-~]+)*") for name in sources.FIELDS}
    named: dict[str, Any] = {}
    for name, fields in table.items() if isinstance(table, dict) else ():
        named[name] = {word: _word(value) for word, value in fields.items()} if isinstance(fields, dict) else fields
    found = tables.named(schema, _NAME, "apt.sources", named if isinstance(table, dict) else table, faults)
    for name, fields in found.items():
        fields.setdefault("Types", "deb")
        needed = ["URIs", "Suites", *["Components"] * (not fields.get("Suites", "").endswith("/"))]
        for field in needed:
            if field not in named[name]:
                faults.say(f"apt.sources.{name}.{field}", "missing")
        if name == OWN:
            faults.say(f"apt.sources.{name}", "this name is for repository's own")
    return found


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return str(value) if isinstance(value, int) else value


def observe(host: Host, wanted: Wanted) -> State:
    """What is there. apt is only asked where something is to be installed."""
    installed = debian.packages(host.text(STATUS)) if wanted.packages or wanted.folder else {}
    interrupted = any(name.isdigit() for name in host.names(UPDATES))  # by which apt knows that dpkg must go on
    found = debs.observe(host, wanted.folder, installed) if wanted.folder else debs.NONE
    words = to_install(wanted, installed, found)
    asked = bool(words) and not interrupted and not found.refused and not found.missing
    keys = {KEYRING, *(fields.get("Signed-By", "") for fields in wanted.sources.values())}
    paths = [sources.LIST, *(f"{sources.FOLDER}/{name}" for name in host.names(sources.FOLDER))]
    return State(
        debian.suite(host.text("/etc/os-release")),
        {path: text for path in paths if sources.is_read(path) for text in [host.exact(path)] if text is not None},
        frozenset(key for key in keys if host.exists(key)),
        installed,
        interrupted,
        found,
        _foresee(host, (*SIMULATE, *words)) if asked else None,
    )


def _has(installed: Mapping[str, tuple[str, str]], states: tuple[str, ...]) -> bool:
    return any(state in states for _, state in installed.values())


def to_install(wanted: Wanted, installed: Mapping[str, tuple[str, str]], found: Debs) -> tuple[str, ...]:
    """What apt-get install is to be told, () for nothing: what is missing, or that something was left unpacked."""
    if wanted.folder:
        names: tuple[str, ...] = found.paths
    else:
        names = tuple(name for name in wanted.packages if installed.get(name, ("", ""))[1] != debian.INSTALLED)
    repair = ("--fix-broken",) if _has(installed, _UNPACKED) else ()
    alone = ALONE if wanted.folder and (names or repair) else ()
    return (*alone, *repair, *names)


def _foresee(host: Host, argv: tuple[str, ...]) -> Foreseen:
    status, said, talk = host.run(*argv)
    removed = tuple(line.split()[1] for line in said.splitlines() if line.startswith("Remv "))
    _, unmet, lines = said.partition("unmet dependencies:\n")
    words = "; ".join(" ".join(line.split()) for line in lines.splitlines()) if unmet else last_line(talk or said)
    return Foreseen(status == 0, removed, words)


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done: sources first, then packages."""
    return join(_plan_sources(wanted, state), _plan_packages(wanted, state))


def _plan_sources(wanted: Wanted, state: State) -> Plan:
    after = () if wanted.folder else (UPDATE,)  # without a network there is nothing to be fetched
    texts, differences = dict(state.texts), []
    steps: list[Step] = []
    if wanted.repository:
        differences += _choose(wanted.repository, state, texts)
    for name, fields in wanted.sources.items():
        differences += _own(name, f"sources.{name}", fields, state, texts)
    for path, text in sorted(texts.items(), key=lambda item: not item[1]):  # what goes, goes last
        if text != state.texts.get(path, ""):
            remove = Step(f"remove {path}", (REMOVE, path), after=after)
            steps.append(write(path, text, *after) if text else remove)
    missing = [
        Obstacle(f"apt.sources.{name}.Signed-By: there is no {key}", f"copy the key to the node: {key}")
        for name, fields in wanted.sources.items()
        for key in [fields.get("Signed-By", "")]
        if key.startswith("/") and key not in state.keys
    ]
    if wanted.repository not in ("", "none") and not state.suite:
        missing.append(Obstacle("apt.repository: /etc/os-release has no VERSION_CODENAME", "cat /etc/os-release"))
    return Plan(tuple(steps), tuple(differences), missing=tuple(missing))


def _choose(repository: str, state: State, texts: dict[str, str]) -> list[Difference]:
    """Change the texts so that this one of Proxmox VE's repositories is read; returns what differs."""
    uri, component = REPOSITORIES[repository]
    others = [item for item in sources.entries(state.texts) if item.path not in sources.own_paths(OWN)]
    differences = []
    for entry in reversed(others):  # a line that is added leaves the places before it as they are
        if entry.enabled and _belongs(entry) not in ("", repository):
            texts[entry.path] = sources.switched(texts[entry.path], entry, on=False)
            differences.append(Difference(entry.path, _shown(entry), "not read"))
    same = [item for item in others if uri and _is(item, uri, state.suite, component)]
    if same and not any(item.enabled for item in same):
        texts[same[0].path] = sources.switched(texts[same[0].path], same[0], on=True)
        differences.append(Difference(same[0].path, "not read", _shown(same[0])))
    fields = {"Types": "deb", "URIs": uri, "Suites": state.suite, "Components": component}
    if KEYRING in state.keys:
        fields["Signed-By"] = KEYRING
    return differences + _own(OWN, "repository", {} if same or not uri else fields, state, texts)


def _own(name: str, what: str, fields: Mapping[str, str], state: State, texts: dict[str, str]) -> list[Difference]:
    """Change the texts so that a source of ours is read as these fields have it, not at all for none."""
    wanted = sources.own(name, fields, state.suite)
    if all(state.texts.get(path, "") == text for path, text in wanted.items()):
        return []
    texts.update(wanted)
    found = "otherwise" if any(state.texts.get(path) for path in wanted) else ""
    return [Difference(what, found, next((path for path, text in wanted.items() if text), "not read"))]


def _belongs(entry: Entry) -> str:
    """Which of Proxmox VE's repositories an entry is, "" for none of those that one chooses between."""
    if any(uri.partition("://")[2].startswith("enterprise.proxmox.com/") for uri in entry.uris):
        return "enterprise"
    return "no-subscription" if "pve-no-subscription" in entry.components else ""


def _is(entry: Entry, uri: str, suite: str, component: str) -> bool:
    """Whether an entry is of that component; /debian is another name of /debian/pve."""
    host = uri.partition("://")[2].partition("/")[0]
    places = (f"{host}/debian", f"{host}/debian/pve")
    there = any(item.partition("://")[2].rstrip("/") in places for item in entry.uris)
    return there and suite in entry.suites and component in entry.components


def _shown(entry: Entry) -> str:
    return " ".join((*entry.uris, *entry.suites, *entry.components))


def _plan_packages(wanted: Wanted, state: State) -> Plan:
    steps: list[Step] = []
    words = to_install(wanted, state.packages, state.debs)
    names = [word for word in words if word not in ALONE]
    differences = [Difference("packages", "", " ".join(names))] if names else []
    refused, missing = list(state.debs.refused), list(state.debs.missing)
    if wanted.folder:
        lacking = [name for name in wanted.packages if not _is_there(name, state)]
        missing += [
            Obstacle(f"apt.packages: {name} is neither installed nor in {wanted.folder}", "add its .deb to the set")
            for name in lacking
            if not state.debs.missing
        ]
    foreseen = state.foreseen
    if foreseen and foreseen.removed:
        why = f"apt: to install {' '.join(names)} apt would remove {' '.join(foreseen.removed)}"
        refused.append(Obstacle(why, "Phoenix removes no package: decide by hand which of them the node has"))
    elif foreseen and not foreseen.possible and wanted.folder:
        why = f"apt.offline: the set is not complete: {foreseen.words}"
        missing.append(Obstacle(why, "add the .deb of what is missing, and make SHA256SUMS anew"))
    if state.interrupted and words:
        differences.append(Difference("dpkg", "interrupted", "configured"))
        steps.append(Step("configure", CONFIGURE, seconds=INSTALL_SECONDS, hint="dpkg --configure -a"))
    if words and not refused and not missing:
        first = () if wanted.folder else (UPDATE,)
        hint = "apt-get update; apt-get install --simulate " + " ".join(names)
        steps.append(Step("install", (*INSTALL, *words), seconds=INSTALL_SECONDS, first=first, hint=hint))
    return Plan(tuple(steps), tuple(differences), tuple(refused), tuple(missing))


def _is_there(name: str, state: State) -> bool:
    plain = name.partition(":")[0]
    return plain in state.debs.names or state.packages.get(name, ("", ""))[1] == debian.INSTALLED
