"""Samba: shares and global options as our block of smb.conf, and its users.

The block is in smb.conf itself: of an `include` Samba leaves the last section open, so that lines after it would be of
our last share; the block opens again what was open before it. Samba takes two sections of one name for one, without a
word, so a share that stands outside the block is looked for and refused. A global option that is named here is the
administrator's word like one in smb.conf, and comes later, so it wins. The file that would come about is read by
`testparm` before it is written. (What Samba does was seen with 4.17 and 4.22.)

A password cannot be compared, so it is set when the user is new to Samba; `smbpasswd NAME` changes it afterwards.
"""

from __future__ import annotations

from phoenix import files
from phoenix.errors import ConfigError
from phoenix.guests import values
from phoenix.host import blocks, smbconf, tables
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, Step, write
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host

FILE = "/etc/samba/smb.conf"
RELOAD = ("smbcontrol", "all", "reload-config")
CHECK = ("testparm", "-s", "/dev/stdin")
BARRED = frozenset(("configbackend", "configfile", "include"))
"""Options that make other files count, which nobody would see here."""
USERSHARES = "/var/lib/samba/usershares"
"""Where users' own shares are, one file each, unless smb.conf names another folder."""
WRONG = ("Unknown parameter", "Global parameter", "ERROR")
"""How the lines begin in which testparm says that it leaves something out, though it ends with 0."""
_NAME = Option("name", pattern=r"[A-Za-z0-9_][A-Za-z0-9_. -]*\$?", length=80)
_OPTION = Option("option", pattern=r"[A-Za-z][A-Za-z0-9 _:.*-]*")
_USER = Option("user", pattern=r"[a-z_][a-z0-9_.-]*\$?", length=32)
_USERS: tables.Schema = by_name(Option("password_file", pattern="/[^\r\n]+", required=True))

_ASK = 'umask 077; read -rs p; printf "%s\\n" "$p" >{}'

Options = dict[str, str]


class Wanted(Value):
    """The section: global options, shares (both None: nothing is said of them), and users with their password files."""

    options: Mapping[str, str] | None
    shares: Mapping[str, Options]
    users: Mapping[str, str]


class State(Value):
    """What is there.

    `text` is smb.conf, `outside` what Samba reads in it that is not ours, `fault` why it cannot be changed;
    `usershares` are the names of shares that users have made. `users` are those that Samba knows, `known` those of the
    wanted that the system knows.
    """

    text: str
    outside: str
    fault: str
    usershares: frozenset[str]
    folders: frozenset[str]
    users: frozenset[str]
    known: frozenset[str]
    installed: bool


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    if not isinstance(table, dict):
        faults.add("samba", "a table", table)
        return Wanted(None, {}, {})
    own = {name: value for name, value in table.items() if name not in ("shares", "users")}
    shares = {}
    for name, item in _tables(table.get("shares", {}), "samba.shares", faults).items():
        key = f"samba.shares.{name}"
        if values.decode_scalar(_NAME, key, name, faults) is not None:
            shares[name] = share(key, name, item, faults)
    if len({smbconf.section(name) for name in shares}) < len(shares):
        faults.say("samba.shares", "two names are one to Samba, which knows no capital letters")
    users = tables.named(_USERS, _USER, "samba.users", table.get("users", {}), faults)
    said = None if not own and "shares" not in table else decode_options("samba", own, faults)
    return Wanted(said, shares, {name: item.get("password_file", "") for name, item in users.items()})


def _tables(value: Any, key: str, faults: Faults) -> dict[str, Any]:
    if not isinstance(value, dict):
        faults.add(key, f"a table for each name, as [{key}.NAME]", value)
        return {}
    return value


def share(key: str, name: str, item: Any, faults: Faults) -> Options:
    """One share."""
    found = decode_options(key, item, faults)
    folder = smbconf.path(found)
    if smbconf.section(name) in ("global", "ipc$"):
        faults.say(key, "not a name for a share; global options stand in [samba]")
    elif smbconf.section(name) != "homes" and not folder.startswith("/") and isinstance(item, dict):
        faults.add(f"{key}.path", "an absolute path", folder or None)
    return found


def decode_options(key: str, table: Any, faults: Faults) -> Options:
    """Options of smb.conf by name, as texts."""
    if not isinstance(table, dict):
        faults.add(key, "a table", table)
        return {}
    found: Options = {}
    for name, value in table.items():
        at = f"{key}.{name}"
        text = written(value)
        if values.decode_scalar(_OPTION, at, name, faults) is None:
            continue
        if smbconf.option(name) in BARRED:
            faults.say(at, "not here: it makes Samba read what Phoenix does not see")
        elif text is None or not text.isprintable() or text.endswith("\\"):
            faults.add(at, "a text on one line, a number, true or false, or a list of texts", value)
        else:
            found[name] = text
    if len({smbconf.option(name) for name in found}) < len(found):
        faults.say(key, "two options are one to Samba, which knows no blanks and no capital letters in their names")
    return found


def written(value: Any) -> str | None:
    """A TOML value as smb.conf has it, None for what it cannot have."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) and '"' not in item for item in value):
        return " ".join(f'"{item}"' if " " in item or "," in item else item for item in value)
    return value if isinstance(value, str) else None


def observe(host: Host, wanted: Wanted) -> State:
    """What is there. ConfigError for an option that Samba does not take, and for a password file that is not one."""
    text = host.exact(FILE) or ""
    outside, fault = text, ""
    try:
        before, _, after = blocks.split(text)
        outside = before + after
        would_be = merged(text, wanted)
    except ValueError as error:
        fault, would_be = str(error), text
    if would_be != text and host.has(CHECK[0]):
        outside, fault = checked(host, outside, would_be)
    users = _users(host) if wanted.users and host.has("pdbedit") else frozenset()
    for name, path in wanted.users.items():
        if name not in users:
            check_password(host.paths(path))
    known = {line.partition(":")[0] for line in host.text("/etc/passwd").splitlines()}
    folders = [smbconf.path(item) for item in wanted.shares.values()]
    everywhere = smbconf.Parsed(outside).sections.get(smbconf.GLOBAL, {})
    return State(
        text,
        outside,
        fault,
        frozenset(map(smbconf.section, host.names(everywhere.get("usersharepath", USERSHARES)))),
        frozenset(folder for folder in folders if "%" in folder or host.exists(folder)),
        users,
        frozenset(known & set(wanted.users)),
        host.has("pdbedit") and host.has("smbpasswd"),
    )


def merged(text: str, wanted: Wanted) -> str:
    """smb.conf with our block as it is wanted."""
    if wanted.options is None:
        return text
    sections = [(smbconf.GLOBAL, wanted.options)] * bool(wanted.options) + list(wanted.shares.items())
    return blocks.merged(text, smbconf.rendered(sections, smbconf.Parsed(blocks.split(text)[0]).within))


def checked(host: Host, outside: str, would_be: str) -> tuple[str, str]:
    """What Samba reads of the lines outside our block, and why they are wrong. ConfigError if ours are."""
    status, said, talk = host.run(*CHECK, given=outside)
    if status:
        return outside, "; ".join(complaints(talk)) or f"`testparm` ends with {status}"
    worse, _, words = host.run(*CHECK, given=would_be)
    new = [line for line in complaints(words) if line not in complaints(talk)]
    if worse or any(line.startswith(WRONG) for line in new):
        raise ConfigError(f"samba: `testparm` says of it: {'; '.join(new)}", "man smb.conf; edit hypervisor.toml")
    return said, ""


def complaints(talk: str) -> list[str]:
    """The lines in which testparm is not content."""
    plain = ("Load smb config", "Loaded services", "Server role", "Weak crypto")
    return [line.strip() for line in talk.splitlines() if line.strip() and not line.strip().startswith(plain)]


def _users(host: Host) -> frozenset[str]:
    return frozenset(line.partition(":")[0] for line in host.output("pdbedit", "-L").splitlines() if ":" in line)


def check_password(path: str) -> None:
    """ConfigError unless a file is root's alone, and a password on one line."""
    files.check_secret(path)
    line, _, rest = files.read_trusted(path).partition(b"\n")
    if not line or rest:
        raise ConfigError(f"{path}: expected a password, on one line", _ASK.format(path))


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done."""
    if state.fault:
        obstacle = Obstacle(f"samba: {FILE} is not what Samba can read: {state.fault}", f"edit {FILE}; testparm -s")
        return Plan(refused=(obstacle,))
    text = merged(state.text, wanted)
    steps = [write(FILE, text, RELOAD)] if text != state.text else []
    differences = differing(wanted, state) if steps else []
    missing = []
    for name in wanted.users:
        if name not in state.users:
            differences.append(Difference(f"users.{name}", "", "a user of Samba"))
            steps.append(
                Step(f"user {name}", ("smbpasswd", "-s", "-a", name), stdin=wanted.users[name], feed="{}\n{}\n")
            )
            if name not in state.known:
                missing.append(
                    Obstacle(f"samba.users.{name}: the node has no such user", f"adduser {name}, or [users]")
                )
    if steps:
        missing += lacking(wanted, state)
    return Plan(tuple(steps), tuple(differences), tuple(collisions(wanted, state)), tuple(missing))


def lacking(wanted: Wanted, state: State) -> list[Obstacle]:
    """What the node lacks."""
    missing = []
    if not state.installed:
        missing.append(Obstacle("samba: samba is not installed", "apt-get install samba, or [apt]"))
    for name, item in wanted.shares.items():
        folder = smbconf.path(item)
        if folder and folder not in state.folders:
            why = f"samba.shares.{name}: there is no folder {folder}"
            missing.append(Obstacle(why, f"ls -ld {folder}; [zfs] and [mounts] come before"))
    return missing


def collisions(wanted: Wanted, state: State) -> list[Obstacle]:
    """What stands outside our block and would be another thing with it, or make it another."""
    outside = smbconf.Parsed(state.outside).sections
    hint = f"rename it, or take one out: {FILE}, hypervisor.toml"
    found = []
    for name, item in wanted.shares.items():
        if smbconf.section(name) in outside:
            folder = smbconf.path(outside[smbconf.section(name)]) or "no folder"
            why = f"samba.shares.{name}: outside Phoenix's block there is a share of that name, of {folder}"
            found.append(Obstacle(why, hint))
        if smbconf.section(name) in state.usershares:
            why = f"samba.shares.{name}: a user has a share of that name, which this one would hide"
            found.append(Obstacle(why, f"rename it, or end theirs: net usershare info {name}"))
        for other, options in outside.items():
            if smbconf.path(item) and smbconf.path(item) == smbconf.path(options) and other != smbconf.section(name):
                why = f"samba.shares.{name}: outside Phoenix's block {smbconf.path(item)} is the share {other} already"
                found.append(Obstacle(why, hint))
    before, _, after = blocks.split(state.text)
    later = smbconf.Parsed(after, smbconf.Parsed(before).within).sections.get(smbconf.GLOBAL, {})
    for name in wanted.options or {}:
        if smbconf.option(name) in later:
            why = f"samba.{name}: {FILE} sets it after Phoenix's block as well, and the last one counts"
            found.append(Obstacle(why, hint))
    return found


def differing(wanted: Wanted, state: State) -> list[Difference]:
    """What differs between smb.conf as it is and as it is wanted."""
    before, own, after = blocks.split(state.text)
    ours = smbconf.Parsed(own or "", smbconf.Parsed(before).within).sections
    theirs = smbconf.Parsed(before + after).sections.get(smbconf.GLOBAL, {})
    found = {(section, key): value for section, options in ours.items() for key, value in options.items()}
    left = dict(found)
    differences = []
    for name, options in {smbconf.GLOBAL: wanted.options or {}, **wanted.shares}.items():
        for key, value in options.items():
            place = smbconf.section(name), smbconf.option(key)
            left.pop(place, None)
            if found.get(place) != value:
                known = found.get(place, theirs.get(place[1], "") if name == smbconf.GLOBAL else "")
                differences.append(Difference(shown(name, key), known, value))
    differences += [Difference(shown(name, key), value, "(not set)") for (name, key), value in left.items()]
    return differences or [Difference(FILE, "written otherwise", f"{len(wanted.shares)} shares")]


def shown(section: str, option: str) -> str:
    """An option as hypervisor.toml names it."""
    return option if section == smbconf.GLOBAL else f"shares.{section}.{option}"
