"""`wipefs`: shows the signatures on a device, and wipes them. By wipefs(8), and as the real one was seen to answer."""

from __future__ import annotations

from phoenix.rehearsal import blockdevices, jsons, locks, speech
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take `--no-act --json --output=TYPE,LABEL DEVICE`, and `--all DEVICE...`."""
    if words[:1] == ["--all"] and len(words) > 1:
        with locks.cluster(tree):
            for path in words[1:]:
                wipe(tree, path)
        return 0
    if words[:-1] != ["--no-act", "--json", "--output=TYPE,LABEL"]:
        raise WrongUsage("wipefs: bad usage\nTry 'wipefs --help' for more information.")
    found = blockdevices.content(tree, device_of(tree, words[-1]))
    shown = [jsons.show({"type": kind, "label": _label(kind, label)}) for kind, label in found]
    speech.say(f'{{"signatures": [{", ".join(shown)}]}}')
    return 0


def _label(kind: str, label: str) -> str | None:
    """A label as it is shown; a volume group is none."""
    return None if kind == "LVM2_member" else label or None


def device_of(tree: Tree, path: str) -> str:
    """The kernel's name for a path; Failure if there is no such device."""
    device = blockdevices.find(tree, path)
    if not device:
        raise Failure(f"wipefs: error: {path}: probing initialization failed: No such file or directory", 1)
    return device


def wipe(tree: Tree, path: str) -> None:
    """Take all signatures away; not from a device that is mounted."""
    device = device_of(tree, path)
    if any(blockdevices.is_mounted(tree, name) for name in (device, *blockdevices.parts(tree, device))):
        raise Failure(f"wipefs: error: {path}: probing initialization failed: Device or resource busy", 1)
    for kind, _ in blockdevices.content(tree, device):
        speech.say(f"{path}: the signature of {kind} was erased")
    blockdevices.put(tree, device, ())
