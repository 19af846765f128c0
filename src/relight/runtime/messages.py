"""Text for people: counts, shortened lists, near misses, lines on stderr, and how every command ends.

A command or stage ends with an exit code, and after a failure with one plain message.
"""

import difflib
import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from relight.errors import RelightError
from relight.runtime.lifetime import Terminated
from relight.runtime.tracebacks import own_error

MAX_NAMES_LISTED = 20


def pluralize(n: int, noun: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def abbreviate(items: Iterable[str], n_shown: int = 3) -> str:
    """Return the first items and the number of the others: `a, b, c and 3 more`."""
    names = list(items)
    more = f" and {len(names) - n_shown} more" if len(names) > n_shown else ""
    return ", ".join(names[:n_shown]) + more


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


def printable(text: str) -> str:
    r"""Escape control characters (`\x1b`, `\n`), so that text from the data cannot steer the terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def notify(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")


def run_for_exit_code(command: Callable[[], None], name: str) -> int:
    """Run a command and return its exit code; print what went wrong, with the traceback if RELIGHT_DEBUG=1."""
    try:
        command()
    except RelightError as error:
        _explain(*error.problems)
        return error.exit_code
    except (KeyboardInterrupt, Terminated) as stop:
        _explain(f"{name}: was stopped; {stop.args[0] if stop.args else 'nothing was written'}")
        return 143 if isinstance(stop, Terminated) else 130
    except OSError as error:
        path = f"{error.filename}: " if error.filename else ""
        _explain(f"{name}: {own_error(error, Path()) or f'{path}{error.strerror or error}'}; nothing was written")
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


def _explain(*problems: str) -> None:
    if os.environ.get("RELIGHT_DEBUG") == "1":
        traceback.print_exc()
    for problem in problems:
        notify(f"error: {printable(problem)}")
