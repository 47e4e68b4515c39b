"""`help` and `version`: what this build is and can do."""

from __future__ import annotations

import os
import sys

import phoenix
from phoenix import cli, output
from phoenix.dispatch import child, library, routing
from phoenix.errors import UnknownName

VERBS = {
    "create": "make each target what its file says: create it if it is not there, change it if it differs, "
    "start it if it is to run, after those that it needs and that are not there. Running it again does nothing more.",
    "converge": "create for each target and all that it needs, those that are there too",
    "LetsGo": "the whole configuration: make every guest, then start them in the order and with the delays of startup",
    "setup": "make the node itself what hypervisor.toml says, section by section; --dry-run shows how, --only=NAME and "
    "--skip=NAME choose sections; --wipe=DISK lets a disk of a new pool lose what is on it. "
    "A change of the network is taken back by itself after five minutes unless "
    "setup --confirm-network, over a new connection, keeps it. Running it again does nothing more.",
    "start": "start each target, after those that it depends on, and wait until it runs",
    "stop": "shut each target down as the power button would (pct shutdown), within --timeout seconds; one that "
    "depends on another goes before it",
    "restart": "stop, then start; changes that wait for it take effect",
    "delete": "shut down and destroy exactly the named targets with their volumes, if Phoenix made them; "
    "asks for the ID on a terminal, needs --yes elsewhere",
    "health-check": "see whether each target runs and its health checks pass; nothing is changed",
    "snapshot": "take a snapshot of each target, --name=NAME",
    "rollback": "make each target what it was at the snapshot --name=NAME; what came after it is lost, so it asks",
    "list-snapshots": "the snapshots of each target",
    "delete-snapshot": "remove the snapshot --name=NAME of each target; asks for the ID on a terminal",
    "status": "what is there: state, and whether it is as its file says",
    "plan": "what create would do, as commands; nothing is started or changed (--exit-code: 10 if there is anything)",
    "graph": "who needs whom, as a tree; --dot for Graphviz: phoenix.pyz graph --dot | dot -Tsvg",
    "list": "the guests of the configuration",
    "log": "what Phoenix has done to a guest, or to all of them: every command and what it led to, from its journals",
    "import": "with --adopt, take over the guest that is there under each ID as if Phoenix had made it: after a "
    "restore, a move of a volume by hand, or for a guest that somebody else made",
    "check": "read the configuration and say everything that is wrong with it",
    "rehearse": "do a verb on a copy of the node, and show what would have become of it; the node is not touched",
    "init": "write a commented configuration to start from; existing files are kept",
    "node": "`node new DIR` makes a rehearsal node: a folder whose pct behaves like a real one, for --root=DIR",
    "help": "this text, or that of a verb or a manager",
    "version": "the version; with --verbose the build and what is bundled",
}


MORE = {
    "rehearse": """\
  phoenix.pyz rehearse create all          what would become of the node if every guest were made
  phoenix.pyz rehearse delete 9001         which volumes would go
  phoenix.pyz rehearse create web --keep=/root/trial
                                           and stay, for: phoenix.pyz --root=/root/trial status
  phoenix.pyz --root=/root/trial rehearse restart web
                                           go on from there, without changing it

The copy has the node's guests, storages, bridges, templates, and what runs, read from its files: no pct, qm or Perl
is started. Its pct and qm refuse what the real ones refuse, in the same words. Nothing secret is copied (no keys,
passwords or certificates), and nothing of what is in a volume: a volume is an empty file of its size. The
configuration is the real one, and it is only read.

Shown are what the managers say; then for each guest that changed its file before and after as a diff, the volumes
made and removed, every call of pct, qm and pvesm with its exit status, and where the real node could still differ.
The exit status is the verb's. With --output=json all of it is one document. On a machine without Proxmox VE a new
rehearsal node takes the place of the copy.

""",
}
"""What a verb's own help says besides."""


def show_help(doc: str, tree: str, word: str) -> int:
    """Print the help of a verb or a manager, or all of it."""
    if word.endswith(routing.SUFFIX):
        return child.run(tree, word, ["--help"])
    if word and word not in VERBS:
        known = [*VERBS, *routing.managers(tree)]
        raise UnknownName(f"there is no help on {word!r}{cli.did_you_mean(word, known)}", "phoenix.pyz help")
    if word:
        output.text(f"{word}: {VERBS[word]}\n\n{MORE.get(word, '')}{cli.usage_of(doc)}")
        return 0
    output.text(doc.strip() + "\n\nVerbs:")
    for verb, text in VERBS.items():
        output.text(wrapped(verb, text))
    output.text("\nManagers (each has its own --help):")
    for name in routing.managers(tree):
        output.text(wrapped(name, summary(tree, name)))
    return 0


def wrapped(word: str, text: str) -> str:
    """A word and its text beside it, for a terminal of 100 columns."""
    import textwrap

    return textwrap.fill(text, 100, initial_indent=f"  {word:<20}", subsequent_indent=" " * 22)


def summary(tree: str, manager: str) -> str:
    """The first line of a manager's docstring, by reading it; the module is not imported."""
    import ast

    with library.opened(tree) as archive:
        text = archive.read(f"managers/{manager.replace('-', '_')}.py")
    doc = ast.get_docstring(ast.parse(text)) or ""
    return doc.split("\n", 1)[0]


def show_version(tree: str, verbose: bool) -> int:
    """Print the version; `verbose` adds the build, the Python and the bundled packages."""
    output.text(f"phoenix {phoenix.__version__}")
    if verbose:
        output.text(f"build     {os.path.basename(tree)}")
        output.text(f"unpacked  {tree}")
        output.text(f"python    {sys.version.split()[0]} ({sys.executable})")
        for name in bundled(tree):
            package, _, version = name.rpartition("-")
            output.text(f"bundled   {package.replace('_', '-')} {version}")
        for name in routing.managers(tree):
            output.text(f"manager   {name}")
    return 0


def bundled(tree: str) -> list[str]:
    """What is bundled, each as NAME-VERSION."""
    with library.opened(tree) as archive:
        return [name.partition(".dist-info/")[0] for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
