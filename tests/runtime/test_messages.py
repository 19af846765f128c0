import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from relight.runtime.messages import (
    BROKEN_PIPE_CODE,
    abbreviate,
    did_you_mean,
    did_you_mean_key,
    notify,
    pluralize,
    printable,
    run_for_exit_code,
    shorten_notes,
    write_err,
    write_out,
)


def test_one_has_no_s() -> None:
    assert [pluralize(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


def test_a_long_list_ends_with_the_number_of_the_others() -> None:
    assert abbreviate("abc") == "a, b, c"
    assert abbreviate("abcdef") == "a, b, c and 3 more"
    assert abbreviate(["a", "b"], 1) == "a and 1 more"
    assert abbreviate([]) == ""


def test_a_near_miss_is_named() -> None:
    assert did_you_mean("specis", ["island", "species", "sex"]) == "; did you mean 'species'?"


def test_without_a_near_miss_the_columns_are_listed() -> None:
    assert did_you_mean("price", ["a", "b"]) == "; its columns are a, b"


def test_a_long_list_of_columns_is_cut() -> None:
    known = [f"c{k}" for k in range(21)]
    assert did_you_mean("price", known) == f"; its columns are {', '.join(known[:20])}, ..."


def test_a_name_that_is_taken_is_not_proposed() -> None:
    assert did_you_mean("garden", ["gardens", "floor"], taken=["gardens"]) == "; its columns are gardens, floor"


def test_the_list_says_what_it_is_of() -> None:
    assert did_you_mean("Yes", ["yes", "no"], what="its classes") == "; did you mean 'yes'?"
    assert did_you_mean("maybe", ["yes", "no"], what="its classes") == "; its classes are yes, no"


def test_a_key_is_named_without_quotes_and_all_keys_are_listed() -> None:
    keys = [f"k{k}" for k in range(21)]
    assert did_you_mean_key("splitt", ["split", "train"]) == "; did you mean split?"
    assert did_you_mean_key("zz", keys) == f"; known are {', '.join(keys)}"
    assert did_you_mean_key("zz", []) == "; known are none yet"


def test_text_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[31mb\nc\u202ed") == r"a\x1b[31mb\nc\u202ed"
    assert printable("é 漢字 – a\u3000b\u00a0c \U0001f468\u200d\U0001f469") == (
        "é 漢字 – a\u3000b\u00a0c \U0001f468\u200d\U0001f469"
    )


OWNED = "\x1b]0;owned\x07"
STEERING = [OWNED, "\x1b[2J", "\x1b[31m", "\x9b2J", "\r", "\b", "\x00", "\x7f", "\u202e", "\u2066", "\u2028", "\ud800"]


@pytest.mark.parametrize("text", STEERING, ids=ascii)
@pytest.mark.parametrize("write", [write_out, write_err, notify])
def test_what_is_printed_cannot_steer_the_terminal(
    text: str, write: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    write(f"a{text}b\n")
    out, err = capsys.readouterr()
    assert not {letter for letter in out + err if not letter.isprintable()} - {"\n"}
    assert ascii(text)[1:-1].replace("\\x1b[31m", "") in (out + err)


def test_lines_and_tabs_stay(capsys: pytest.CaptureFixture[str]) -> None:
    write_out("a\tb\nc\n")
    assert capsys.readouterr().out == "a\tb\nc\n"


def test_a_table_keeps_its_colours_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    write_out(f"\x1b[32mbetter\x1b[0m \x1b[2J \x1b[8mhidden {OWNED}\n", styled=True)
    assert capsys.readouterr().out == ("\x1b[32mbetter\x1b[0m \\x1b[2J \\x1b[8mhidden \\x1b]0;owned\\x07\n")


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"\\u2192 \\xb1\n"), ("latin-1", b"\\u2192 \xb1\n"), ("utf-8", "→ ±\n".encode())]
)
def test_what_the_terminal_cannot_write_is_escaped(
    encoding: str, shown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    write_out("→ ±\n")
    assert stream.buffer.getvalue() == shown  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_was_closed_is_no_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, name, None)
    write_out("a\n")
    write_err("b\n")


PRINTS = """
import sys
from relight.runtime.messages import *
open_standard_files()
sys.exit(run_for_exit_code(lambda: {}, "relight x"))
"""


def printing(call: str, **named: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", PRINTS.format(call)]
    return subprocess.run(command, text=True, check=False, **{"stderr": subprocess.PIPE, **named})


def test_a_full_disk_under_stdout_is_said_and_what_is_done_is_done() -> None:
    with open("/dev/full", "w") as full:
        done = printing("write_out('a')", stdout=full)
    assert (done.returncode, done.stderr) == (
        1,
        "error: stdout: cannot be written to: No space left on device; all but this output is done\n",
    )


def test_a_full_disk_under_stderr_changes_no_exit_code() -> None:
    with open("/dev/full", "w") as full:
        assert printing("notify('a')", stderr=full).returncode == 0


def test_a_reader_that_is_gone_ends_the_command_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = printing("write_out('a')", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (BROKEN_PIPE_CODE, "")


def test_a_file_never_takes_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    path = tmp_path / "a"
    done = printing(
        f"print(open({str(path)!r}, 'w').fileno(), file=sys.stderr)", preexec_fn=lambda: (os.close(0), os.close(1))
    )
    assert int(done.stderr) > 2


def test_a_gpu_that_is_full_is_one_sentence_with_ways_out(capsys: pytest.CaptureFixture[str]) -> None:
    def fills_the_gpu() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has ...")

    assert run_for_exit_code(fills_the_gpu, "train") == 1
    assert capsys.readouterr().err == (
        "error: train: not enough memory on the GPU; use a smaller train.batch_size or model, a train.memory_gb below "
        "the size of the train rows, or train.device: cpu\n"
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU is here")
def test_a_real_gpu_that_is_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_for_exit_code(lambda: torch.empty(2**50, device="cuda").sum().item() and None, "train") == 1
    assert "not enough memory on the GPU" in capsys.readouterr().err


def test_of_many_notes_of_one_kind_the_first_are_shown_and_the_names_of_the_others() -> None:
    alike = [f"Column 'c{k}' has {k * 1000:,} levels." for k in range(40)]
    others = ["Queries of the test part: 12.", "Rows left out: 3.", "Column 'x' is constant."]
    shown = shorten_notes([others[0], *alike[:20], others[1], *alike[20:], others[2]])
    named = ", ".join(f"'c{k}'" for k in range(3, 23))
    rest = f"The same is said of 37 more: {named} and 17 more."
    assert shown == [others[0], *alike[:3], rest, others[1], others[2]]


@pytest.mark.parametrize("n", [0, 1, 3, 4])
def test_few_notes_are_shown_whole(n: int) -> None:
    notes = [f"Column 'c{k}' is empty." for k in range(n)]
    assert shorten_notes(notes) == notes
