"""Lock words: the `lock` of a guest's configuration, which says what is under way while no flock is held."""

from __future__ import annotations

from phoenix.rehearsal import cluster, locks
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pauses import pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree


def put(tree: Tree, kind: Kind, guest: str, word: str) -> GuestConf:
    """Lock a guest; returns its configuration as it is then. Failure if it is locked already."""
    with locks.config(tree, kind, guest):
        conf = cluster.read(tree, kind, guest)
        cluster.check_lock(kind, conf)
        conf.options["lock"] = word
        cluster.write(tree, kind, guest, conf)
    return conf


def take(tree: Tree, kind: Kind, guest: str, word: str = "") -> None:
    """Unlock a guest; Failure if it is not locked, or by another word than the one that is given."""
    with locks.config(tree, kind, guest):
        conf = cluster.read(tree, kind, guest)
        found = conf.options.pop("lock", "")
        if not found:
            shown = f"'{word}' " if word else "any"  # so there are two blanks after a word
            raise Failure(f"no lock found trying to remove {shown} lock")
        if word and found != word:
            raise Failure(f"found lock '{found}' trying to remove '{word}' lock")
        pause()
        cluster.write(tree, kind, guest, conf)


def check(conf: GuestConf, word: str, text: str) -> None:
    """Failure with `text` unless the configuration has exactly this word."""
    if conf.options.get("lock") != word:
        raise Failure(text)
