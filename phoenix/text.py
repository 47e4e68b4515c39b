"""Text made safe to show: what comes from elsewhere, and commands."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def printable(text: str) -> str:
    """`text` as one line that cannot move a cursor or forge another line: everything unprintable as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shown(text: str) -> str:
    """As `printable`, of a text that may have several lines and tabs."""
    plain = text.replace("\n", "").replace("\t", "").isprintable()
    return text if plain else "".join(char if char in "\n\t" else printable(char) for char in text)


def shell(argv: Sequence[str]) -> str:
    """A command as one would type it into bash, on one line."""
    return " ".join(quoted(word) if word.isprintable() else ansi_quoted(word) for word in argv)


SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
"""What means itself in a shell."""


def quoted(word: str) -> str:
    """A word as one of a shell's. The module shlex would bring regular expressions, which cost more than the rest."""
    return word if word and SAFE.issuperset(word) else "'" + word.replace("'", "'\"'\"'") + "'"


def ansi_quoted(word: str) -> str:
    """A word with line breaks or control characters in bash's own quoting: $'a\\nb'."""
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable(escaped)}'"


GROUPS = ("acl", "cloudinit", "disk", "group", "guest", "role", "user")
"""Words that only the next one makes a subcommand."""


def called(argv: Sequence[str]) -> str:
    """What a command is called: the tool and its subcommand; not the variables that `env` gives it."""
    while argv[0] == "env" or "=" in argv[0]:
        argv = argv[1:]
    return " ".join(argv[: 3 if argv[1:2] and argv[1] in GROUPS else 2])


LONGEST = 1000
"""So many characters of a tool's words are shown at most; its log has more."""


def shortened(text: str, longest: int) -> str:
    """`text`, or its begin and its end where it has more than `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest // 2]} ... {text[-(longest // 2) :]}"


def last_line(output: str) -> str:
    """The last words of a program's output: its last line, or all that it says is wrong with a command line."""
    return shortened(_last_words(output), LONGEST)


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.split("\n") if line.strip()]
    if not lines:
        return "it said nothing"
    wrong = lines[:-1]
    if not wrong or not lines[-1].endswith("[OPTIONS]"):
        return printable(lines[-1])
    # How the command is used follows what is wrong, which follows a line with 400.
    begin = next((place for place, line in enumerate(wrong) if line.startswith("400 ")), -1)
    return printable("; ".join(wrong[begin + 1 :] or wrong))
