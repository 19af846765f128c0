"""The journal of a sweep: what was changed in it is said, with its line; only what a kill leaves is read over."""

import json
import re
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relight.errors import InputError
from relight.sweep.storage import CrashSafeJournal
from tests.mutations import mutations

LOGS: list[dict[str, Any]] = [{"op_code": number, "worker_id": "w", "text": "é\n" * number} for number in range(5)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "study.journal")


def written(path: Path) -> Path:
    journal = CrashSafeJournal(path)
    journal.append_logs(LOGS[:2])
    journal.append_logs([])
    journal.append_logs(LOGS[2:])
    return path


def logs(path: Path) -> list[dict[str, Any]]:
    return list(CrashSafeJournal(path).read_logs(0))


def test_a_line_holds_the_crc_of_all_up_to_it(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    checksum = 0
    for line, log in zip(lines, LOGS, strict=True):
        text = json.dumps(log, separators=(",", ":")).encode()[:-1]
        checksum = zlib.crc32(text, checksum)
        assert line == text + f',"crc":"{checksum:08x}"}}\n'.encode()
    assert [{key: log[key] for key in LOGS[0]} for log in logs(file)] == LOGS


def test_who_reads_on_sees_only_what_is_new(tmp_path: Path) -> None:
    reader, writer = (CrashSafeJournal(tmp_path / "study.journal") for _ in range(2))
    for number in range(5):
        writer.append_logs(LOGS[number : number + 1])
        assert [log["op_code"] for log in reader.read_logs(number)] == [number]
        assert list(reader.read_logs(number + 1)) == []
    assert [log["op_code"] for log in reader.read_logs(2)] == [2, 3, 4]


@pytest.mark.parametrize("torn", [b'{"op_code":5,"work', b"{", b"\0" * 5000, b"garbage", b"\r", b'{"op":1}\r'])
def test_a_last_line_that_was_cut_short_is_read_over_and_removed(file: Path, torn: bytes) -> None:
    whole = file.read_bytes()
    reader = CrashSafeJournal(file)
    file.write_bytes(whole + torn)
    assert len(list(reader.read_logs(0))) == 5
    CrashSafeJournal(file)
    assert file.read_bytes() == whole


DAMAGES: dict[str, tuple[int, Any]] = {  # number of the line that is named, and the change of the lines
    "garbage at the end": (6, lambda lines: [*lines, b"garbage\n"]),
    "an object at the end": (6, lambda lines: [*lines, b"{}\n", b"{}\n"]),
    "an empty line at the end": (6, lambda lines: [*lines, b"\n"]),
    "a line of Optuna itself": (6, lambda lines: [*lines, b'{"op_code":5,"worker_id":"w"}\n']),
    "garbage in the middle": (3, lambda lines: [*lines[:2], b"\xff\xfe\0\n", *lines[2:]]),
    "a line twice": (3, lambda lines: [*lines[:2], *lines[1:]]),
    "a line is missing": (2, lambda lines: [lines[0], *lines[2:]]),
    "the first line is missing": (1, lambda lines: lines[1:]),
    "two lines swapped": (2, lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]),
    "another number": (4, lambda lines: [*lines[:3], lines[3].replace(b":3", b":4"), lines[4]]),
    "another checksum": (5, lambda lines: [*lines[:4], lines[4][:-4] + b'z"}\n']),
    "Windows line ends": (1, lambda lines: [line[:-1] + b"\r\n" for line in lines]),
    "deeply nested": (6, lambda lines: [*lines, b"[" * 100_000 + b"\n"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_line_is_named(file: Path, damage: str) -> None:
    number, change = DAMAGES[damage]
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))
    before = file.read_bytes()
    said = f"{file}: line {number} is damaged, or something else wrote it, or one before it is missing; remove what"
    with pytest.raises(InputError, match=re.escape(said)):
        logs(file)
    assert file.read_bytes() == before


def test_without_the_foreign_line_it_is_read_again(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole + b"{}\n")
    with pytest.raises(InputError, match="line 6 is damaged"):
        logs(file)
    subprocess.run(["sed", "-i", "6d", str(file)], check=True)
    assert file.read_bytes() == whole
    assert len(logs(file)) == 5


def test_nothing_is_written_behind_a_foreign_line(file: Path) -> None:
    journal = CrashSafeJournal(file)
    with open(file, "ab") as opened:
        opened.write(b"garbage\n")
    before = file.read_bytes()
    with pytest.raises(InputError, match="the last line is damaged, or something else wrote it"):
        journal.append_logs(LOGS[:1])
    assert file.read_bytes() == before


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return written(tmp_path_factory.mktemp("journal") / "study.journal").read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_gives_the_first_lines_or_our_own_error(data: st.DataObject, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "changed.journal"
    path.write_bytes(data.draw(mutations(content)))
    try:
        found = logs(path)
    except InputError:
        return
    assert [{key: log[key] for key in LOGS[0]} for log in found] == LOGS[: len(found)]
