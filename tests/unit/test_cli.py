"""The command line: words sorted strictly, IDs checked, and every error turned into its exit status."""

from __future__ import annotations

import importlib
import io
import os
import stat
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phoenix import cli, errors, manager
from phoenix.dispatch.main import DOC as DISPATCHER

DOC = """A program.

Usage:
  program --action=<action> [options]
  program --help

Options:
  --action=<action>  what to do
  --id=<id>          which
  --dry-run          change nothing
  --help             this text
"""
KNOWN = {"--action": "<action>", "--id": "<id>", "--dry-run": "", "--help": ""}
MANAGERS = ("hypervisor_manager", "lxc_manager", "vm_manager")


def sort_out(*argv, pass_on=False):
    words = cli.Words()
    cli.sort_out(list(argv), KNOWN, words, pass_on)
    return words


@pytest.fixture(scope="module")
def usages():
    return {name: manager.usage_text(importlib.import_module("managers." + name)) for name in MANAGERS}


def test_options_are_read_from_the_usage_text():
    assert cli.options_of(DOC) == KNOWN


@pytest.mark.parametrize(
    ("argv", "options", "targets"),
    [
        ([], {}, []),
        (["--id=5"], {"--id": "5"}, []),
        (["--id", "5"], {"--id": "5"}, []),
        (["--id="], {"--id": ""}, []),
        (["--id", ""], {"--id": ""}, []),
        (["--id", "-5"], {"--id": "-5"}, []),
        (["--id=a=b"], {"--id": "a=b"}, []),
        (["--dry-run"], {"--dry-run": True}, []),
        (["a", "--dry-run", "b", "--id=1"], {"--dry-run": True, "--id": "1"}, ["a", "b"]),
        (["-", ""], {}, ["-", ""]),
        (["a", "--", "--dry-run", "-x", "--"], {}, ["a", "--dry-run", "-x", "--"]),
        (["--id", "--"], {"--id": "--"}, []),
    ],
)
def test_words_are_sorted(argv, options, targets):
    words = sort_out(*argv)
    assert (words.options, words.targets, words.rest) == (options, targets, [])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--bogus"], "unknown option --bogus"),
        (["--bogus=1"], "unknown option --bogus"),
        (["-x"], "unknown option -x"),
        (["-h"], "unknown option -h"),
        (["--act=create"], "unknown option --act; did you mean --action?"),
        (["--dry"], "unknown option --dry; did you mean --dry-run?"),
        (["--DRY-RUN"], "unknown option --DRY-RUN"),
        (["---id=1"], "unknown option ---id; did you mean --id?"),
        (["--action=a", "--action=a"], "--action is given twice"),
        (["--action=a", "--action", "b"], "--action is given twice"),
        (["--dry-run", "--dry-run"], "--dry-run is given twice"),
        (["--dry-run=yes"], "--dry-run takes no value"),
        (["--dry-run="], "--dry-run takes no value"),
        (["--id"], "--id needs a value: --id=<id>"),
        (["a", "--action"], "--action needs a value: --action=<action>"),
        (["--a\x1b[31m\n"], r"unknown option --a\x1b[31m\n"),
        (["--\udcff"], r"unknown option --\udcff"),
    ],
)
def test_words_that_are_off_are_usage_errors(argv, message):
    with pytest.raises(errors.UsageError) as caught:
        sort_out(*argv)
    assert caught.value.message.startswith(message)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("argv", "options", "targets", "rest"),
    [
        (["create", "9001", "--new"], {}, ["create", "9001"], ["--new"]),
        (["create", "9001", "--new", "value"], {}, ["create", "9001"], ["--new", "value"]),
        (["create", "--new", "value", "9001"], {}, ["create"], ["--new", "value", "9001"]),
        (["create", "9001", "--new=1", "--dry-run"], {"--dry-run": True}, ["create", "9001"], ["--new=1"]),
        (["create", "--id", "7", "9001", "-n", "a", "b"], {"--id": "7"}, ["create", "9001"], ["-n", "a", "b"]),
        (["--new", "create", "9001"], {}, [], ["--new", "create", "9001"]),
        (["create", "--", "--new"], {}, ["create", "--new"], []),
    ],
)
def test_from_the_first_unknown_option_on_words_are_passed_on(argv, options, targets, rest):
    words = sort_out(*argv, pass_on=True)
    assert (words.options, words.targets, words.rest) == (options, targets, rest)


def test_known_options_stay_strict_among_words_that_are_passed_on():
    with pytest.raises(errors.UsageError, match="given twice"):
        sort_out("create", "--new", "--dry-run", "--dry-run", pass_on=True)


@pytest.mark.parametrize(
    "argv",
    [[], ["word"], ["--id=1"], ["--bogus"], ["--id"], ["--action=a", "word"], ["--action=a", "--action=b"], ["--he"]],
)
def test_usage_errors_come_with_the_usage(argv):
    with pytest.raises(errors.UsageError) as caught:
        cli.parse(DOC, argv)
    assert caught.value.hint == "Usage:\n  program --action=<action> [options]\n  program --help"
    assert "Option(" not in caught.value.message


@pytest.mark.parametrize("argv", [["--help"], ["--action=a"], ["--action", "a", "--id", "-5", "--dry-run"]])
def test_what_fits_is_answered_as_docopt_answers(argv):
    words = sort_out(*argv)
    assert cli.parse(DOC, argv) == cli.match(DOC, words.argv())


def test_help_beside_an_action_is_answered(usages):
    assert cli.parse(usages["lxc_manager"], ["--action=create", "--id=9001", "--help"])["--help"] is True


def test_only_the_boundary_goes_without_docopt(usages, monkeypatch):
    assert all(cli.boundary_only(doc) for doc in [DOC, *usages.values()])
    assert not cli.boundary_only(DISPATCHER)
    monkeypatch.setitem(sys.modules, "docopt", None)
    assert cli.parse(DOC, ["--action", "a"])["--action"] == "a"


VALUES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "-5", "--yes", "--", "=", "a=b", "[options]", "<id>", "\n", "--action=x"]
)


@pytest.mark.parametrize("name", MANAGERS)
def test_docopt_and_the_plain_path_give_the_same_answer(name, usages):
    doc = usages[name]
    # help and version stand in a usage of their own; beside an action they are answered, which docopt would refuse.
    known = {option: value for option, value in cli.options_of(doc).items() if option not in ("--help", "--version")}

    @settings(max_examples=120, deadline=None)
    @given(st.data())
    def compare(data):
        chosen = data.draw(st.lists(st.sampled_from(sorted(set(known) - {"--action"})), unique=True))
        argv, exact = [], []
        for option in data.draw(st.permutations(["--action", *chosen])):
            value = data.draw(VALUES) if known[option] else None
            exact.append(option if value is None else f"{option}={value}")
            apart = value is not None and data.draw(st.booleans())
            argv += [option, value] if apart else [exact[-1]]
        assert cli.parse(doc, argv) == cli.match(doc, exact)

    compare()


BAD_IDS = (
    "", "-5", "9_001", "\uff19\uff10\uff10\uff11", "09001", "99",
    "1000000000", "../9001", "9001\n", " 9001", "9001 ", "+9001",
    "9001.0", "1e3", "0x2329", "²²²", "٩٠٠١", "all", "9001\0", "9001,9002",
)  # fmt: skip


@pytest.mark.parametrize("word", [*BAD_IDS, None, True, False])
def test_what_is_no_id_is_a_usage_error(word):
    with pytest.raises(errors.UsageError, match="expected a number from 100 to 999999999") as caught:
        cli.guest_id(word)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("word", ["100", "101", "9001", "999999999"])
def test_an_id_stays_as_it_is(word):
    assert cli.guest_id(word) == word


ERRORS = [
    (errors.PhoenixError("what", "how"), 1),
    (errors.OperationFailed("what", "how"), 1),
    (errors.UsageError("what", "how"), 2),
    (errors.ConfigError("what", "how"), 3),
    (errors.UnknownName("what", "how"), 4),
    (errors.Busy("what", "how"), 5),
    (errors.NotReady("what", "how"), 6),
    (errors.PartlyDone("what", "how"), 7),
    (errors.Refused("what", "how"), 8),
    (errors.Interrupted(15, "what", "how"), 143),
    (errors.Interrupted(2, "what", "how"), 130),
]


def raising(error):
    def action():
        raise error

    return action


@pytest.fixture
def guarded(tmp_path, capsys):
    """Runs an action under guard; returns its status, what was said, and the errors told for machines."""

    def run(action):
        told = []
        run.log = tmp_path / "log" / "bugs.log"
        saved = os.dup(1)  # guard may put /dev/null there
        try:
            code = cli.guarded(action, lambda: str(run.log), lambda code, error: told.append((code, error)))
        finally:
            os.dup2(saved, 1)
            os.close(saved)
        return code, capsys.readouterr().err, told

    return run


def test_every_error_has_a_row_here():
    def below(cls):
        return {cls}.union(*(below(sub) for sub in cls.__subclasses__()))

    assert {type(error) for error, _ in ERRORS} == below(errors.PhoenixError)


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_an_error_is_one_message_and_its_code(guarded, error, code):
    assert guarded(raising(error)) == (code, "error: what\nnext:  how\n", [(code, error)])
    assert not guarded.log.exists()


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("", "error: what\nnext:  phoenix.pyz help\n"),
        ("Usage:\n  program", "error: what\nUsage:\n  program\n"),
        ("how", "error: what\nnext:  how\n"),
    ],
)
def test_the_next_step_is_said_as_what_it_is(guarded, hint, said):
    assert guarded(raising(errors.UsageError("what", hint)))[1] == said


@pytest.mark.parametrize("status", [0, 1, 7, 10, 143])
def test_the_status_of_the_action_is_kept(guarded, status):
    assert guarded(lambda: status) == (status, "", [])


def test_a_bug_is_70_and_its_traceback_is_only_in_the_log(guarded):
    code, said, told = guarded(raising(ZeroDivisionError("a secret place")))
    assert (code, told) == (70, [])
    assert said == (
        f"error: a bug in Phoenix (ZeroDivisionError); the details are in {guarded.log}\n"
        "next:  please report it with those details\n"
    )
    assert "Traceback" in guarded.log.read_text()
    assert "a secret place" in guarded.log.read_text()
    assert stat.S_IMODE(guarded.log.stat().st_mode) == 0o600
    assert stat.S_IMODE(guarded.log.parent.stat().st_mode) == 0o700


def test_a_second_bug_is_added_to_the_log(guarded):
    guarded(raising(ZeroDivisionError("one")))
    guarded(raising(KeyError("two")))
    assert "one" in guarded.log.read_text()
    assert "two" in guarded.log.read_text()


def test_a_bug_log_that_is_a_link_is_not_followed(guarded, tmp_path):
    (tmp_path / "victim").write_text("as it was")
    (tmp_path / "log").mkdir()
    (tmp_path / "log/bugs.log").symlink_to(tmp_path / "victim")
    code, said, _ = guarded(raising(ZeroDivisionError()))
    assert code == 70
    assert "could not be written" in said
    assert (tmp_path / "victim").read_text() == "as it was"


def test_a_bug_with_words_that_are_not_utf_8_is_still_one(guarded, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["phoenix.pyz", "\udcff"])
    assert guarded(raising(ZeroDivisionError()))[0] == 70


def test_of_a_message_without_an_end_its_ends_are_told(guarded):
    said = guarded(raising(errors.ConfigError("begin" + "a" * 100_000 + "end", "how")))[1]
    assert len(said) < cli.LONGEST_MESSAGE + 50
    assert said.startswith("error: begin")
    assert said.endswith("end\nnext:  how\n")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (OSError(28, "No space left on device", "/var/x"), 1, "error: /var/x: No space left on device\nnext:  "),
        (OSError(28, "No space left on device"), 1, "error: standard output or another open file: No space"),
    ],
)
def test_what_the_system_says_is_no_bug(guarded, error, code, said):
    found = guarded(raising(error))
    assert found[0] == code
    assert found[1].startswith(said)
    assert bool(found[1]) == bool(said)
    assert not guarded.log.exists()


def test_output_that_cannot_be_written_is_not_success(guarded, monkeypatch):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    code, said, _ = guarded(lambda: 0)
    assert code == 1
    assert "No space left on device" in said


class Gone(io.StringIO):
    def write(self, _):
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("gone", [None, Gone()])
def test_nobody_to_talk_to_is_no_reason_to_stop(monkeypatch, gone):
    monkeypatch.setattr(sys, "stderr", gone)
    assert cli.guarded(raising(errors.Busy("what")), lambda: "", None) == 5


def test_names_of_runs_differ_and_can_be_file_names():
    names = {cli.new_run() for _ in range(50)}
    assert len(names) == 50
    assert all(name.replace("-", "").isalnum() for name in names)
