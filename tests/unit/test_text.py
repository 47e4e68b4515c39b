"""Text: what is said of a program's output."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix import cli, output
from phoenix.text import LONGEST, called, last_line, quoted, shown


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "it said nothing"),
        ("\n\n", "it said nothing"),
        ("one\ntwo\n\n", "two"),
        ("\x1b[1mred", "\\x1b[1mred"),
        (
            "400 Parameter verification failed.\ncores: too many\n\nnet0: format error\nqm set <vmid> [OPTIONS]\n",
            "cores: too many; net0: format error",
        ),
        (
            "Unknown option: foo\n400 unable to parse option\npct set <vmid> [OPTIONS]\n",
            "Unknown option: foo; 400 unable to parse option",
        ),
        ("qm set <vmid> [OPTIONS]", "qm set <vmid> [OPTIONS]"),
    ],
)
def test_the_last_words_say_what_is_wrong(output, words):
    assert last_line(output) == words


def test_of_a_long_line_the_begin_and_the_end_are_shown():
    words = last_line("first\n" + "a" * 3000 + "b" * 3000)
    assert len(words) < LONGEST + 10
    assert words.startswith("aaa")
    assert words.endswith("bbb")


def test_a_command_is_called_by_its_subcommand():
    assert called(("qm", "disk", "resize", "9002")) == "qm disk resize"
    assert called(("pct", "set", "9001")) == "pct set"
    assert called(("edit", "/etc/pve/lxc/9001.conf")) == "edit /etc/pve/lxc/9001.conf"
    assert called(("env", "A=b", "apt-get", "install", "x")) == "apt-get install"
    assert called(("pwconv",)) == "pwconv"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\n\tb", "a\n\tb"),
        ("a\x0e6\x7f", "a\\x0e6\\x7f"),
        ("v\u202etruem", "v\\u202etruem"),
        ("\x1b[2J\r", "\\x1b[2J\\r"),
        ("\udcff", "\\udcff"),
        ("grün", "grün"),
    ],
)
def test_what_is_shown_moves_no_cursor(text, safe, capsys):
    assert shown(text) == safe
    output.text(text)
    cli.note(text)
    assert capsys.readouterr() == (safe + "\n", safe + "\n")
    output.document(text=text)
    line = capsys.readouterr().out
    assert line[:-1].isprintable()
    assert json.loads(line)["text"] == text


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("' \"$\\!`~#")))
def test_a_word_is_quoted_for_the_shell_as_shlex_does_it(word):
    assert quoted(word) == shlex.quote(word)
