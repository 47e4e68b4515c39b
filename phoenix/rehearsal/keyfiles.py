"""Key files: the public keys of ssh that a call names a file for."""

from __future__ import annotations

from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_KINDS = ("ssh-", "ecdsa-", "sk-")


def read(tree: Tree, option: str, path: str) -> str:
    """The content of a file given with --ssh-public-keys; of one given with --sshkeys as qm stores it."""
    try:
        with open(tree.given(path), encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError as error:
        raise Failure(f"can't open '{path}' - {error.strerror}", error.errno or 255) from error
    if option != "sshkeys":
        return text
    check(text)
    from phoenix.rehearsal.qm import values

    return values.url_encoded(text)


def check(text: str | None) -> None:
    """Failure if a line is no key."""
    for line in (text or "").split("\n"):
        words = line.split()
        if words and not line.startswith("#") and not any(word.startswith(_KINDS) for word in words):
            raise Failure("SSH public key validation error")
