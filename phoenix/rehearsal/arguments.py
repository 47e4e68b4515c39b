"""Arguments: the one grammar of all the tools, from words to checked values."""

from __future__ import annotations

from phoenix.pve import formats, options
from phoenix.rehearsal import passwords
from phoenix.rehearsal.failures import BadParameters, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from phoenix.pve.options import Command, Option


def parse(name: str, command: Command, words: list[str], release: int) -> dict[str, str]:
    """The values of a call by option, booleans as 1 and 0; not yet checked."""
    # A positional argument may also be given as an option.
    table = options.known({**options.by_name(*command.positional), **command.options}, release)
    asked, twice = passwords.ASKED.get(name, ("", False))
    reader = _Reader(table, asked)
    reader.read(words)
    if reader.faults:
        raise WrongUsage("\n".join([*reader.faults, "400 unable to parse option", _usage(name, command)]))
    fault = _place(command, reader)
    if not fault and asked and not reader.values.get(asked) and (asked in reader.values or table[asked].required):
        reader.values[asked] = passwords.ask(twice=twice)
    if not fault and not reader.settle():
        fault = "400 unable to parse boolean option"
    if fault:
        raise WrongUsage(f"{fault}\n{_usage(name, command)}")
    return reader.values


def _place(command: Command, reader: _Reader) -> str:
    """Give the words that are no options to the positional arguments, in order; returns what is wrong."""
    rest = reader.rest
    for option in command.positional:
        if option.type == "array":
            if rest:
                reader.values[option.name] = "\0".join(rest)  # as many words as there are
            rest = []
        elif rest:
            reader.values[option.name] = rest.pop(0)
        elif option.required:
            return "400 not enough arguments"
    return "400 too many arguments" if rest else ""


def _usage(name: str, command: Command) -> str:
    from phoenix.rehearsal import usages  # only for those who need to be told

    return usages.usage(name, command)


class _Reader:
    """Splits words into options and the rest. The option `asked` needs no value."""

    def __init__(self, table: Mapping[str, Option], asked: str) -> None:
        self.table = table
        self.asked = asked
        self.folded: dict[str, str] = {}
        for key in table:
            self.folded[key.lower()] = key
        self.values: dict[str, str] = {}
        self.rest: list[str] = []
        self.faults: list[str] = []

    def read(self, words: list[str]) -> None:
        """Take in all words."""
        place = 0
        while place < len(words):
            word = words[place]
            place += 1
            if word == "--":
                self.rest += words[place:]
                return
            if len(word) < 2 or word[0] != "-":
                self.rest.append(word)
                continue
            word = word[2 if word.startswith("--") else 1 :]
            split = word.find("=", 1)  # before the sign there is at least one character
            given, value = (word, None) if split < 0 else (word[:split], word[split + 1 :])
            name = self._find(given.lower())
            if name:
                place += self._take(name, value, words[place : place + 1])

    def _find(self, given: str) -> str:
        exact = self._exact(given)
        if exact:
            return exact
        hits = sorted(self._completions(given))
        if len(hits) == 1:
            return self._exact(hits[0])
        if hits:
            self.faults.append(f"Option {given} is ambiguous ({', '.join(hits)})")
        else:
            self.faults.append(f"Unknown option: {given}")
        return ""

    def _exact(self, given: str) -> str:
        name = self.folded.get(given, given)
        return name if options.lookup(self.table, name) is not None else ""

    def _completions(self, given: str) -> Iterable[str]:
        for option in self.table.values():
            folded, last = option.name.lower(), option.last
            if last < 0:
                if folded.startswith(given):
                    yield folded
            elif folded.startswith(given) or given.startswith(folded):
                yield from (f"{folded}{n}" for n in range(last + 1) if f"{folded}{n}".startswith(given))

    def _take(self, name: str, value: str | None, following: list[str]) -> int:
        """Store one option; returns how many of the following words it ate."""
        option = options.lookup(self.table, name)
        if name == self.asked or (option is not None and option.type == "boolean"):
            eaten = value is None and bool(following) and not _is_option(following[0])
            self.values[name] = following[0] if eaten else value or ""
            return int(eaten)
        if value == "" or (value is None and not following):
            self.faults.append(f"Option {name.lower()} requires an argument")
            return 0
        text = following[0] if value is None else value
        if option is not None and option.format.endswith("-list") and name in self.values:
            text = f"{self.values[name]},{text}"
        self.values[name] = text
        return int(value is None)

    def settle(self) -> bool:
        """Make booleans 1 or 0; whether all are."""
        for name, value in self.values.items():
            option = options.lookup(self.table, name)
            if option is not None and option.type == "boolean":
                truth = formats.boolean(value) if value else True
                if truth is None:
                    return False
                self.values[name] = str(int(truth))
        return True


def _is_option(word: str) -> bool:
    return len(word) > 1 and word[0] == "-"


def check(command: Command, values: Mapping[str, str], release: int) -> None:
    """BadParameters if a value is not what its option takes."""
    faults: dict[str, str] = {}
    positional = options.known(options.by_name(*command.positional), release)
    table = options.known(command.options, release)
    for name, value in values.items():
        option = positional.get(name) or options.lookup(table, name)
        if option is None:
            continue
        fault = property_fault(option, name, value, release) if option.properties else ""
        fault = fault or formats.fault(option, value, release)
        if fault:
            faults[name] = fault
        if option.requires and option.requires not in values:
            faults[option.requires] = formats.missing(name, release)
    for name, option in table.items():
        if option.required and name not in values:
            faults[name] = "property is missing and it is not optional"
    if faults:
        raise BadParameters(faults)


def property_fault(option: Option, name: str, value: str, release: int) -> str:
    """What is wrong with a property string, in the layout of the real tools; "" if nothing is."""
    faults = formats.properties(option.properties, value, release)[1]
    if not faults:
        return ""
    if "" in faults:
        return "invalid format - " + faults[""]
    lines = []
    for key, plain in faults.items():
        # The key that requires another has the name of its option before it here.
        fault = plain.replace("'", f"'{name}.", 1) if plain.startswith("missing property") else plain
        lines.append(f"{name}.{key}: {fault}" + ("\n" if fault.startswith("invalid format - ") else ""))
    return "invalid format - format error\n" + "\n".join(lines)
