"""Phoenix raises a Proxmox VE node from a folder of TOML files, one file a guest.

Usage:
  phoenix.pyz (create | converge | start | stop | restart | delete) <target>... [options]
  phoenix.pyz LetsGo [options]
  phoenix.pyz setup [options]
  phoenix.pyz (health-check | import) <target>... [options]
  phoenix.pyz (snapshot | rollback | list-snapshots | delete-snapshot) <target>... [options]
  phoenix.pyz (status | plan | check | graph) [<target>...] [options]
  phoenix.pyz list [options]
  phoenix.pyz log [<target>] [options]
  phoenix.pyz rehearse (create | converge | start | stop | restart | delete) <target>... [options]
  phoenix.pyz rehearse LetsGo [options]
  phoenix.pyz rehearse setup [options]
  phoenix.pyz rehearse (health-check | import) <target>... [options]
  phoenix.pyz rehearse (snapshot | rollback | list-snapshots | delete-snapshot) <target>... [options]
  phoenix.pyz rehearse (status | plan | check) [<target>...] [options]
  phoenix.pyz init [options]
  phoenix.pyz node new <dir>
  phoenix.pyz help [<word>]
  phoenix.pyz version [options]
  phoenix.pyz (--help | --version)

A target is an ID, a hostname, lxc or vm, a @tag, or all. Other options are passed on to the manager.
A manager can also be run by itself: phoenix.pyz lxc-manager --action=create --id=9001

Options:
  --config=<dir>       the configuration folder, instead of /etc/phoenix
  --root=<dir>         work on the node in this folder, such as a rehearsal node, instead of this machine
  --output=<format>    text or json
  --dry-run            say what would be done and change nothing
  --yes                do not ask
  --jobs=<number>      work on so many guests at once; as many as there are processors and memory for, if not given
  --dot                with graph: in the language of Graphviz
  --keep=<dir>         with rehearse: keep the rehearsal node in this folder, which must be new or empty
  --timeout=<seconds>  the longest that one step may take
  --verbose            with version: the build and what is bundled
  --help               this text
  --version            the version
"""

from __future__ import annotations

import os

from phoenix import cli, output
from phoenix.dispatch import child, looking, many, routing
from phoenix.errors import PhoenixError, UsageError, overall
from phoenix.paths import Paths
from phoenix.text import shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.cli import Words
    from phoenix.dispatch.child import Take

OF_SNAPSHOTS = ("snapshot", "rollback", "list-snapshots", "delete-snapshot")
NEED_TARGETS = ("create", "converge", "start", "stop", "restart", "delete", "health-check", "import", *OF_SNAPSHOTS)
MAY_HAVE_TARGETS = ("status", "plan", "check")
CONFIRMED = ("delete", "rollback", "delete-snapshot")
"""The verbs that lose something: the terminal is asked for the ID, without one --yes must be given."""
REHEARSE = "rehearse"
OF_THE_NODE = {"setup": "hypervisor"}
"""The verbs that are for the node itself, and the kind whose manager does them."""
PASS_ON = (*NEED_TARGETS, *MAY_HAVE_TARGETS, "LetsGo", *OF_THE_NODE)
"""The verbs that are a manager's actions; options that the dispatcher does not know go to it untouched."""


def main(tree: str, argv: list[str]) -> int:
    """Be phoenix.pyz of the build unpacked in `tree`; returns the exit status."""
    first = argv[0] if argv else ""
    if first.endswith(routing.SUFFIX):
        return guarded(lambda: child.run(tree, first, argv[1:]), cli.Words(), argv)
    if first == "node":
        return guarded(lambda: child.rehearsal(tree, argv[1:]), cli.Words(), argv)
    words = cli.Words()

    def act() -> int:
        cli.sort_out(argv, cli.options_of(DOC), words, pass_on=True)
        return dispatch(tree, words)

    return guarded(act, words, argv)


def guarded(act: Callable[[], int], words: Words, argv: list[str]) -> int:
    """Run the dispatcher's part, with errors told as the words ask for; usage errors come with the usage."""

    def tell(code: int, error: PhoenixError) -> None:
        if cli.wants_json(argv):
            output.failure(code, error)

    return cli.guarded(act, lambda: Paths(str(words.options.get("--root", ""))).bug_log(), tell)


def dispatch(tree: str, words: Words) -> int:
    """Do what sorted words ask for. Only words in no common form need docopt's judgement."""
    verb = words.targets[0] if words.targets else ""
    if verb.endswith(routing.SUFFIX) or verb == "node":
        raise UsageError(f"the options of {verb} come after its name", f"phoenix.pyz {verb} --help")
    if words.rest and verb not in (*PASS_ON, REHEARSE):
        raise UsageError(cli.unknown_option(words.rest[0], cli.options_of(DOC)))
    if words.options.get("--help") or verb == "help":
        from phoenix.dispatch import about

        return about.show_help(DOC, tree, next((word for word in words.targets if word != "help"), ""))
    if words.options.get("--version"):
        return show_version(tree, words)
    if verb == REHEARSE:
        return rehearse(tree, words)
    if "--keep" in words.options:
        raise UsageError(f"--keep is for rehearse; {verb} works on the node itself", "phoenix.pyz help rehearse")
    check_words(words, verb)
    if verb in PASS_ON:
        return run_action(tree, verb, words)
    return OWN_VERBS[verb](tree, words)


def rehearse(tree: str, words: Words) -> int:
    """Run the verb that the words name on a copy of the node."""
    from phoenix.dispatch import rehearsing

    verb = rehearsing.take_verb(words, PASS_ON)
    check_words(words, verb)
    configuration_of(tree, words).meant(names_of(words))  # what is wrong is said before anything is copied
    return rehearsing.run(tree, words, configuration_folder(words), run_action)


def check_words(words: Words, verb: str) -> None:
    """UsageError for words that do not fit together or cannot be meant."""
    if not (verb in MAY_HAVE_TARGETS or (verb in NEED_TARGETS and len(words.targets) > 1)):
        check_usage(words, verb)
    check_values(words)


def check_usage(words: Words, verb: str) -> None:
    """UsageError, with the usage, for words that do not fit together."""
    from phoenix.dispatch.about import VERBS

    if not verb:
        raise UsageError("what is to be done?", cli.usage_of(DOC))
    if verb and verb not in VERBS:
        raise UsageError(f"there is no verb {verb!r}{cli.did_you_mean(verb, VERBS)}", cli.usage_of(DOC))
    try:
        cli.match(DOC, words.argv())
    except UsageError as error:
        missing = verb in NEED_TARGETS and len(words.targets) == 1
        wrong = f"{verb} needs a target: an ID, a hostname, or all" if missing else error.message
        raise UsageError(wrong, cli.usage_of(DOC)) from error


def check_values(words: Words) -> None:
    """UsageError for a value of ours that cannot be meant."""
    root, form = words.options.get("--root"), words.options.get("--output", "text")
    jobs = str(words.options.get("--jobs", "1"))
    if not (jobs.isascii() and jobs.isdigit() and int(jobs[:5]) > 0 and len(jobs) < 5):
        raise UsageError(f"--jobs is {jobs!r}, expected a number from 1 to 9999")
    if words.options.get("--config") == "":
        raise UsageError("--config is empty, expected a folder")
    if root is not None and not os.path.isdir(str(root)):
        raise UsageError(
            f"--root is {root!r}, which is not a folder", "phoenix.pyz node new DIR makes a rehearsal node"
        )
    if form not in ("text", "json"):
        raise UsageError(f"--output is {form!r}, expected text or json")


def names_of(words: Words) -> list[str]:
    """The words that name guests; all of them if there are none."""
    return words.targets[1:] or ["all"]


def run_action(tree: str, verb: str, words: Words, take: Take = None) -> int:
    """Find the managers of the targets and run them; what they write to standard output goes to `take`, if given."""
    configuration, names = configuration_of(tree, words), names_of(words)
    if verb in OF_THE_NODE:
        told = child.arguments(words.options, cli.new_run(), words.rest)
        return child.run_to(tree, OF_THE_NODE[verb] + routing.SUFFIX, [f"--action={verb}", *told], take)
    if verb == "check" and names == ["all"]:
        return check_all(configuration, words, take)
    if names == ["all"] and not configuration.all():
        cli.note(f"note: {configuration.folder} has no guests")
    if verb in looking.VERBS:
        return look(configuration, verb, words, take)
    if verb in CONFIRMED and not words.options.get("--yes") and not words.options.get("--dry-run"):
        child.confirm(verb, configuration.meant(names)[0])
        words.options["--yes"] = True
    told = child.arguments(words.options, cli.new_run(), words.rest)
    tasks = many.tasks_of(verb, configuration, names, paths_of(words), told)
    if len(tasks) == 1 and tasks[0].target:
        target = tasks[0].target
        call = [f"--action={tasks[0].action}", f"--id={target.id}", *tasks[0].words]
        return child.run_to(tree, target.kind + routing.SUFFIX, call, take)
    jobs = int(str(words.options.get("--jobs", 0)))
    in_json = words.options.get("--output") == "json"
    return many.run(tree, tasks, jobs, again(words), in_json=in_json, take=take)


def look(configuration: routing.Configuration, verb: str, words: Words, take: Take) -> int:
    """Let managers look at the targets; several documents are one."""
    names, told = names_of(words), child.arguments(words.options, cli.new_run(), words.rest)
    targets, _ = configuration.meant(names)
    jobs = int(str(words.options.get("--jobs", 0)))
    if take or len(targets) == 1 or words.options.get("--output") != "json":
        return looking.look(configuration.tree, verb, targets, told, jobs, take)
    texts: list[str] = []
    code = looking.look(configuration.tree, verb, targets, told, jobs, texts.append)
    output.document(documents=[output.parsed(text) for text in texts])
    return code


def again(words: Words) -> str:
    """The command of these words."""
    return shell(["phoenix.pyz", *words.targets, *cli.forms(words.options), *words.rest])


def check_all(configuration: routing.Configuration, words: Words, take: Take) -> int:
    """Let every manager that can check its whole folder do so."""
    count = len(configuration.all())
    told = child.arguments(words.options, cli.new_run(), words.rest)
    codes = []
    for kind in dict.fromkeys([*configuration.wholes(), *configuration.kinds()]):
        manager = kind + routing.SUFFIX
        _, actions = child.output(configuration.tree, manager, ["--action=list-actions"])
        if "check" in actions.split():
            codes.append(child.run_to(configuration.tree, manager, ["--action=check", *told], take))
        elif configuration.names(kind):
            cli.note(f"note: {manager} cannot check its files yet; they were not read")
    if not count and not configuration.wholes():
        cli.note(f"note: {configuration.folder} has no guests")
    return overall(codes)


def configuration_of(tree: str, words: Words) -> routing.Configuration:
    """The configuration that the words name."""
    return routing.Configuration(configuration_folder(words), tree)


def configuration_folder(words: Words) -> str:
    """--config, or the node's own."""
    return os.path.abspath(str(words.options.get("--config") or paths_of(words).config))


def paths_of(words: Words) -> Paths:
    """The paths of the node that the words name."""
    root = str(words.options.get("--root", ""))
    return Paths(os.path.abspath(root) if root else "")


def show_list(tree: str, words: Words) -> int:
    """Print the guests of the configuration."""
    configuration = configuration_of(tree, words)
    rows = [(target, configuration.hostname(target)) for target in configuration.all()]
    if words.options.get("--output") == "json":
        guests = [
            {"id": target.id, "kind": target.kind, "name": name, "file": configuration.file(target)}
            for target, name in rows
        ]
        output.document(guests=guests)
        return 0
    output.text(f"{'ID':<11}{'KIND':<12}{'NAME':<24}FILE")
    for target, name in rows:
        output.text(f"{target.id:<11}{target.kind:<12}{name:<24}{configuration.file(target)}")
    return 0


def init(tree: str, words: Words) -> int:
    """Write the starter configuration."""
    from phoenix.dispatch import starter

    places = [f"{name}={words.options[name]}" for name in ("--root", "--config") if name in words.options]
    return starter.write(tree, configuration_folder(words), " ".join(["phoenix.pyz", *places]))


def show_version(tree: str, words: Words) -> int:
    """Print what this build is."""
    from phoenix.dispatch import about

    return about.show_version(tree, bool(words.options.get("--verbose")))


def show_log(tree: str, words: Words) -> int:
    """Print what Phoenix has done to a guest, or to all."""
    from phoenix.dispatch import history

    guest = words.targets[1] if len(words.targets) > 1 else ""
    if guest and not cli.is_guest_id(guest):
        guest = configuration_of(tree, words).find(guest).id
    return history.show(paths_of(words), guest, json=words.options.get("--output") == "json")


def show_graph(tree: str, words: Words) -> int:
    """Print who needs whom."""
    from phoenix.dispatch import graph

    form = "dot" if words.options.get("--dot") else str(words.options.get("--output", "text"))
    return graph.show(configuration_of(tree, words), names_of(words), form)


OWN_VERBS = {"list": show_list, "graph": show_graph, "log": show_log, "init": init, "version": show_version}
DOC = __doc__ or ""
