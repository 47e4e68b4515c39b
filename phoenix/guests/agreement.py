"""Agreement: that a guest is as its file says, told again by the very bytes that were compared.

What `status` says of a guest comes from its file, its configuration in /etc/pve, its firewall's file, our record,
whether it runs, and Phoenix's own code. A run that has found nothing left to do writes a digest of all these into the
record; whoever reads the same bytes later need not compare again what they say. It cannot be out of date: every byte
is read again, no time, size or inode is believed. A guest whose plan asks anything else has no agreement, nor has one
for which anything is still to be done.
"""

from __future__ import annotations

from phoenix import files, record
from phoenix.config import load
from phoenix.errors import PhoenixError
from phoenix.guests import ownership, plan
from phoenix.guests.plan import Plan
from phoenix.guests.work import node_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.call import Call
    from phoenix.config.load import Document
    from phoenix.guests.guest import Guest
    from phoenix.guests.kind import Kind
    from phoenix.guests.observed import Observed
    from phoenix.guests.work import Work
    from phoenix.record import Record

LINE = b"agreed: "


def noted(work: Work, state: Observed, kept: Record) -> Record:
    """The record that is about to be kept with the agreement in it; without one if there is none."""
    kept = kept.but(agreed="")
    document, wanted = work.document, work.wanted
    if not is_plain(document, wanted, state, kept) or not is_agreed(work, state, kept):
        return kept
    words = f"{state.state} {wanted.name}"
    texts = (record.lines(kept), state.text, state.firewall, words + "\n")
    found = digest(work.call, document.data, *(text.encode() for text in texts))
    return kept.but(agreed=f"{found.decode()} {words}")


def is_plain(document: Document, wanted: Guest, state: Observed, kept: Record) -> bool:
    """Whether nothing decides about a guest but what `digest` is made of."""
    ours = wanted.ours
    beside = document.profile or wanted.files or wanted.snippets or "cicustom" in state.raw
    asked = ours.provision or ours.before_change or ours.after_create
    whole = kept.made and kept.finished and not kept.waits
    return whole and not (beside or asked or state.lock or state.elsewhere)


def is_agreed(work: Work, state: Observed, kept: Record) -> bool:
    """Whether nothing is to be done, nothing differs or waits, and nobody can doubt that the guest is ours."""
    return plan.converge(work.wanted, state, kept) == Plan() and not ownership.doubt(state, kept)


def told(call: Call, kind: Kind) -> tuple[str, str] | None:
    """A guest's name and state, if an agreement about what is there now says that it is as its file says.

    What is wrong with any of it is left to the comparison to tell.
    """
    before, line, rest = record.read(call.paths.record(call.kind, call.id)).rpartition(LINE)
    if not line or call.options.get("--delete-volumes"):
        return None
    found, _, words = rest.partition(b" ")
    try:
        node = node_of(call)
        if node.owners(call.id) != [(node.name, kind.word)]:
            return None
        data = files.read_trusted(load.guest_path(call.config, call.kind, call.id, call.shared("trusted", set)))
        conf = files.read_bytes(call.paths.guest_config(kind.folder, call.id))
        if found != digest(call, data, before, conf, node.firewall(call.id).encode(), words):
            return None
        now = "running" if kind.start(node, call.id) else "stopped"
    except (OSError, PhoenixError):
        return None
    state, _, name = words.decode().rstrip("\n").partition(" ")
    return (name, state) if state in (now, "template") else None


def digest(call: Call, *parts: bytes) -> bytes:
    """What no other build, guest or parts have: 64 hexadecimal digits."""
    from _blake2 import blake2b  # hashlib takes ten times as long to import

    facts = f"{call.build} {call.manager} {call.id} {[*map(len, parts)]}\n"
    return blake2b(b"".join((facts.encode(), *parts)), digest_size=32).hexdigest().encode()
