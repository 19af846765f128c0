import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from relight.errors import InputError
from relight.runtime.files import read_format, read_json, read_model, write_bytes, write_json, write_parts, write_text


class Parts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: dict[str, int]


class Score(BaseModel):
    value: float


def test_keys_are_sorted_and_the_last_line_ends(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": {"z": "é", "y": [1.5, None]}})
    expected = '{\n "a": {\n  "y": [\n   1.5,\n   null\n  ],\n  "z": "é"\n },\n "b": 1\n}\n'
    assert (tmp_path / "a.json").read_bytes() == expected.encode()


def test_the_order_of_the_keys_changes_no_byte(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": 1, "b": {"c": 2, "d": 3}})
    write_json(tmp_path / "b.json", {"b": {"d": 3, "c": 2}, "a": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("content", [dict, Score])
def test_what_is_no_number_is_refused_and_nothing_is_written(value: float, content: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        write_json(tmp_path / "a.json", content(value=value))
    assert not (tmp_path / "a.json").exists()


def test_a_model_reads_back_as_it_was_written(tmp_path: Path) -> None:
    written = Parts(rows={"train": 40, "test": 10})
    write_json(tmp_path / "a.json", written)
    assert read_model(tmp_path / "a.json", Parts) == written


@pytest.mark.parametrize("value", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0])
def test_a_number_reads_back_to_the_last_bit(value: float, tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"value": value})
    assert repr(read_json(tmp_path / "a.json")["value"]) == repr(value)


def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.json: cannot be read: No such file or directory; run `dvc repro` or"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe", b"{'a': 1}", b"[" * 10**6])
def test_a_file_that_is_not_json_is_refused_with_the_next_step(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json: is not JSON \(.*\); run `dvc checkout` or `dvc repro`"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("content", [b"[]," * 2_100_000, b'{"a":0},' * 2_100_000, b"0," * 8_400_000])
def test_json_that_would_fill_the_memory_is_refused_before_it_is_parsed(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[" + content[:-1] + b"]")
    with pytest.raises(
        InputError, match=r"a\.json: is not JSON \(at most 2,097,152 lists and mappings and 8,388,608 values"
    ):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"rows": {"train": "many"}}', r"rows\.train: Input should be a valid integer"),
        ('{"rows": {}, "colour": 1}', "colour: Extra inputs are not permitted"),
        ("{}", "rows: Field required"),
        ("[]", "the whole: Input should be a valid dictionary"),
    ],
)
def test_json_of_another_shape_is_refused_with_the_place(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=rf"a\.json: {said}.*; run `dvc checkout` or `dvc repro`"):
        read_model(tmp_path / "a.json", Parts)


@pytest.mark.parametrize("content", ['{"rows": {}}', '{"rows": {}, "format": 1}', '{"rows": {}, "format": "2"}', "[2]"])
def test_what_another_relight_wrote_is_for_that_relight(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=r"a\.json: must be of format 2, got .*; use the Relight that made it"):
        read_format(tmp_path / "a.json", Parts, 2)


def test_the_format_that_is_asked_for_is_read(tmp_path: Path) -> None:
    class Made(Parts):
        format: int

    write_json(tmp_path / "a.json", {"rows": {"train": 3}, "format": 2})
    assert read_format(tmp_path / "a.json", Made, 2) == Made(rows={"train": 3}, format=2)


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


WRITES_HALF = """
import sys, time
from pathlib import Path
from relight.runtime.files import write_parts

def parts():
    yield b"half"
    print("half is written", flush=True)
    time.sleep(60)

write_parts(Path(sys.argv[1]), parts())
"""


@contextmanager
def half_written(path: Path, **named: Any) -> Iterator["subprocess.Popen[str]"]:
    """A process that has written half of a file when the block begins."""
    command = [sys.executable, "-c", WRITES_HALF, str(path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **pipes, **named) as writer:
        try:
            assert writer.stdout
            assert writer.stdout.readline() == "half is written\n"
            yield writer
        finally:
            writer.kill()


def reset(number: int) -> None:
    """Let a signal end the next program, also below nohup."""
    signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_nothing_behind(number: int, tmp_path: Path) -> None:
    with half_written(tmp_path / "a", preexec_fn=lambda: reset(number)) as writer:
        assert len(os.listdir(tmp_path)) == 1
        writer.send_signal(number)
        writer.wait(timeout=30)
        assert os.listdir(tmp_path) == []


def test_a_hangup_that_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    with half_written(tmp_path / "a", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as writer:
        writer.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(timeout=0.3)


def test_what_a_kill_left_is_removed_by_the_next_writer_and_a_living_one_keeps_its_file(tmp_path: Path) -> None:
    with half_written(tmp_path / "killed") as killed, half_written(tmp_path / "living"):
        killed.kill()
        killed.wait(timeout=30)
        assert len(os.listdir(tmp_path)) == 2
        write_bytes(tmp_path / "a", b"whole")
        assert sorted(os.listdir(tmp_path))[1:] == ["a"]
        assert next(tmp_path.glob(".relight-*")).read_bytes() == b""  # "half" lies in the buffer of the living one
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_only_own_names_of_plain_files_are_removed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"of somebody else")
    (tmp_path / f".relight-{'1' * 16}.tmp").symlink_to(target)
    os.mkfifo(tmp_path / f".relight-{'2' * 16}.tmp")
    (tmp_path / f".relight-{'3' * 16}.tmp").mkdir()
    (tmp_path / f".relight-{'z' * 16}.tmp").write_bytes(b"no name of ours")
    before = sorted(os.listdir(tmp_path))
    write_bytes(tmp_path / "a", b"new")
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "a"])
    assert target.read_bytes() == b"of somebody else"


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_a_link_that_waits_at_the_name_is_not_written_through(
    plant: Callable[[Path, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "target").write_bytes(b"of somebody else")
    monkeypatch.setattr("secrets.token_hex", lambda _n: "guessed")
    plant(tmp_path / ".relight-guessed.tmp", tmp_path / "target")
    with pytest.raises(InputError, match="a: cannot be written: File exists"):
        write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "target").read_bytes() == b"of somebody else"


def test_no_two_writers_have_one_name(tmp_path: Path) -> None:
    with half_written(tmp_path / "a"), half_written(tmp_path / "b"):
        assert len(list(tmp_path.glob(".relight-*.tmp"))) == 2
        write_bytes(tmp_path / "c", b"whole")
        assert (tmp_path / "c").read_bytes() == b"whole"


def test_a_new_file_that_was_taken_for_abandoned_gets_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, names = fcntl.flock, []

    def slow_flock(file: int, how: int) -> None:
        names.append(Path(os.readlink(f"/proc/self/fd/{file}")).name)
        if len(names) == 1:
            (tmp_path / names[0]).unlink()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", slow_flock)
    write_bytes(tmp_path / "a", b"whole")
    assert os.listdir(tmp_path) == ["a"]
    assert len(set(names)) == 2
