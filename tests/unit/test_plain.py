"""Plain TOML: what is read without tomli is read as tomli reads it, and everything else is left to tomli."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from phoenix import errors, memo
from phoenix.config import load, plain

PIECES = (
    "a", "b", "net0", "a-b", "_", "é", " ", "  ", "\t", " = ", "=", ".", ",", ", ", "[", "]", "[a]", "[[a]]", "[b]",
    "{", "}", "{ a = 1 }", "{ a = 1, b = [1, 2] }", '"', '""', '"""', '"x"', '"# x"', '"\\n"', "'", "'x'", "0", "1",
    "-1", "+1", "-0", "01", "1_0", "0x1", "1.5", "1e3", "inf", "12345678901234567890", "1979-05-27", "07:32:00", "true",
    "false", "True", "#", "# x", "\n", "\r\n", "\0", "\ufeff", "\u00a0", "\u202e", "\u0661", "a = 1\n", 'b = "x"\n',
)  # fmt: skip

HERE = Path(__file__).resolve().parents[2]
REAL = sorted(
    {
        line
        for folder in ("etc/phoenix", "tests/inputs")
        for path in (HERE / folder).rglob("*.toml")
        for line in path.read_text("utf-8").split("\n")
    }
)
PLAIN = [line for line in REAL if line.strip() and plain.read(line) is not None]
VALUES = (
    "1979-05-27", "07:32:00", "1979-05-27 07:32:00Z", "1979-05-27T07:32:00.5-07:00", "1.5", "1.", ".5", "5e3",
    "-1e-3", "inf", "-inf", "nan", "+1", "-1", "--1", "- 1", "-", "0", "-0", "+0", "00", "01", "1_000", "1__0", "_1",
    "0x10", "0o7", "0b1", "\u0661", "123456789012345678", "-123456789012345678", "1234567890123456789", "true",
    "true#", "false ", "True", "trueish", "''", "'a'", "'''a'''", '""', '"""a"""', '"""', '""""""', '"" ""',
    '"\\u00e9"', '"\\x41"', '"\\e"', '"\\z"', '"\\"', '"a\tb"', '"a\x7fb"', '"\u2028"', '"\u00a0"', '"\u00e9"', '"a',
    '"#"', '"a"#"b"', "[]", "[ ]", "[,]", "[1,]", "[1,,2]", "[1 2]", "[1, # c", "[1]#c", "[[], [{}]]",
    "[1, 'a', 1.5]", "{}", "{ }", "{,}", "{ a = 1, }", "{ a = 1, a = 2 }", "{ a.b = 1 }", '{ "a" = 1 }',
    "{a={b={c=[1]}}}", "{ a = 1 b = 2 }", "{ a = }", "{ a }", "{a=1}x", "1 2", "1#c", "1,", "1]", "1\r", "1\u00a0",
    "\ufeff1", "",
)  # fmt: skip
HEADS = (
    "[a]", "[a.b]", "[a . b]", "[ a ]", "[[a]]", "[[ a ]]", "['a']", '["a"]', "[a]x", "[a]#x", "[a] # x", "[a]]",
    "[[a]", "[]", "[a.]", "[.a]", "[a][b]", "[\u00e9]", "[-]", "[0]", "[true]", "[phoenix]", "[phoenix.a]", "[net0]",
    "[[net0]]",
)  # fmt: skip
KEYS = (
    "a", "b", "net0", "phoenix", "a.b", "a . b", "net0.ip", '"a"', "'a'", '""', "''", "-", "1", "1.2", "true",
    "\u00e9", "a b", "", "[a", "\ta", "\ufeffa", "\u00a0a", "a\u00a0", "a\\",
)  # fmt: skip


@st.composite
def near(draw):
    """A line as it stands in a file, or that with something put in, cut out or in the place of its value."""
    line = draw(st.sampled_from(REAL))
    how = draw(st.sampled_from(("as it is", "put in", "cut out", "cut off", "other value", "appended")))
    begin = draw(st.integers(0, len(line)))
    if how == "put in":
        return line[:begin] + draw(st.sampled_from(PIECES)) + line[begin:]
    if how == "cut out":
        return line[:begin] + line[begin + draw(st.integers(1, 4)) :]
    if how == "cut off":
        return line[:begin]
    if how == "other value":
        return line.partition("=")[0] + "= " + draw(st.sampled_from(VALUES))
    return line + draw(st.sampled_from(PIECES)) if how == "appended" else line


ODD = st.one_of(
    near(),
    st.sampled_from(HEADS),
    st.sampled_from(VALUES).map("a = ".__add__),
    st.builds("".join, st.tuples(*map(st.sampled_from, (KEYS, (" = ", "=", "  =  ", ""), VALUES)))),
)


@st.composite
def documents(draw):
    """Lines of files with one or two among them that may be odd, some of them twice."""
    lines = draw(st.lists(st.sampled_from(PLAIN), max_size=3)) + draw(st.lists(ODD, min_size=1, max_size=2))
    lines += lines[-draw(st.sampled_from((1, 2, len(lines)))) :] if draw(st.booleans()) else []
    return draw(st.sampled_from(("\n",) * 9 + ("\r\n",))).join(draw(st.permutations(lines)))


def agrees(text):
    """Whether a text is plain; then it says what tomli makes of it, with the same types in the same order."""
    found = plain.read(text)
    assert found is None or repr(found) == repr(tomli.loads(text))
    return found is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a comment\n\n  # and one more\n",
        'hostname = "web" # its name\nmemory=1024\n   cores  =  2\nswap = 0\nnumber = -5',
        "onboot = true\nprotection = false\n",
        'net0 = { name = "eth0", ip = "dhcp", firewall = true }\nempty = {}\ndeep={a={b=[1,{c=2}]}}',
        'tags = ["a", "b # c"]\nnone = []\nlast = [1, ]\nmixed = [[1], ["x"], true]',
        'description = "grün, ]}="\nempty = ""#',
        "a = 1\n[phoenix] # ours\na = 2\n[firewall]\na = 3\n",
    ],
)
def test_the_commonest_form_is_read_as_tomli_reads_it(text):
    assert agrees(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = 1\na = 2",
        "[a]\n[a]",
        "a = 1\n[a]",
        "[a.b]",
        "[[a]]",
        "a.b = 1",
        '"a" = 1',
        "a = 'x'",
        'a = "\\n"',
        'a = """x"""',
        'a = """\nb = 1\n"""',
        "a = [\n1,\n]",
        "a = 1.5",
        "a = 01",
        "a = -0",
        "a = 1_000",
        "a = 1979-05-27",
        "a = 12345678901234567890",
        "a = { b = 1, }",
        "a = { b = 1, b = 2 }",
        "a = {b.c = 1}",
        "a = 1 2",
        'a = "x" "y"',
        "a =",
        "= 1",
        "a",
        "[a",
        "[]",
        "a = 1\r\n",
        "a\t= 1",
        "# \x7f",
        "a = " + "[" * 1000,
    ],
)
def test_what_is_not_is_left_to_tomli(text):
    assert plain.read(text) is None


@settings(max_examples=2000)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_whatever_is_written_there_is_one_answer(text):
    agrees(text)


@settings(max_examples=2000)
@given(documents())
def test_what_is_nearly_a_file_of_somebody_is_one_answer(text):
    agrees(text)


def test_our_own_files_are_plain(repository):
    files = sorted((repository / "etc/phoenix").rglob("*.toml"))
    assert files
    assert [path.name for path in files if not agrees(path.read_text("utf-8"))] == []


def test_what_one_reader_changes_no_other_sees():
    text = "tags = [[1]]\nnet0 = { a = 1 }\n[phoenix]\nb = 1\n"
    first = plain.read(text)
    first["tags"][0].append(2)
    first["net0"]["a"] = first["phoenix"]["b"] = 2
    assert plain.read(text) == {"tags": [[1]], "net0": {"a": 1}, "phoenix": {"b": 1}}


def test_more_lines_than_are_kept_are_read_as_well(monkeypatch):
    monkeypatch.setattr(memo, "MOST", 2)
    assert plain.read("a = 1\nb = 2\nc = 3\na1 = 4") == {"a": 1, "b": 2, "c": 3, "a1": 4}


def test_a_plain_file_goes_without_tomli_and_another_does_not(tmp_path, monkeypatch):
    path = tmp_path / "9001.toml"
    monkeypatch.setitem(sys.modules, "tomli", None)
    path.write_text("cores = 2\n")
    assert load.document(str(path)).table == {"cores": 2}
    path.write_text("cores = 2.5\n")
    with pytest.raises(ImportError):
        load.document(str(path))
    monkeypatch.undo()
    assert load.document(str(path)).table == {"cores": 2.5}
    path.write_text("cores = 2\ncores = 3\n")
    with pytest.raises(errors.ConfigError, match="line 2"):
        load.document(str(path))
