"""`blkid`: tells what is on a device, by looking at it. By blkid(8), and as the real one was seen to answer."""

from __future__ import annotations

from phoenix.rehearsal import blockdevices, speech
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

NOTHING, AMBIVALENT = 2, 8
"""The status where nothing is found, and where there is more than there can be."""


def run(tree: Tree, words: list[str]) -> int:
    """Take `--probe --output=export DEVICE`."""
    if words[:-1] != ["--probe", "--output=export"]:
        raise WrongUsage("The low-level probing mode requires a device")
    device = blockdevices.find(tree, words[-1])
    if not device:
        raise Failure(f"blkid: error: {words[-1]}: No such file or directory", NOTHING)
    found = blockdevices.content(tree, device)
    if not found:
        return NOTHING
    if len(found) > 1:
        speech.complain(f"blkid: {words[-1]}: ambivalent result (probably more filesystems on the device)")
        return AMBIVALENT
    kind, label = found[0]
    speech.say(f"DEVNAME={words[-1]}")
    if kind in blockdevices.TABLES:
        speech.say(f"PTTYPE={kind}")
        return 0
    if label and kind != "LVM2_member":
        speech.say(f"LABEL={label}")
    speech.say(f"TYPE={kind}")
    return 0
