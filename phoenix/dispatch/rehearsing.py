"""`rehearse VERB`: run a verb on a copy of the node, show what would have become of it, and remove the copy."""

from __future__ import annotations

import contextlib
import json
import os

from phoenix import cli, output, process
from phoenix.dispatch import child
from phoenix.errors import Interrupted, NotReady, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from phoenix.cli import Words
    from phoenix.dispatch.child import Take

    Act = Callable[[str, str, Words, Take], int]

PLACES = ("/tmp", "/var/tmp")  # noqa: S108 - the folder made there is new, and nobody else's


def take_verb(words: Words, able: Sequence[str]) -> str:
    """The verb that is to be rehearsed; the words are then as for the verb itself. UsageError if there is none."""
    words.targets.pop(0)
    verb = words.targets[0] if words.targets else ""
    if not verb:
        raise UsageError("rehearse needs a verb and its target", "phoenix.pyz rehearse create all")
    if verb not in able:
        raise UsageError(
            f"{verb} cannot be rehearsed{cli.did_you_mean(verb, able)}",
            f"phoenix.pyz help rehearse; what can be: {', '.join(able)}",
        )
    if words.options.get("--keep") == "":
        raise UsageError("--keep is empty, expected a folder")
    return verb


def run(tree: str, words: Words, config: str, act: Act) -> int:
    """Rehearse the verb of `words`; `act` carries it out. Returns the verb's exit status."""
    verb = words.targets[0]
    in_json = words.options.get("--output") == "json"
    root, keep = words.options.get("--root"), str(words.options.get("--keep", ""))
    process.listen()
    with place(keep) as folder:
        places = [f"--config={config}", *([f"--root={os.path.abspath(str(root))}"] if root else [])]
        code, told = child.rehearsal_output(tree, ["copy", folder, *places, *form(in_json)])
        if code:
            output.text(told.rstrip("\n"))
            return code
        cli.note("rehearsal: " + (json.loads(told)["made"] if in_json else told.rstrip("\n")))
        inner = cli.Words()
        inner.targets, inner.rest = words.targets, words.rest
        inner.options = {**words.options, "--root": folder, "--config": config, "--yes": True}
        documents: list[str] = []
        code = act(tree, verb, inner, documents.append if in_json else None)
        if process.received:
            raise Interrupted(process.received, "the rehearsal was stopped; the node itself was not touched")
        failed = tell(tree, folder, verb, code, documents if in_json else None)
    if keep:
        cli.note(f"the rehearsal node stays: phoenix.pyz --root={folder} --config={config} status")
    elif code:
        cli.note("the rehearsal node is removed, and with it the logs named above; --keep=DIR would keep it")
    return code or failed


def form(in_json: bool) -> list[str]:
    """How a child is told to write a document."""
    return ["--output=json"] if in_json else []


def tell(tree: str, folder: str, verb: str, code: int, documents: list[str] | None) -> int:
    """Show what has become of the copy: as text, or with what the managers wrote as one document."""
    failed, text = child.rehearsal_output(tree, ["outcome", folder, *form(documents is not None)])
    if documents is None:
        output.text("\n" + text.rstrip("\n"))
        return failed
    facts = output.parsed(text)
    output.document(
        verb=verb,
        exit_code=code or failed,
        documents=[output.parsed(item) for item in documents],
        **{name: fact for name, fact in (facts if isinstance(facts, dict) else {}).items() if name != "version"},
    )
    return failed


@contextlib.contextmanager
def place(keep: str) -> Iterator[str]:
    """The folder for the copy: the one to keep, or one that is removed in the end."""
    if keep:
        yield os.path.abspath(keep)
        return
    import shutil

    folder = new_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if os.path.exists(folder):
            cli.note(f"note: {folder} could not be removed; remove it: rm -r {folder}")


def new_folder() -> str:
    """A new folder of our own for files that do not stay. NotReady if there is no place for one."""
    import tempfile

    for parent in PLACES:
        with contextlib.suppress(OSError):
            if not os.statvfs(parent).f_flag & os.ST_NOEXEC:  # the tools in it are to be run
                return tempfile.mkdtemp(prefix="phoenix-rehearsal-", dir=parent)
    places = " or ".join(PLACES)
    raise NotReady(f"nothing can be made and run in {places}", f"df -h {PLACES[0]}; or name a folder with --keep=DIR")
