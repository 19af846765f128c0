"""Exit codes, plurals, did-you-mean, printable.

Numbers of things in sentences.

Names of columns: near misses.

How every command and every stage ends: an exit code, and for a failure one plain message.
"""

import difflib
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable, Collection

from relight.errors import RelightError
from relight.runtime.lifetime import Terminated


def pluralize(n: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def did_you_mean(name: str, names: list[str], taken: Collection[str] = ()) -> str:
    """The closest known name that is not taken already, or the known ones."""
    close = difflib.get_close_matches(name, [other for other in names if other not in taken], n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    shown = ", ".join(names[:20])
    return f"; its columns are {shown}{', ...' if len(names) > 20 else ''}"


def run_for_exit_code(command: Callable[[], None], name: str) -> int:
    """Run a command; print what went wrong in plain words, the traceback only when asked for."""
    try:
        command()
    except RelightError as error:
        _explain(*error.problems)
        return error.exit_code
    except (KeyboardInterrupt, Terminated) as stop:
        _explain(f"{name}: was stopped; {stop.args[0] if stop.args else 'nothing was written'}")
        return 143 if isinstance(stop, Terminated) else 130
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _explain(f"{name}: {where}{error.strerror or error}; nothing was written")
        return 1
    except MemoryError:
        _explain(f"{name}: not enough memory; use a smaller train.batch_size, model or table")
        return 1
    except Exception as error:  # The last net under every command: a person gets a sentence.
        _explain(f"{name}: {_out_of_memory_text(error) or _internal_error_text(error)}")
        return 1
    return 0


def _out_of_memory_text(error: Exception) -> str | None:
    """By its name: torch is not for every command."""
    if type(error).__name__ != "OutOfMemoryError":
        return None
    return (
        "not enough memory on the GPU; use a smaller train.batch_size or model, a train.memory_gb below the size of "
        "the train rows, or train.device: cpu"
    )


def _internal_error_text(error: Exception) -> str:
    return f"internal error: {type(error).__name__}: {error}; RELIGHT_DEBUG=1 shows where"


def _explain(*problems: str) -> None:
    if os.environ.get("RELIGHT_DEBUG") == "1":
        traceback.print_exc()
    for problem in problems:
        sys.stderr.write(f"error: {_printable(problem)}\n")


def _printable(text: str) -> str:
    """Names and values from the data must not steer the terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def one_line(text: str) -> str:
    """Names from data cannot move the cursor, colour the terminal or start a line."""
    return "".join(
        " " if letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" if _is_control(letter) else letter for letter in text
    )


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co")
