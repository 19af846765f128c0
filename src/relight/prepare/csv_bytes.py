"""Whether a piece of CSV certainly has none of the surprises of `csv_structure`, by its bytes alone.

It looks at bytes in bulk, some hundred times as fast as a reader that takes row after row, and never
has to be right about what is wrong: where it is not certain, the exact check reads the file.
"""

import re
from collections.abc import Iterator

import numpy as np

MAX_CERTAIN_LINE = 1 << 16  # a line end in each such window: no value is longer than twice of it

_WINDOW = 1 << 18  # bytes at a time, so that what NumPy compares stays in the processor's cache


def without_quoted(piece: bytes, separator: bytes) -> bytes:
    """The piece with a letter for each value in quotes: what is left is plain text and line ends."""
    if b'"' not in piece:
        return piece
    quoted = rb'(?<![^%b\n])"[^"]*(?:""[^"]*)*"(?![^%b\r\n])' % (separator, separator)
    return re.sub(quoted, b"q", piece)


def is_certain(piece: bytes, plain: bytes) -> bool:
    """No NUL, stray quote, lone CR, blank line, long value or foreign letter.

    Args:
        piece: whole rows.
        plain: the same `without_quoted`.
    """
    return (
        (piece.isascii() or _is_utf8(piece))
        and b"\0" not in piece
        and b'"' not in plain
        and _returns_end_lines(plain)
        and not _has_blank_line(plain)
        and _has_short_lines(piece)
    )


def has_leading_zeros(piece: bytes, separator: bytes) -> bool:
    """Whether some value starts as 007 does, with or without a sign or spaces before it."""
    return any(_starts_with_zero(letters, ord(separator)) for letters in _windows(piece))


def count_byte(piece: bytes, letter: bytes) -> int:
    letters = np.frombuffer(piece, np.uint8)
    return sum(
        int(np.count_nonzero(letters[start : start + _WINDOW] == letter[0]))
        for start in range(0, len(letters), _WINDOW)
    )


def _windows(piece: bytes) -> Iterator[np.ndarray]:
    """The letters, some at a time, each time with two more before and one after; a line end stands before the first."""
    letters = np.frombuffer(piece, np.uint8)
    yield np.concatenate([np.frombuffer(b"\n", np.uint8), letters[: _WINDOW + 1]])
    for start in range(_WINDOW, len(letters), _WINDOW):
        yield letters[start - 2 : start + _WINDOW + 1]


def _starts_with_zero(letters: np.ndarray, separator: int) -> bool:
    """A zero and a digit, after a separator, a line end, a quote, or a sign or space that starts the value."""
    is_zero = (letters[1:-1] == ord("0")) & (letters[:-2] < ord("."))
    is_zero &= (letters[2:] - np.uint8(ord("0"))) < 10
    indices = np.flatnonzero(is_zero)
    if not len(indices):
        return False
    starts = _byte_mask(separator, *b'\n"')
    before, before_that = letters[indices], letters[np.maximum(indices - 1, 0)]
    return bool(
        (starts[before] | (_byte_mask(*b"+- ")[before] & (starts[before_that] | (before_that == ord(" "))))).any()
    )


def _byte_mask(*letters: int) -> np.ndarray:
    """True for these letters, by their number."""
    mask = np.zeros(256, dtype=bool)
    mask[list(letters)] = True
    return mask


def _is_utf8(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def _returns_end_lines(plain: bytes) -> bool:
    return b"\r" not in plain or plain.count(b"\r") == plain.count(b"\r\n")


def _has_blank_line(plain: bytes) -> bool:
    lines = plain.replace(b"\r\n", b"\n") if b"\r" in plain else plain
    line_ends = (letters == ord("\n") for letters in _windows(lines))
    return any(bool((ends[1:] & ends[:-1]).any()) for ends in line_ends)


def _has_short_lines(piece: bytes) -> bool:
    return all(
        piece.find(b"\n", start, start + MAX_CERTAIN_LINE) >= 0
        for start in range(0, len(piece) - MAX_CERTAIN_LINE, MAX_CERTAIN_LINE)
    )
