"""A container's file: what it must have, what is assumed, and every fault of it said at once."""

from __future__ import annotations

import pytest

from phoenix import errors
from phoenix.config import load
from phoenix.guests import container

BASE = """
ostemplate = "local:vztmpl/debian-12.tar.zst"
rootfs = { storage = "local", size = "8G" }
"""


@pytest.fixture
def decode(tmp_path):
    def run(text, base=BASE):
        path = tmp_path / "9001.toml"
        path.write_text(base + text)
        path.chmod(0o644)
        return container.decode(load.document(str(path)), "9001")

    return run


@pytest.fixture
def faults(decode, tmp_path):
    """What is wrong with a text, a line for each fault, without the path."""

    def run(text, base=BASE):
        with pytest.raises(errors.ConfigError) as caught:
            decode(text, base)
        lines = caught.value.message.split("\n       ")
        assert all(line.startswith(f"{tmp_path}/9001.toml: ") for line in lines)
        assert caught.value.hint.startswith(f"edit {tmp_path}/9001.toml")
        return [line.partition(".toml: ")[2] for line in lines]

    return run


def test_the_least_that_a_file_can_say(decode):
    made = decode("")
    assert made.id == "9001"
    assert made.ostemplate == "local:vztmpl/debian-12.tar.zst"
    assert made.name == "CT9001"
    assert made.running is True
    # unprivileged is always said, because two releases of Proxmox VE assume different things.
    assert made.settings == {"unprivileged": "1", "rootfs": {"storage": "local", "size": "8G"}}


def test_what_a_file_says_is_kept(decode):
    made = decode('hostname = "web"\nunprivileged = false\ncores = 2\n[phoenix]\nstate = "stopped"')
    assert (made.name, made.running) == ("web", False)
    assert (made.settings["unprivileged"], made.settings["cores"]) == ("0", "2")


def test_the_starter_and_every_real_input_are_right(repository):
    files = [*repository.glob("etc/phoenix/lxc/*.toml"), *repository.glob("tests/inputs/**/lxc/*.toml")]
    assert len(files) >= 39
    for file in files:
        file_id = file.stem
        # These files are read, not trusted: a checkout may belong to anybody.
        import tomli

        made = container.decode(load.Document(str(file), tomli.loads(file.read_text())), file_id)
        assert made.settings["hostname"]


def test_all_faults_of_a_file_are_said_at_once(faults):
    text = (
        'hostnam = "x"\nmemory = 1\nnet0 = { tag = 0 }\nonboot = 1\nlock = "create"\n[phoenix]\nstat = 1\nstate = "up"'
    )
    found = faults(text, base='ostemplate = "x"\n')
    assert found == [
        "phoenix.stat: unknown key; did you mean state?",
        'phoenix.state: expected "running" or "stopped" or "template", found \'up\'',
        "ostemplate: expected a template as \"local:vztmpl/NAME.tar.zst\" or an absolute path, found 'x'",
        "hostnam: unknown key; did you mean hostname?",
        "memory: expected an integer, at least 16, found 1 (value must have a minimum value of 16)",
        "net0.tag: expected an integer from 1 to 4094, found 0 (value must have a minimum value of 1)",
        "net0.name: missing",
        "onboot: expected true or false, found 1",
        "lock: a lock is Proxmox VE's own business",
        'rootfs: missing: expected a table such as { storage = "local-lvm", size = "8G" }',
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("net32 = {}", "net32: unknown key"),
        ("net00 = {}", "net00: unknown key"),
        ("net = {}", "net: unknown key"),
        ("mp256 = {}", "mp256: unknown key"),
        ('"net\\u0661" = {}', "net\u0661: unknown key"),
        ('Hostname = "x"', "Hostname: unknown key; did you mean hostname?"),
        ("core = 1", "core: unknown key; did you mean cores?"),
        ('password = "secret"', "password: passwords are not for this file"),
        ("id = 9001", "id: unknown key"),
        ('template = "1"', "template: write state"),
        ("phoenix = 1", "phoenix: expected a table, found 1"),
        ("[phoenix]\nstate = true", 'phoenix.state: expected "running" or "stopped" or "template", found true'),
        (
            '[phoenix]\nstate = ["running"]',
            'phoenix.state: expected "running" or "stopped" or "template", found a list',
        ),
        ('[phoenix]\nstate = "clone"', "phoenix.state: expected"),
        ('[phoenix]\ndepends_on = ["web"]', "phoenix.depends_on: expected IDs of guests, found 'web'"),
        ('net0 = { name = "a" }\nnet5 = { name = "a" }', "net5.name: 'a' is taken by net0"),
        (
            'mp0 = { volume = "/a", mp = "/x" }\nmp1 = { volume = "/b", mp = "/x" }',
            "mp1.mp: '/x' is taken by mp0",
        ),
    ],
)
def test_one_fault(faults, text, fault):
    found = faults(text)
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_a_long_value_is_cut_short(faults):
    found = faults(f'hostname = "{"x" * 5000}"')
    assert len(found) == 1
    assert len(found[0]) < 250


def test_a_value_that_is_wrong_is_shown_as_it_is_written(faults):
    assert faults('hostname = "a\\u001b[2Jb"')[0].isprintable()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cores = = 2", "line 4"),
        ('hostname = "web\n', "line 4"),
        ("cores = 2\ncores = 3\n", "line 5"),
        ("[phoenix]\n[phoenix]", "line 5"),
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("\0", "line 4"),
    ],
)
def test_what_is_not_toml_is_said_with_its_line(faults, text, words):
    assert words in faults(text)[0]


def test_bytes_that_are_not_utf_8_are_said_with_their_line(tmp_path):
    path = tmp_path / "9001.toml"
    path.write_bytes(b"cores = 2\nhostname = '\xff'\n")
    path.chmod(0o644)
    with pytest.raises(errors.ConfigError, match="line 2: not UTF-8"):
        load.document(str(path))


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "lxc").mkdir(mode=0o755)
    return tmp_path


def test_the_ids_of_a_kind_are_those_of_its_files_in_order(folder):
    for name in ("9001.toml", "101.toml", "1000.toml", ".9002.toml", "notes.txt", "9003.toml~"):
        (folder / "lxc" / name).touch()
    assert load.guest_ids(str(folder), "lxc") == ["101", "1000", "9001"]
    assert load.guest_path(str(folder), "lxc", "101") == f"{folder}/lxc/101.toml"


@pytest.mark.parametrize("part", ["", "lxc"])
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o1777])
def test_a_folder_that_others_can_write_is_not_trusted(folder, part, mode):
    (folder / part).chmod(mode)
    with pytest.raises(errors.ConfigError, match="writable by others") as caught:
        load.guest_path(str(folder), "lxc", "9001")
    assert caught.value.hint.startswith("chmod go-w")


def test_a_missing_folder_is_said_with_how_to_begin(folder):
    with pytest.raises(errors.ConfigError, match="vm: No such file") as caught:
        load.guest_path(str(folder), "vm", "9001")
    assert "phoenix.pyz init" in caught.value.hint


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000])
def test_an_integer_of_thousands_of_digits_is_a_fault(faults, number):
    assert len(faults(f"cores = {number}")) == 1


@pytest.mark.parametrize("text", ['"a\\n\\u001b[2J" = 1', '[net0]\nname = "a"\n"b\\n" = 1', '[phoenix]\n"c\\n" = 1'])
def test_a_key_that_is_wrong_is_shown_without_control_characters(faults, text):
    assert all(fault.isprintable() for fault in faults(text))


def test_a_file_in_the_place_of_a_folder_is_called_that(folder):
    (folder / "vm").touch(mode=0o644)
    with pytest.raises(errors.ConfigError) as caught:
        load.guest_path(str(folder), "vm", "9001")
    assert "not a regular file" not in caught.value.message


def test_a_check_of_a_port_needs_an_address(decode, faults):
    for check in ('tcp = "80"', 'http = "80/x"'):
        more = f"[phoenix]\nhealth = [{{ {check} }}]"
        found = faults('net0 = { name = "eth0", ip = "dhcp" }\n' + more)
        assert found == [f"phoenix.health.0: no net has a fixed address; write {check[:4].strip()} with HOST:PORT"]
        decode('net0 = { name = "eth0", ip = "10.0.0.5/24" }\n' + more)
    decode('[phoenix]\nhealth = [{ tcp = "10.0.0.5:80" }, { http = "http://web/" }]')
