"""Files: what is trusted, what is written at once and durably, and what is never overwritten."""

from __future__ import annotations

import os
import stat

import pytest

from phoenix import errors, files

ME = os.geteuid()


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def facts(mode, uid):
    return os.stat_result((mode, 1, 1, 1, uid, uid, 1, 0, 0, 0))


@pytest.fixture
def synced(monkeypatch):
    """What was made durable: "file" or "folder" each time."""
    found = []
    real = os.fsync

    def fsync(fd):
        found.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


@pytest.mark.parametrize(
    ("mode", "uid", "fault"),
    [
        (0o644, 0, ""),
        (0o644, ME, ""),
        (0o600, 0, ""),
        (0o444, 0, ""),
        (0o755, 0, ""),
        (0o644, 4242, "belongs to user 4242"),
        (0o664, 0, "writable by others (mode 0664)"),
        (0o646, 0, "writable by others (mode 0646)"),
        (0o666, ME, "writable by others (mode 0666)"),
    ],
)
def test_who_can_have_written_a_file_decides_whether_it_is_trusted(mode, uid, fault):
    found = files.distrusted(facts(stat.S_IFREG | mode, uid), "/x", stat.S_ISREG)
    assert (found.message if found else "") == (fault and f"/x: {fault}")
    assert not found or found.hint


@pytest.mark.parametrize("kind", [stat.S_IFDIR, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK])
def test_what_is_no_regular_file_is_not_trusted(kind):
    assert files.distrusted(facts(kind | 0o644, 0), "/x", stat.S_ISREG)


def test_a_folder_is_asked_for_as_such():
    assert files.distrusted(facts(stat.S_IFDIR | 0o755, 0), "/x", stat.S_ISDIR) is None
    assert files.distrusted(facts(stat.S_IFREG | 0o755, 0), "/x", stat.S_ISDIR)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "9001.toml"
    path.write_bytes(b"x = 1\n")
    path.chmod(0o644)
    return path


def test_a_trusted_file_is_read_byte_for_byte(file):
    file.write_bytes(b"\xff\r\n\0")
    assert files.read_trusted(str(file)) == b"\xff\r\n\0"


def test_a_file_that_others_can_write_is_not_read(file):
    file.chmod(0o666)
    with pytest.raises(errors.ConfigError, match="writable by others") as caught:
        files.read_trusted(str(file))
    assert caught.value.hint == f"chmod go-w {file}"


@pytest.mark.skipif(ME != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_read(file):
    os.chown(file, 4242, 4242)
    with pytest.raises(errors.ConfigError, match="belongs to user 4242"):
        files.read_trusted(str(file))


@pytest.mark.parametrize("name", ["missing.toml", "9001.toml/below", "folder", "fifo"])
def test_what_cannot_be_read_is_an_error_of_the_configuration(file, name):
    (file.parent / "folder").mkdir()
    os.mkfifo(file.parent / "fifo", 0o644)
    with pytest.raises(errors.ConfigError) as caught:
        files.read_trusted(f"{file.parent}/{name}")
    assert caught.value.message.startswith(f"{file.parent}/{name}: ")
    assert caught.value.hint


def test_a_file_may_have_a_mebibyte_and_no_more(file):
    file.write_bytes(b"x" * files.MOST_BYTES)
    assert len(files.read_trusted(str(file))) == 1 << 20
    file.write_bytes(b"x" * (files.MOST_BYTES + 1))
    with pytest.raises(errors.ConfigError, match="larger than 1 MiB"):
        files.read_trusted(str(file))


def test_a_file_of_the_node_is_text_whatever_is_in_it(file):
    file.write_bytes("ü".encode() + b"\xff\r\nx\ry\n")
    assert files.read_text(str(file)) == "ü\\xff\r\nx\ry\n"


def test_a_replaced_file_is_whole_private_and_durable(tmp_path, synced):
    path = f"{tmp_path}/a/b/record"
    files.replace(path, "one")
    assert (mode_of(path), mode_of(tmp_path / "a/b"), mode_of(tmp_path / "a")) == (0o600, 0o700, 0o755)
    with open(path) as reader:
        synced.clear()
        files.replace(path, "two ü")
        assert reader.read() == "one"
    assert synced == ["file", "folder"]
    with open(path, encoding="utf-8") as reader:
        assert reader.read() == "two ü"
    assert os.listdir(tmp_path / "a/b") == ["record"]


def test_a_replacement_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = f"{tmp_path}/record"
    files.replace(path, "one")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(errors.NotReady, match="cannot be written: No space left") as caught:
        files.replace(path, "two")
    assert "df -h" in caught.value.hint
    with open(path) as reader:
        assert reader.read() == "one"


def test_a_file_of_proxmox_ve_is_whole_and_durable(tmp_path, synced):
    path = f"{tmp_path}/9001.conf"
    files.replace_in_pve(path, "memory: 512\n")
    assert synced == ["file", "folder"]
    with open(path) as reader:
        assert reader.read() == "memory: 512\n"
    assert os.listdir(tmp_path) == ["9001.conf"]


def test_a_replacement_does_not_follow_a_link(tmp_path):
    (tmp_path / "victim").write_text("as it was")
    (tmp_path / "record").symlink_to("victim")
    files.replace(f"{tmp_path}/record", "new")
    assert (tmp_path / "victim").read_text() == "as it was"
    assert not (tmp_path / "record").is_symlink()


def test_what_an_earlier_crash_left_is_no_obstacle(tmp_path):
    (tmp_path / ".record.new").write_text("half")
    files.replace(f"{tmp_path}/record", "new")
    assert (tmp_path / "record").read_text() == "new"
    assert os.listdir(tmp_path) == ["record"]


def test_a_replacement_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "record").mkdir()
    with pytest.raises(errors.NotReady):
        files.replace(f"{tmp_path}/record", "new")
    assert os.listdir(tmp_path) == ["record"]


def test_lines_are_added_one_by_one_durably_and_privately(tmp_path, synced):
    path = f"{tmp_path}/journal/x.jsonl"
    files.append(path, "one\n")
    assert synced[-2:] == ["file", "folder"]  # a new name has to be durable too
    synced.clear()
    files.append(path, "two ü\n")
    assert synced == ["file"]
    with open(path, encoding="utf-8") as reader:
        assert reader.read() == "one\ntwo ü\n"
    assert (mode_of(path), mode_of(tmp_path / "journal")) == (0o600, 0o700)


@pytest.mark.parametrize("write", [files.append, files.replace, lambda path, text: files.create(path, text.encode())])
def test_a_place_that_cannot_be_written_is_said(tmp_path, write):
    (tmp_path / "file").touch()
    with pytest.raises(errors.NotReady, match="cannot be written"):
        write(f"{tmp_path}/file/x/y", "text\n")


def test_a_line_does_not_go_through_a_link(tmp_path):
    (tmp_path / "victim").write_text("as it was")
    (tmp_path / "journal").symlink_to("victim")
    with pytest.raises(errors.NotReady):
        files.append(f"{tmp_path}/journal", "x\n")
    assert (tmp_path / "victim").read_text() == "as it was"


def test_a_new_file_is_written_and_durable(tmp_path, synced):
    assert files.create(f"{tmp_path}/new/9001.toml", b"x = 1\n") is True
    assert synced[-2:] == ["file", "folder"]
    assert (tmp_path / "new/9001.toml").read_bytes() == b"x = 1\n"


def test_what_is_there_is_never_overwritten(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    assert files.create(f"{tmp_path}/file", b"theirs") is False
    assert files.create(f"{tmp_path}/link", b"theirs") is False
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


def test_a_folder_is_made_with_its_parents_and_kept_as_it_is(tmp_path):
    files.make_folder(f"{tmp_path}/a/b", 0o700)
    assert (mode_of(tmp_path / "a"), mode_of(tmp_path / "a/b")) == (0o755, 0o700)
    files.make_folder(f"{tmp_path}/a/b", 0o777)
    assert mode_of(tmp_path / "a/b") == 0o700


def test_a_removed_file_may_be_gone_already(tmp_path, synced):
    (tmp_path / "record").touch()
    files.remove(f"{tmp_path}/record")
    assert synced == ["folder"]
    files.remove(f"{tmp_path}/record")
    assert os.listdir(tmp_path) == []


def test_a_line_that_is_written_in_parts_is_whole_in_the_end(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    files.append(f"{tmp_path}/journal", "a line\n")
    assert (tmp_path / "journal").read_text() == "a line\n"


def test_a_file_for_somebody_else_is_theirs_from_its_name_on(tmp_path, synced):
    (tmp_path / "keys.new").symlink_to(tmp_path / "elsewhere")  # what they may put there
    files.replace_for(str(tmp_path / "keys"), "a", 0o600, os.geteuid(), os.getegid())
    assert (tmp_path / "keys").read_text() == "a"
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["keys"]
    assert synced


def test_a_link_in_place_of_a_folder_is_not_gone_through(tmp_path):
    (tmp_path / "real").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(errors.NotReady):
        files.replace_for(str(tmp_path / "link/keys"), "a", 0o600, os.geteuid(), os.getegid())
    with pytest.raises(errors.NotReady):
        files.give(str(tmp_path / "link"), 0o700)
    assert os.listdir(tmp_path / "real") == []
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o755
    files.give(str(tmp_path / "real"), 0o700)
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o700
