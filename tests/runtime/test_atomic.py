import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.runtime.files import write_bytes, write_parts, write_text


def test_the_file_holds_the_bytes(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"\x00\xff")
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"


def test_text_is_utf8_and_its_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "é\r\nü\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\r\n\xc3\xbc\n"


def test_an_old_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"old and longer")
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes(tmp_path / "a", b"old")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _file: seen.append((tmp_path / "a").read_bytes()))
    with open(tmp_path / "a", "rb") as reader:
        write_bytes(tmp_path / "a", b"new")
        assert reader.read() == b"old"  # who opened it before reads it to its end
    assert seen == [b"old", b"new"]  # the content before it gets its name, the name after it
    assert (tmp_path / "a").read_bytes() == b"new"


def test_parts_are_written_one_after_the_other(tmp_path: Path) -> None:
    write_parts(tmp_path / "a", (part for part in (b"one ", b"two")))
    assert (tmp_path / "a").read_bytes() == b"one two"


def test_a_part_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"new"
        raise InputError("row 7 is wrong")

    write_bytes(tmp_path / "a", b"old")
    with pytest.raises(InputError, match="row 7 is wrong"):
        write_parts(tmp_path / "a", parts())
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_leaves_the_old_file_whole(small_disk: Path) -> None:
    old = b"old" * 1000
    write_bytes(small_disk / "a", old)
    with pytest.raises(InputError, match=f"{small_disk / 'a'}: cannot be written: No space left on device"):
        write_bytes(small_disk / "a", b"new" * 100_000)
    assert (small_disk / "a").read_bytes() == old
    assert os.listdir(small_disk) == ["a"]


def test_a_run_that_is_stopped_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_file: int) -> None:
        raise KeyboardInterrupt

    write_bytes(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("missing/a", "No such file or directory"),
        ("file/a", "Not a directory"),
        ("folder", "Is a directory"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_with_the_reason(place: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=f"{place}: cannot be written: {reason}"):
        write_bytes(tmp_path / place, b"new")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
