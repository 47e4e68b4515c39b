"""The dispatcher: from the user's words to a manager, its arguments and its exit status; no child is started."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

import phoenix
from phoenix import errors, process
from phoenix.dispatch import about, child, main, many, routing
from phoenix.paths import Paths

FILE = 'ostemplate = "/t"\nrootfs = {{ storage = "local", size = "8G" }}\nhostname = "{}"\n'
MANAGER = '''"""{} in one line.

More of it.
"""
'''


@pytest.fixture
def tree(tmp_path):
    """A build: three managers by name, a starter, no more."""
    tree = tmp_path / "0.1.0-abc"
    for name in ("bin", "libexec"):
        (tree / name).mkdir(parents=True)
    with zipfile.ZipFile(tree / "library.zip", "w") as library:
        for name in ("hypervisor", "lxc", "vm"):
            (tree / f"bin/{name}-manager").touch()
            library.writestr(f"managers/{name}_manager.py", MANAGER.format(name))
        for package in ("docopt_ng-0.9.0", "tomli-2.5.0"):
            library.writestr(f"{package}.dist-info/METADATA", "")
        library.writestr("starter/lxc/9001.toml", "# a start\n")
    (tree / "bin/README").touch()
    return str(tree)


@pytest.fixture
def config(tmp_path):
    """A configuration of two containers and a virtual machine."""
    folder = tmp_path / "config"
    for path, name in (("lxc/9001", "web"), ("lxc/9002", "db"), ("vm/200", "win")):
        file = folder / f"{path}.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FILE.format(name) + ("tags = 'Front;x'\n" if name == "db" else ""))
        file.chmod(0o644)
    return folder


class FakeChildren:
    """Children of which one ends whenever they are looked at, the eldest."""

    def __init__(self, run):
        self.run = run
        self.started = []
        self.most = 0

    def __len__(self):
        return len(self.started)

    def start(self, key, argv):
        self.started.append((key, argv))
        self.run.most = max(self.run.most, len(self.started))

    def events(self, _seconds):
        if self.started:
            key, argv = self.started.pop(0)
            status = self.run.run_child(argv)
            for stream, line in self.run.says(os.path.basename(argv[3]), argv[4:]):
                yield key, stream, line
            yield key, 0, str(status)

    def drain(self):
        while self.started:
            list(self.events(0))

    def pass_on(self, number):
        self.run.passed_on.append(number)


class Run:
    """The dispatcher, its children written down: `calls` has the manager and what it was told, without --run-id."""

    def __init__(self, tree, config, monkeypatch, capsys):
        self.tree = tree
        self.config = config
        self.capsys = capsys
        self.calls = []
        self.runs = set()
        self.status = lambda manager, words: 0
        self.output = lambda manager, words: "{}"
        self.says = lambda manager, words: [(process.SAYS, "{}")]
        self.most = 0
        self.passed_on = []
        monkeypatch.setattr(process, "received", 0)
        monkeypatch.setattr(process, "again", 0)
        monkeypatch.setattr(Paths, "bug_log", lambda _: f"{tree}/bugs.log")
        monkeypatch.setattr(process, "run_child", self.run_child)
        monkeypatch.setattr(process, "child_output", self.child_output)
        monkeypatch.setattr(process, "Children", lambda: FakeChildren(self))
        monkeypatch.setattr(many, "is_there", lambda _, guest: guest in self.there)
        self.there = {"200", "9001", "9002"}
        monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run_child(self, argv):
        assert argv[:3] == [sys.executable, "-I", "-S"]
        path, words = argv[3], argv[4:]
        self.runs |= {word for word in words if word.startswith("--run-id=")}
        words = [word for word in words if not word.startswith("--run-id=")]
        self.calls.append([os.path.relpath(path, self.tree), *words])
        return self.status(os.path.basename(path), words)

    def child_output(self, argv):
        status = self.run_child(argv)
        return status, self.output(os.path.basename(argv[3]), argv[4:])

    def __call__(self, *words, config=True):
        where = [f"--config={self.config}"] if config else []
        code = main.main(self.tree, [*words, *where])
        self.out, self.err = self.capsys.readouterr()
        assert "Traceback" not in self.err
        return code


@pytest.fixture
def run(tree, config, monkeypatch, capsys):
    return Run(tree, config, monkeypatch, capsys)


# --- routing ------------------------------------------------------------------------------------------------


def test_managers_are_found_by_looking(tree):
    assert routing.managers(tree) == ["hypervisor-manager", "lxc-manager", "vm-manager"]
    assert routing.manager_path(tree, "vm-manager") == f"{tree}/bin/vm-manager"


@pytest.mark.parametrize("name", ["vn-manager", "-manager", "../bin/vm-manager", "backup-manager"])
def test_a_manager_that_this_build_does_not_have_is_unknown(tree, name):
    with pytest.raises(errors.UnknownName) as caught:
        routing.manager_path(tree, name)
    assert caught.value.hint == "this build has: hypervisor-manager, lxc-manager, vm-manager"
    assert name != "vn-manager" or caught.value.message.endswith("did you mean vm-manager?")


@pytest.mark.parametrize(
    ("word", "found"),
    [("9001", ("lxc", "9001")), ("200", ("vm", "200")), ("web", ("lxc", "9001")), ("win", ("vm", "200"))],
)
def test_a_target_is_found_by_its_file(tree, config, word, found):
    target = routing.Configuration(str(config), tree).find(word)
    assert (target.kind, target.id) == found


@pytest.mark.parametrize(
    ("word", "error", "message"),
    [
        ("9003", errors.UnknownName, "did you mean 9002?"),
        ("777", errors.UnknownName, "777 is not in "),
        ("wab", errors.UnknownName, "did you mean web?"),
        ("nobody", errors.UnknownName, "no guest in "),
        ("", errors.UsageError, "'' is neither"),
        ("-5", errors.UsageError, "'-5' is neither"),
        ("9_001", errors.UsageError, "is neither"),
        ("\uff19\uff10\uff10\uff11", errors.UsageError, "is neither"),
        ("09001", errors.UsageError, "is neither"),
        ("99", errors.UsageError, "is neither"),
        ("1000000000", errors.UsageError, "is neither"),
        ("../9001", errors.UsageError, "is neither"),
        ("9001\n", errors.UsageError, "'9001\\n' is neither"),
        ("web\x1b[2J", errors.UsageError, "is neither"),
        ("w*b", errors.UsageError, "is neither"),
    ],
)
def test_a_target_that_is_none(tree, config, word, error, message):
    with pytest.raises(error) as caught:
        routing.Configuration(str(config), tree).find(word)
    assert message in caught.value.message
    assert caught.value.message.isprintable()


def test_an_id_in_two_folders_is_an_error_of_the_configuration(tree, config):
    (config / "vm/9001.toml").touch()
    configuration = routing.Configuration(str(config), tree)
    for look in (lambda: configuration.find("9001"), configuration.all):
        with pytest.raises(errors.ConfigError) as caught:
            look()
        assert f"{config}/lxc/9001.toml and {config}/vm/9001.toml" in caught.value.message
    assert configuration.find("9002").kind == "lxc"  # the others are not held up


@pytest.mark.parametrize("name", ["web.toml", "99.toml", "09001.toml", "9001 .toml", ".toml.toml"])
def test_a_file_whose_name_is_no_id_is_said(tree, config, name):
    (config / "lxc" / name).touch()
    if name.startswith("."):
        assert len(routing.Configuration(str(config), tree).all()) == 3
        return
    with pytest.raises(errors.ConfigError, match="expected the name to be an ID"):
        routing.Configuration(str(config), tree).all()


def test_files_that_are_no_toml_are_no_guests(tree, config):
    for name in (".9003.toml", "9003.toml~", "notes.txt", "9003"):
        (config / "lxc" / name).touch()
    assert [target.id for target in routing.Configuration(str(config), tree).all()] == ["200", "9001", "9002"]


def test_a_folder_without_a_manager_is_not_looked_at(tree, config):
    (config / "backup").mkdir()
    (config / "backup/9009.toml").touch()
    assert routing.Configuration(str(config), tree).kinds() == ["lxc", "vm"]


# --- the child's arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "rest", "words"),
    [
        ({}, [], []),
        ({"--dry-run": True, "--yes": True}, [], ["--dry-run", "--yes"]),
        ({"--timeout": "5", "--output": "json"}, [], ["--output=json", "--timeout=5"]),
        ({"--config": "/c", "--root": "/r/"}, [], ["--config=/c", "--root=/r"]),
        ({"--verbose": True, "--help": True}, [], []),
        ({}, ["--exit-code", "-x", "a b"], ["--exit-code", "-x", "a b"]),
    ],
)
def test_a_child_is_told_what_every_manager_knows_and_the_rest(options, rest, words):
    found = child.arguments(options, "run-1", rest)
    assert [word for word in found if word != "--run-id=run-1"] == words
    assert "--run-id=run-1" in found


def test_folders_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert child.arguments({"--config": "c", "--root": "."}, "r", [])[:2] == [
        f"--config={tmp_path}/c",
        f"--root={tmp_path}",
    ]


@pytest.mark.parametrize(
    ("codes", "code"),
    [([], 0), ([0], 0), ([3], 3), ([0, 0], 0), ([8, 8], 8), ([0, 3], 7), ([3, 8], 7), ([143], 143), ([0, 143], 7)],
)
def test_one_status_for_several(codes, code):
    assert errors.overall(codes) == code


# --- verbs --------------------------------------------------------------------------------------------------

LXC, VM = "bin/lxc-manager", "bin/vm-manager"


@pytest.mark.parametrize("verb", ["create", "start", "stop", "restart", "status", "plan", "check"])
def test_a_verb_is_an_action_of_the_targets_manager(run, verb):
    assert run(verb, "9001") == 0
    assert run.calls == [[LXC, f"--action={verb}", "--id=9001", f"--config={run.config}"]]


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (["create", "9001", "200"], [(LXC, "9001"), (VM, "200")]),
        (["create", "200", "9001"], [(VM, "200"), (LXC, "9001")]),
        (["start", "all"], [(VM, "200"), (LXC, "9001"), (LXC, "9002")]),
        (["start", "lxc"], [(LXC, "9001"), (LXC, "9002")]),
        (["stop", "vm", "9002", "win"], [(VM, "200"), (LXC, "9002")]),
        (["create", "@front", "200"], [(LXC, "9002"), (VM, "200")]),
        (["stop", "web", "win"], [(LXC, "9001"), (VM, "200")]),
        (["create", "--", "9001"], [(LXC, "9001")]),
    ],
)
def test_targets_are_run_one_after_another(run, words, calls):
    where = [] if "--" not in words else [f"--config={run.config}"]
    assert run(*where, *words, config=not where) == 0
    assert [(call[0], call[2].partition("=")[2]) for call in run.calls] == calls
    assert len(run.runs) == 1  # one run, whatever it has to do


@pytest.fixture
def related(run):
    """9001 is a clone of 9002, which depends on 200."""
    folder = run.config
    for name, text in (("lxc/9001", "clone = { from = 9002 }"), ("lxc/9002", "[phoenix]\ndepends_on = [200]")):
        path = Path(folder) / f"{name}.toml"
        path.write_text(path.read_text() + text + "\n")
    return run


@pytest.mark.parametrize(
    ("words", "guests"),
    [
        (["create", "all"], ["200", "9002", "9001"]),
        (["create", "9001", "9002"], ["9002", "9001"]),
        (["start", "9001", "200"], ["9001", "200"]),
        (["stop", "all"], ["9001", "9002", "200"]),
        (["delete", "--yes", "200", "9002"], ["9002", "200"]),
    ],
)
def test_guests_that_need_each_other_are_taken_in_that_order(related, words, guests):
    assert related(*words) == 0
    assert [call[2].partition("=")[2] for call in related.calls] == guests


@pytest.mark.parametrize("verb", ["plan", "status"])
def test_managers_look_at_many_guests_at_once(run, verb):
    assert run(verb, "all", "--exit-code") == 0
    more = [f"--config={run.config}", "--exit-code"]
    assert run.calls == [
        [VM, f"--action={verb}", "--id=200", *more],
        [LXC, f"--action={verb}", "--id=9001", "--id=9002", *more],
    ]


def test_guests_that_need_each_other_in_a_circle_are_not_begun(related):
    path = Path(related.config) / "vm/200.toml"
    path.write_text(path.read_text() + "[phoenix]\ndepends_on = [9001]\n")
    assert related("create", "all") == 3
    assert related.calls == []
    assert "these depend on each other: 200 -> 9001 -> 9002 -> 200\n" in related.err
    related.there = set()
    assert related("create", "9001") == 3


def test_options_are_passed_on_known_and_unknown_ones(run, tmp_path):
    more = ["--dry-run", "--timeout=5", "--new", "v", "-x"]
    assert run("create", "--timeout", "5", "9001", "--dry-run", f"--root={tmp_path}", "--new", "v", "-x") == 0
    assert run.calls == [
        [LXC, "--action=create", "--id=9001", f"--config={run.config}", f"--root={tmp_path}", *more],
    ]


def test_all_targets_are_known_before_the_first_is_run(run):
    assert run("create", "9001", "9003") == 4
    assert run.calls == []
    assert "did you mean 900" in run.err


@pytest.mark.parametrize("code", [1, 3, 5, 6, 7, 8, 10, 70, 143])
def test_the_status_is_the_childs(run, code):
    run.status = lambda manager, words: code
    assert run("create", "9001") == code
    assert run.err == ""


def test_one_failure_does_not_stop_the_others_and_the_whole_is_partly_done(run):
    run.status = lambda manager, words: 8 if "--id=9001" in words else 0
    assert run("create", "all") == 7
    assert len(run.calls) == 3


@pytest.mark.parametrize("number", [2, 15])
def test_after_a_signal_no_further_target_is_begun(run, monkeypatch, number):
    def interrupted(manager, words):
        monkeypatch.setattr(process, "received", number)
        return 128 + number

    run.status = interrupted
    assert run("create", "all", "--jobs=1") == 128 + number
    assert len(run.calls) == 1
    assert "  not begun  9001 9002\n" in run.err
    assert run.passed_on == []  # it had ended before it could be told


@pytest.mark.parametrize(("number", "passed_on"), [(2, []), (15, [15]), (1, [1])])
def test_ctrl_c_lets_those_that_run_finish_and_any_other_signal_is_theirs_once(run, monkeypatch, number, passed_on):
    def interrupted(manager, words):
        if "--id=200" in words:
            monkeypatch.setattr(process, "received", number)
        return 0

    run.status = interrupted
    assert run("create", "all", "--jobs=2") == 128 + number
    assert [call[2] for call in run.calls] == ["--id=200", "--id=9001"]
    assert run.passed_on == passed_on
    assert ("the signal is passed on" if passed_on else "no other guest is begun") in run.err


def test_a_second_ctrl_c_is_passed_on(run, monkeypatch):
    def interrupted(manager, words):
        monkeypatch.setattr(process, "again", process.received and 2)
        monkeypatch.setattr(process, "received", 2)
        return 0

    run.status = interrupted
    assert run("create", "all", "--jobs=3") == 130
    assert run.passed_on == [2]


def test_documents_of_several_targets_are_one_document(run):
    def documents(manager, words):
        ids = [word for word in words if word.startswith("--id=")]
        return [(process.SAYS, json.dumps({"version": 1, "words": word})) for word in ids]

    run.says = documents
    assert run("status", "all", "--output=json") == 0
    document = json.loads(run.out)
    assert document["version"] == 1
    assert [one["words"] for one in document["documents"]] == ["--id=200", "--id=9001", "--id=9002"]
    assert all("--output=json" in call for call in run.calls)


def test_the_document_of_one_target_is_the_managers_own(run):
    assert run("status", "9001", "--output=json") == 0
    assert run.out == ""


def test_no_guests_is_an_empty_list(run):
    for name in ("lxc/9001", "lxc/9002", "vm/200"):
        (run.config / f"{name}.toml").unlink()
    assert run("status", "--output=json") == 0
    assert json.loads(run.out) == {"version": 1, "documents": []}


def test_a_manager_is_run_by_name_with_its_words_untouched(run):
    words = ["--action=create", "--id=9001", "--", "-x", "", "a b", "--help", "--id=2"]
    run.status = lambda manager, words: 7
    assert run("vm-manager", *words, config=False) == 7
    assert run.calls == [[VM, *words]]


def test_an_unknown_manager_is_4_with_the_nearest(run):
    assert run("lxd-manager", "--action=create", config=False) == 4
    assert "did you mean lxc-manager?" in run.err
    assert run.calls == []


def test_a_manager_after_options_is_a_usage_error(run):
    assert run("--dry-run", "lxc-manager", "--action=create", config=False) == 2
    assert "the options of lxc-manager come after its name" in run.err
    assert run.calls == []


@pytest.mark.parametrize("value", ["/tmp/x-manager", "create"])
def test_an_unknown_option_is_told_whatever_else_is_there(run, value):
    assert run("--config", value, "list", "--verbos", config=False) == 2
    assert "unknown option --verbos; did you mean --verbose?" in run.err


def test_making_a_rehearsal_node_is_another_program(run):
    assert run("node", "new", "/x", "--release", "9", config=False) == 0
    assert run.calls == [["libexec/rehearsal", "new", "/x", "--release", "9"]]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["create"],
        ["delete", "--yes"],
        ["creat", "9001"],
        ["9001"],
        ["list", "9001"],
        ["init", "x"],
        ["create", "list"],
        ["--output=xml", "status"],
        ["status", "--root=/no/such/folder"],
        ["status", "--root="],
        ["--bogus"],
        ["list", "--bogus"],
        ["create", "9001", "--yes=1"],
        ["create", "9001", "--yes", "--yes"],
        ["create", "9001", "--timeout"],
        ["version", "9001"],
        ["--yes", "node", "new", "/x"],
    ],
)
def test_words_that_do_not_fit(run, words):
    code = run(*words, config=False) if words[:2] != ["create", "list"] else run(*words)
    assert code in (2, 4)
    assert (code == 4) == (words == ["create", "list"])
    assert run.calls == []
    assert run.err.startswith("error: ")
    assert len(run.err.splitlines()) > 1
    assert "Option(" not in run.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["creat", "9001"], "there is no verb 'creat'; did you mean create?"),
        (["create"], "create needs a target: an ID, a hostname, or all"),
        ([], "what is to be done?"),
    ],
)
def test_words_that_nearly_fit_are_told_what_was_meant(run, words, said):
    assert run(*words, config=False) == 2
    assert run.err.splitlines()[:2] == [f"error: {said}", "Usage:"]


def test_errors_are_documents_too_where_documents_are_wanted(run):
    assert run("create", "9003", "--output=json") == 4
    document = json.loads(run.out)
    assert (document["version"], document["exit_code"]) == (1, 4)
    assert "9003" in document["error"]["message"]


def test_without_a_configuration_the_next_step_is_init(run, tmp_path):
    assert run("status", f"--config={tmp_path}/none", config=False) == 3
    assert "phoenix.pyz init" in run.err


# --- delete -------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stdin", [None, io.StringIO("9001\n")])
def test_deleting_without_a_terminal_needs_yes(run, monkeypatch, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("delete", "9001") == 2
    assert "--yes" in run.err
    assert run.calls == []
    assert run("delete", "9001", "--yes") == 0
    assert run.calls == [[LXC, "--action=delete", "--id=9001", f"--config={run.config}", "--yes"]]


@pytest.mark.parametrize(
    ("targets", "typed", "code", "deleted"),
    [
        (["9001"], "9001\n", 0, 1),
        (["9001"], "\n", 2, 0),
        (["9001"], "", 2, 0),
        (["9001"], "y\n", 2, 0),
        (["9001"], "9002\n", 2, 0),
        (["web"], "web\n", 2, 0),
        (["9001", "200"], "9001\n200\n", 0, 2),
        (["9001", "200"], "9001\nno\n", 2, 0),
    ],
)
def test_at_a_terminal_each_id_is_typed_before_any_is_deleted(run, monkeypatch, targets, typed, code, deleted):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert run("delete", *targets) == code
    assert len(run.calls) == deleted
    assert all("--yes" in call for call in run.calls)


def test_a_dry_run_of_a_deletion_asks_nothing_and_says_no_yes(run):
    assert run("delete", "9001", "--dry-run") == 0
    assert run.calls == [[LXC, "--action=delete", "--id=9001", f"--config={run.config}", "--dry-run"]]


# --- check --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["check"], ["check", "all"]])
def test_checking_everything_asks_each_manager_once(run, words):
    run.output = lambda manager, words: "check\nstatus\n" if manager == "lxc-manager" else "status\n"
    run.status = lambda manager, words: 3 if "--action=check" in words else 0
    assert run(*words) == 3
    assert [call[:2] for call in run.calls if call[1] != "--action=list-actions"] == [[LXC, "--action=check"]]
    assert "vm-manager cannot check its files yet" in run.err


def test_checking_an_id_in_two_folders_asks_nobody(run):
    (run.config / "vm/9001.toml").touch()
    assert run("check") == 3
    assert run.calls == []


# --- list, init, help, version ------------------------------------------------------------------------------


def test_the_guests_are_listed_by_number(run):
    assert run("list") == 0
    assert [line.split() for line in run.out.splitlines()] == [
        ["ID", "KIND", "NAME", "FILE"],
        ["200", "vm", "win", f"{run.config}/vm/200.toml"],
        ["9001", "lxc", "web", f"{run.config}/lxc/9001.toml"],
        ["9002", "lxc", "db", f"{run.config}/lxc/9002.toml"],
    ]
    assert run("list", "--output=json") == 0
    assert json.loads(run.out) == {
        "version": 1,
        "guests": [
            {"id": guest, "kind": kind, "name": name, "file": f"{run.config}/{kind}/{guest}.toml"}
            for guest, kind, name in (("200", "vm", "win"), ("9001", "lxc", "web"), ("9002", "lxc", "db"))
        ],
    }


def test_a_guest_whose_file_is_broken_is_an_error_of_the_configuration(run):
    (run.config / "lxc/9002.toml").write_text("= broken")
    assert run("list") == 3
    assert "lxc/9002.toml: " in run.err


def test_init_writes_a_start_and_keeps_what_is_there(run, tmp_path):
    target = tmp_path / "new"
    assert run("init", f"--config={target}", config=False) == 0
    assert f"wrote    {target}/lxc/9001.toml" in run.out
    assert f"phoenix.pyz --config={target} create 9001" in run.out
    (target / "lxc/9001.toml").write_text("mine\n")
    assert run("init", f"--config={target}", config=False) == 0
    assert f"kept     {target}/lxc/9001.toml" in run.out
    assert (target / "lxc/9001.toml").read_text() == "mine\n"


def test_init_writes_into_the_node_of_root(run, tmp_path):
    assert run("init", f"--root={tmp_path}", config=False) == 0
    assert (tmp_path / "etc/phoenix/lxc/9001.toml").is_file()


def test_help_says_every_verb_and_manager(run):
    assert run("help", config=False) == 0
    for word in (*about.VERBS, "hypervisor-manager", "lxc in one line.", "Usage:", "--root=<dir>"):
        assert word in run.out
    full = run.out
    assert run("--help", config=False) == 0
    assert run.out == full
    assert max(map(len, full.splitlines())) <= 120


@pytest.mark.parametrize("words", [["help", "create"], ["create", "--help"]])
def test_help_on_a_verb_starts_nothing(run, words):
    assert run(*words, config=False) == 0
    assert run.out.startswith("create: ")
    assert run.calls == []


def test_help_on_a_manager_is_its_own(run):
    assert run("help", "vm-manager", config=False) == 0
    assert run.calls == [[VM, "--help"]]


def test_help_on_an_unknown_word(run):
    assert run("help", "creat", config=False) == 4
    assert "did you mean create?" in run.err


def test_every_verb_of_the_usage_has_its_help():
    usage = main.DOC.partition("Usage:")[2].partition("\n\n")[0]
    assert all(f"{verb} " in usage.replace("|", " ").replace(")", " ").replace("\n", " ") for verb in about.VERBS)


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_the_version(run, words):
    assert run(*words, config=False) == 0
    assert run.out == f"phoenix {phoenix.__version__}\n"


def test_the_version_in_full_names_the_build_and_what_is_bundled(run):
    assert run("version", "--verbose", config=False) == 0
    for line in ("build     0.1.0-abc", "bundled   docopt-ng 0.9.0", "bundled   tomli 2.5.0", "manager   lxc-manager"):
        assert line in run.out.splitlines()


# --- bugs ---------------------------------------------------------------------------------------------------


def test_a_hostname_that_two_guests_have_is_not_guessed(run):
    (run.config / "lxc/9002.toml").write_text(FILE.format("web"))
    assert run("delete", "web", "--yes") == 3
    assert run.calls == []


@pytest.mark.parametrize("words", [["status"], ["create", "9001"], ["init"]])
def test_an_empty_config_is_a_usage_error(run, tmp_path, words):
    (tmp_path / "etc").mkdir()
    run.config.rename(tmp_path / "etc/phoenix")
    assert run(*words, "--config=", f"--root={tmp_path}", config=False) == 2


def test_asking_for_the_version_makes_nothing(run):
    run("create", "9001", "--version")
    assert run.calls == []


@pytest.mark.parametrize(
    "words", [["--bogus", "list", "--output=json"], ["list", "--yes", "--yes", "--output", "json"]]
)
def test_an_error_in_the_words_is_a_document_too(run, words):
    assert run(*words, config=False) == 2
    assert json.loads(run.out)["exit_code"] == 2


def test_a_child_that_writes_no_document_is_told_as_such(run):
    run.status = lambda manager, words: 1
    run.output = lambda manager, words: "no JSON\n"
    assert run("status", "all", "--output=json") != 70
