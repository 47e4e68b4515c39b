"""Guest configuration: /etc/pve/lxc/N.conf as data, and as text byte for byte as pct writes it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

PENDING: Final = "pve:pending"
VM_PENDING: Final = "PENDING"
"""The section of changes that wait, in a container's and in a virtual machine's file."""
ENVIRONMENT: Final = "lxc.environment.runtime:"
"""How the raw lines begin that hold `env`; they come before the other raw lines."""
_PLAIN: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"#$&'()*+,-./;<=>?@[\\]^_`{|}~"
)


class GuestConf:
    """One section of a guest's file, and at the top of a file also what waits and the snapshots.

    `description` is plain text and ends with a line break unless it is empty; `options` is in the order of
    the file; `raw` holds the lxc.* lines without their line break. `pending` holds changes that wait for a
    restart, `delete` the options that will be deleted then.
    """

    __slots__ = ("delete", "description", "options", "pending", "raw", "snapshots", "strange")

    def __init__(self) -> None:
        self.description = ""
        self.options: dict[str, str] = {}
        self.raw: list[str] = []
        self.pending: dict[str, str] = {}
        self.delete: list[str] = []
        self.snapshots: dict[str, GuestConf] = {}
        self.strange: list[str] = []
        """Lines that are no `key: value`: pct warns of them and drops them at the next write."""

    def copy(self) -> GuestConf:
        """An independent copy."""
        other = GuestConf()
        other.description = self.description
        other.options = dict(self.options)
        other.raw = list(self.raw)
        other.pending = dict(self.pending)
        other.delete = list(self.delete)
        other.snapshots = {name: snapshot.copy() for name, snapshot in self.snapshots.items()}
        other.strange = list(self.strange)
        return other


def parse(text: str, pending: str = PENDING) -> GuestConf:
    """What the text of a guest's file says; `pending` is the section of what waits."""
    conf = section = GuestConf()
    waiting = False
    for line in text.split("\n"):
        if not line or line.isspace():
            continue
        name = _section_name(line) if "[" in line else ""
        if name:
            waiting = name.lower() == pending.lower()
            section = conf if waiting else conf.snapshots.setdefault(name, GuestConf())
        elif waiting:
            _parse_pending(conf, line)
        else:
            _parse_line(section, line)
    return conf


def _section_name(line: str) -> str:
    name = line.strip()
    if not (name.startswith("[") and name.endswith("]")):
        return ""
    name = name[1:-1]
    return name if name.replace("-", "").replace("_", "").replace(":", "").isalnum() else ""


def _parse_pending(conf: GuestConf, line: str) -> None:
    key, value = _key_value(line)
    if key == "delete":
        conf.delete += [name.lstrip("!") for name in value.replace(";", ",").replace(" ", ",").split(",") if name]
    elif key:
        conf.pending[key] = decode(value) if key == "description" else value


def _parse_line(section: GuestConf, line: str) -> None:
    if line.startswith("#"):
        section.description += decode(line[1:]) + "\n"
    elif line.startswith("lxc."):
        section.raw.append(_raw_line(line))
    else:
        key, value = _key_value(line)
        if key == "description":
            section.description += decode(value) + "\n"
        elif key:
            section.options[key] = value
        else:
            section.strange.append(line)


def _raw_line(line: str) -> str:
    """A raw line as pct writes it: `lxc.key: value`, whatever stood between the two."""
    for place, char in enumerate(line):
        if char in ":=" or char.isspace():
            value = line[place + 1 :].strip()
            if char.isspace() and value[:1] in ("=", ":"):
                value = value[1:].lstrip()
            return f"{line[:place]}: {value}"
    return line


def _key_value(line: str) -> tuple[str, str]:
    """An option and its value. Of a value of nothing but blanks all but the first stay."""
    key, colon, value = line.partition(":")
    good = colon and value and key[:1].isalpha() and key.replace("_", "").replace("-", "").isalnum()
    return (key, value.strip() or value[1:]) if good else ("", "")


def render(conf: GuestConf, pending: str = PENDING) -> str:
    """The text of a guest's file: keys sorted, raw lines, then what waits, then the snapshots."""
    text = _render_section(conf)
    if conf.pending or conf.delete:
        waiting = dict(conf.pending)
        if "description" in waiting:
            waiting["description"] = "%0A".join(encode(line) for line in waiting["description"].split("\n"))
        if conf.delete:
            waiting["delete"] = ",".join(sorted(conf.delete))
        text += f"\n[{pending}]\n" + _render_options(waiting)
    for name in sorted(conf.snapshots):
        text += f"\n[{name}]\n" + _render_section(conf.snapshots[name])
    return text


def _render_section(section: GuestConf) -> str:
    raw = "".join(line + "\n" for line in sorted(section.raw, key=_raw_rank))
    return render_description(section.description) + _render_options(section.options) + raw


def _raw_rank(line: str) -> int:
    return 0 if line.startswith(ENVIRONMENT) else 1


def _render_options(options: dict[str, str]) -> str:
    return "".join(f"{key}: {options[key]}\n" for key in sorted(options))


def render_description(description: str) -> str:
    """A description as the comment lines at the head of a section."""
    lines: Iterable[str] = description.rstrip("\n").split("\n") if description else ()
    return "".join(f"#{encode(line)}\n" for line in lines)


def encode(text: str) -> str:
    """`text` with everything but plain characters as %XX of its UTF-8 bytes, as in a description line."""
    if _PLAIN.issuperset(text):
        return text
    plain = _PLAIN
    return "".join(c if c in plain else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "replace")) for c in text)


def decode(text: str) -> str:
    """The opposite of `encode`."""
    if "%" not in text:
        return text
    head, *parts = text.encode("utf-8", "surrogateescape").split(b"%")
    decoded = bytearray(head)
    for part in parts:
        try:
            decoded += bytes((int(part[:2], 16),)) + part[2:] if len(part[:2]) == 2 else b"%" + part
        except ValueError:
            decoded += b"%" + part
    return decoded.decode("utf-8", "replace")


def with_option(text: str, name: str, value: str) -> str:
    """The text of a guest's file in whose main section an option has this value."""
    head, line_break, rest = text.partition("\n[")
    lines = [line for line in head.rstrip("\n").split("\n") if not line.startswith(f"{name}:")]
    return "\n".join([*lines, f"{name}: {value}"]) + "\n" + line_break + rest
