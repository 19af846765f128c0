"""CSV files as bytes: whether a piece certainly has none of the problems of `checks`.

The bytes are compared in bulk, some hundred times as fast as a reader that takes row after row. An uncertain piece
need not be wrong: the exact check then reads the file.
"""

import re
from collections.abc import Iterator

import numpy as np

MAX_ROW_BYTES = 1 << 24  # of one row: an endless one, or a quote that is never closed, would fill the memory
MAX_CERTAIN_LINE = 1 << 16  # a line end in each such window: no value is longer than two of them

_WINDOW = 1 << 18  # bytes at a time, so that the arrays of NumPy stay in the processor's cache


def without_quoted(piece: bytes, separator: bytes) -> bytes:
    """Return the piece with a letter for each value in quotes: the rest is plain text and line ends."""
    if b'"' not in piece:
        return piece
    quoted = rb'(?<![^%b\n])"[^"]*(?:""[^"]*)*"(?![^%b\r\n])' % (separator, separator)
    return re.sub(quoted, b"q", piece)


def without_blank_lines(piece: bytes, comment: bytes = b"") -> bytes:
    """Return the rows without the lines between them that are blank, or begin with the mark of a comment.

    A piece with quotes keeps them: a line in quotes is part of a value.
    """
    if b'"' in piece:
        return piece
    if comment and (piece.startswith(comment) or b"\n" + comment in piece):
        piece = re.sub(rb"(?m)^%b.*(?:\n|\Z)" % re.escape(comment), b"", piece)
    for blank in (b"\n\r\n", b"\n\n"):
        while blank in piece:
            piece = piece.replace(blank, b"\n")
    return piece.lstrip(b"\r\n") if piece[:1] in (b"\r", b"\n") else piece


def is_certain(piece: bytes, plain: bytes) -> bool:
    """Return whether the piece has no NUL, stray quote, lone CR, blank line, long value or byte that is not UTF-8.

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
    """Return whether some value starts like 007, with or without a sign or spaces before it."""
    return any(_starts_with_zero(letters, ord(separator)) for letters in _windows(piece))


def count_byte(piece: bytes, letter: bytes) -> int:
    """Count one byte in the piece."""
    letters = np.frombuffer(piece, np.uint8)
    return sum(
        int(np.count_nonzero(letters[start : start + _WINDOW] == letter[0]))
        for start in range(0, len(letters), _WINDOW)
    )


def _windows(piece: bytes) -> Iterator[np.ndarray]:
    """Yield windows of the bytes, each with two more before it and one after it; the first has a line end before it."""
    letters = np.frombuffer(piece, np.uint8)
    yield np.concatenate([np.frombuffer(b"\n", np.uint8), letters[: _WINDOW + 1]])
    for start in range(_WINDOW, len(letters), _WINDOW):
        yield letters[start - 2 : start + _WINDOW + 1]


def _starts_with_zero(letters: np.ndarray, separator: int) -> bool:
    """Return whether a value starts with a zero and a digit, after a sign or spaces or not."""
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
    """Return a mask of all bytes, bool (256,), that is true for these."""
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
