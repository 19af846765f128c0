"""Text for people: counts, shortened lists, near misses, what is printed, and how every command ends.

All that Relight prints passes through `write_out` and `write_err`: names from data, files and commits must not steer
the terminal. A command or stage ends with an exit code, and after a failure with one plain message.
"""

import difflib
import os
import re
import sys
import textwrap
import traceback
import unicodedata
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TextIO

from relight.errors import RelightError, RunError
from relight.runtime.lifetime import Terminated
from relight.runtime.tracebacks import own_error

MAX_NAMES_LISTED = 20
MAX_NOTES_OF_A_KIND = 3
BROKEN_PIPE_CODE = 141  # 128 + SIGPIPE, as of other programs whose reader is gone
_SAFE_CONTROLS = "\u200c\u200d"  # the joiners, which Persian and emoji are written with
_NAME_OR_NUMBER = re.compile(r"'[^']*'|\d[\d.,]*")
_STYLES = re.compile("(\x1b\\[(?:0|1|2|31|32)m)")  # what rich writes for bold, dim, red and green


def pluralize(n: int, noun: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def abbreviate(items: Iterable[str], n_shown: int = 3) -> str:
    """Return the first items and the number of the others: `a, b, c and 3 more`."""
    names = list(items)
    more = f" and {len(names) - n_shown} more" if len(names) > n_shown else ""
    return ", ".join(names[:n_shown]) + more


def shorten_notes(notes: Iterable[str]) -> list[str]:
    """Return the notes in their order; of many that differ only in names and numbers, the first and the other names."""
    kinds: dict[str, list[str]] = {}
    for note in notes:
        kinds.setdefault(_NAME_OR_NUMBER.sub("", note), []).append(note)
    return [note for alike in kinds.values() for note in _first_of_kind(alike)]


def _first_of_kind(alike: list[str]) -> list[str]:
    if len(alike) <= MAX_NOTES_OF_A_KIND + 1:
        return alike
    others = alike[MAX_NOTES_OF_A_KIND:]
    names = [found[0] for note in others if (found := _NAME_OR_NUMBER.search(note))]
    rest = f"The same is said of {len(others)} more: {abbreviate(names, MAX_NAMES_LISTED)}."
    return [*alike[:MAX_NOTES_OF_A_KIND], rest]


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant, if one is close."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1)), None)


def did_you_mean(name: str, names: list[str], taken: Collection[str] = (), what: str = "its columns") -> str:
    """End a message about an unknown name from the data: the closest other name that is not taken, or all of them.

    Args:
        what: the subject of the list, as `its classes`.
    """
    close = closest_name(name, [other for other in names if other not in taken])
    if close is not None:
        return f"; did you mean '{close}'?"
    return f"; {what} are {', '.join(names[:MAX_NAMES_LISTED])}{', ...' if len(names) > MAX_NAMES_LISTED else ''}"


def did_you_mean_key(key: str, keys: Iterable[str]) -> str:
    """End a message about an unknown key of a YAML file: the closest key, or all of them."""
    close = closest_name(key, keys)
    return f"; did you mean {close}?" if close is not None else f"; known are {', '.join(keys) or 'none yet'}"


def printable(text: str, kept: str = "") -> str:
    r"""Escape control and direction characters (`\x1b`, `\n`, `\u202e`), so that data cannot steer the terminal.

    Args:
        kept: control characters that stay.
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_safe(letter) or letter in kept else repr(letter)[1:-1] for letter in text)


def _is_safe(letter: str) -> bool:
    return letter.isprintable() or letter in _SAFE_CONTROLS or unicodedata.category(letter) == "Zs"


def write_out(text: str, *, styled: bool = False) -> None:
    """Write lines to stdout, and flush them, so that a full disk is noticed here.

    Args:
        styled: whether colours stay; for tables whose cells are `printable`.

    Raises:
        RunError: if stdout cannot be written to; what the command was asked for is done by then.
        SystemExit: without a word if the reader of a pipe is gone, as `relight show | head -1`.
    """
    parts = _STYLES.split(text) if styled else [text]
    shown = "".join(part if k % 2 else printable(part, "\n\t") for k, part in enumerate(parts))
    try:
        _write(sys.stdout, shown)
    except BrokenPipeError:
        _discard(sys.stdout)
        raise SystemExit(BROKEN_PIPE_CODE) from None
    except OSError as error:
        _discard(sys.stdout)
        raise RunError(f"stdout: cannot be written to: {error.strerror}; all but this output is done") from error


def write_err(text: str) -> None:
    """Write lines to stderr; if nobody can read them, nothing happens."""
    try:
        _write(sys.stderr, printable(text, "\n\t"))
    except OSError:
        _discard(sys.stderr)


def _write(stream: TextIO | None, text: str) -> None:
    """Write what the encoding of the stream can hold, and escape the rest; a stream that was closed is None."""
    if stream is not None:
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()


def _discard(stream: TextIO) -> None:
    """Lead what is still in the buffer to nowhere: at its end Python would try to write it again, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def open_standard_files() -> None:
    """Open those of stdin, stdout and stderr that were closed: the next file would take the number of one of them."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free


def notify(text: str) -> None:
    """Write a line to stderr."""
    write_err(f"{printable(text)}\n")


def run_for_exit_code(command: Callable[[], None], name: str, left: str = "nothing was written") -> int:
    """Run a command and return its exit code; print what went wrong, with the traceback if RELIGHT_DEBUG=1.

    Args:
        left: what a command that was stopped has left on the disk.
    """
    try:
        command()
    except RelightError as error:
        _explain(*error.problems, said=error.said)
        return error.exit_code
    except (KeyboardInterrupt, Terminated) as stop:
        _explain(f"{name}: was stopped; {stop.args[0] if stop.args else left}")
        return 143 if isinstance(stop, Terminated) else 130
    except OSError as error:
        path = f"{error.filename}: " if error.filename else ""
        _explain(f"{name}: {own_error(error, Path()) or f'{path}{error.strerror or error}'}; {left}")
        return 1
    except MemoryError as error:
        ours = "not enough memory; use a smaller train.batch_size, model or table"
        _explain(f"{name}: {own_error(error, Path()) or ours}")
        return 1
    except Exception as error:  # the last net under every command: a person gets a sentence
        own = own_error(error, Path())
        _explain(f"{name}: {_out_of_memory_text(error) or own or _internal_error_text(error)}")
        return 1
    return 0


def _out_of_memory_text(error: Exception) -> str | None:
    """Return the message for a full GPU, matched by class name so that torch need not be imported."""
    if type(error).__name__ != "OutOfMemoryError":
        return None
    return (
        "not enough memory on the GPU; use a smaller train.batch_size or model, a train.memory_gb below the size of "
        "the train rows, or train.device: cpu"
    )


def _internal_error_text(error: Exception) -> str:
    return f"internal error: {type(error).__name__}: {error}; RELIGHT_DEBUG=1 shows where"


def _explain(*problems: str, said: str = "") -> None:
    if os.environ.get("RELIGHT_DEBUG") == "1":
        write_err(traceback.format_exc())
    for problem in problems:
        notify(f"error: {problem}")
    if said:
        write_err(f"{textwrap.indent(said, '       ')}\n")
