"""The command line: docopt made strict, and the one way from an error to an exit status.

docopt decides whether words fit a usage. What it is too generous about is decided here before it is asked: options
are written out in full, each value where it belongs, none twice but those that may be. Words in the one form that
programs use, every one of them `--name=value`, need no docopt: the common start-up does not load it (a test holds both
to one answer).
"""

from __future__ import annotations

import os
import sys

from phoenix import errors
from phoenix.errors import PhoenixError, UsageError
from phoenix.text import printable, shortened, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Union

    Answer = Union[str, bool, list[str], None]

BOUNDARY_USAGE = "--action=<action> [options]"
SEVERAL = ("--id",)
"""The options that may be given several times; their values are one answer then, with BETWEEN between them."""
BETWEEN = "\0"
"""No argument of a program has it."""


class Words:
    """Words sorted out: `options` by name (True for one without a value), `targets` as they came, `rest` untouched."""

    def __init__(self) -> None:
        self.options: dict[str, str | bool] = {}
        self.targets: list[str] = []
        self.rest: list[str] = []

    def argv(self) -> list[str]:
        """The known words in the form that leaves no doubt."""
        return forms(self.options) + self.targets


def forms(options: dict[str, str | bool]) -> list[str]:
    """Options in the form that leaves no doubt."""
    return [name if value is True else f"{name}={value}" for name, value in options.items()]


def options_of(doc: str) -> dict[str, str]:
    """The options that the "Options:" part of a usage text declares: name -> "<what its value is>", or "" for none."""
    found = {}
    for line in doc.partition("\nOptions:\n")[2].split("\n"):
        words = line.strip().split("  ")[0]
        if words.startswith("--"):
            name, _, value = words.partition("=")
            found[name] = value
    return found


def sort_out(argv: list[str], known: dict[str, str], words: Words, pass_on: bool = False) -> None:
    """Sort `argv` into options, targets and, where `pass_on` allows them, words for somebody else, into `words`.

    From the first unknown option on, words that are not known options are passed on, because they may be its value.
    UsageError for an unknown option otherwise, for one given twice, and for a value missing or too many.
    """
    queue = list(argv)
    while queue:
        word = queue.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            words.targets += queue
            break
        if name in known:
            if known[name] and not equals:
                if not queue:
                    raise UsageError(f"{name} needs a value: {name}={known[name]}")
                value = queue.pop(0)
            elif equals and not known[name]:
                raise UsageError(f"{name} takes no value")
            if name in words.options and name not in SEVERAL:
                raise UsageError(f"{name} is given twice")
            before = f"{words.options[name]}{BETWEEN}" if name in words.options else ""
            words.options[name] = before + value if known[name] else True
        elif pass_on and (words.rest or word.startswith("-")):
            words.rest.append(word)
        elif word.startswith("-") and word != "-":
            raise UsageError(unknown_option(word, known))
        else:
            words.targets.append(word)


def unknown_option(word: str, known: Iterable[str]) -> str:
    """What is wrong with an option that is none of the known ones."""
    name = word.partition("=")[0]
    return f"unknown option {printable(name)}{did_you_mean(name, known)}"


def parse(doc: str, argv: list[str]) -> dict[str, Answer]:
    """What `argv` says by the usage text `doc`, as docopt returns it. UsageError if it does not fit."""
    known = options_of(doc)
    words = Words()
    try:
        sort_out(argv, known, words)
        if not words.targets and "--action" in words.options and boundary_only(doc):
            return {name: words.options.get(name, None if value else False) for name, value in known.items()}
        return match(doc, words.argv())
    except UsageError as error:
        raise UsageError(error.message, error.hint or usage_of(doc)) from error


def wants_json(argv: list[str]) -> bool:
    """Whether words ask for JSON, also when something else is wrong with them."""
    return "--output=json" in argv or ("--output", "json") in zip(argv, argv[1:])


def boundary_only(doc: str) -> bool:
    """Whether the first usage of `doc` is just an action and options, so that there is nothing to match."""
    return usage_of(doc).split("\n")[1].strip().partition(" ")[2] == BOUNDARY_USAGE


def match(doc: str, argv: list[str]) -> dict[str, Answer]:
    """Let docopt match words that `sort_out` has let through."""
    import docopt

    try:
        return dict(docopt.docopt(doc, argv, default_help=False))
    except docopt.DocoptExit as error:
        raise UsageError("these words do not fit together") from error


def usage_of(doc: str) -> str:
    """The "Usage:" part of a usage text."""
    start = doc.index("Usage:")
    return doc[start:].split("\n\n", 1)[0].rstrip()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" for the known word most like `word`, or ""."""
    import difflib

    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def is_guest_id(word: str) -> bool:
    """Whether `word` is a guest's ID as Proxmox VE writes it: 100 to 999999999, ASCII digits, no leading zero."""
    return word.isascii() and word.isdigit() and 3 <= len(word) <= 9 and word[0] != "0"


def guest_id(word: object) -> str:
    """The checked value of --id. UsageError if it is not an ID."""
    if not isinstance(word, str) or not is_guest_id(word):
        shown = repr(word) if isinstance(word, str) else "nothing"
        raise UsageError(f"--id is {shown}, expected a number from 100 to 999999999 in plain digits")
    return word


def guarded(
    action: Callable[[], int],
    bug_log: Callable[[], str],
    tell: Callable[[int, PhoenixError], None] | None,
    *,
    flush: bool = True,
) -> int:
    """Run `action`; returns its exit status, or that of the error it raised, told to the user.

    `bug_log` gives the path for tracebacks, `tell` writes the machine-readable error, where one was asked for. Without
    `flush` what it says may stay where it is until there is more of it.
    """
    try:
        try:
            status = action()
        except PhoenixError as error:
            if tell:
                tell(error.code, error)
            say(error)
            status = error.code
        if sys.stdout and flush:
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Nobody reads our output any more; keep the interpreter from trying again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return NOBODY_READS
    except OSError as error:
        return system_error(error)
    except Exception as error:
        return bug(error, bug_log())


def system_error(error: OSError) -> int:
    """Tell what the system refused; not a bug of ours, but nothing that was expected either."""
    where = f"{error.filename}: " if error.filename else "standard output or another open file: "
    say(PhoenixError(f"{where}{error.strerror or error}", "see to that (df -h, ls -l, dmesg), then run it again"))
    if sys.stdout and not error.filename:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still unwritten cannot be written
    return PhoenixError.code


NOBODY_READS = 141
"""The status of one whose standard output was closed before its end: what the shell says of SIGPIPE."""
LONGEST_MESSAGE = 10_000
"""So many characters of what is wrong are shown: a spoilt file can be all one value."""


def say(error: PhoenixError) -> None:
    """Tell the user what is wrong and what to do next."""
    lines = [f"error: {shortened(error.message, LONGEST_MESSAGE)}"]
    hint = error.hint or ("phoenix.pyz help" if isinstance(error, UsageError) else "")
    if hint:
        lines.append(hint if hint.startswith("Usage:") else f"next:  {hint}")
    note("\n".join(lines))


def note(text: str) -> None:
    """Talk to the user. A terminal that has gone away is no reason to stop."""
    try:
        if sys.stdout:
            sys.stdout.flush()  # what was said before comes before it
    except OSError:
        pass  # the next who writes there hears of it
    try:
        sys.stderr.write(shown(text) + "\n")
        sys.stderr.flush()
    except (OSError, AttributeError):
        return


def bug(error: Exception, path: str) -> int:
    """Put the traceback of a bug of ours into the log, and say where it is."""
    import time
    import traceback

    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab") as file:
            entry = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv)}\n{text}\n"
            file.write(entry.encode("utf-8", "backslashreplace"))
        place = f"the details are in {path}"
    except OSError:
        place = f"the details could not be written to {path}"
    note(f"error: a bug in Phoenix ({type(error).__name__}); {place}\nnext:  please report it with those details")
    return errors.BUG


def new_run() -> str:
    """A name for one run; names sort by time."""
    import time

    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(3).hex()}"
