"""Damaged and hostile variants of a file, drawn by Hypothesis: what a bad disk, and what an attacker makes of it."""

import re
from collections.abc import Callable

from hypothesis import strategies as st

NUMBER = re.compile(rb"-?\d+")
WORD = re.compile(rb'"[^"\n]*"|(?<=: )[^\s"][^\n]*|(?<=- )[^\s"][^\n]*')
HOSTILE_NUMBERS = [b"-1", b"0", b"4294967296", b"-9223372036854775809", b"1" + b"0" * 400, b"1e999", b"NaN"]
HOSTILE_WORDS = [
    b"../../canary/file",
    b"/etc/passwd",
    b"..",
    b"",
    b"a\\u0000b",
    b"\\u001b]0;owned\\u0007",
    b"\\ud800",
    b"x" * 100_000,
    b"~/x",
    b"C:\\\\x",
]
NESTED = [b"[" * 100_000, b"{'a':" * 50_000, b"[" * 1000 + b"]" * 1000]


@st.composite
def mutations(draw: st.DrawFn, content: bytes) -> bytes:
    """Return the content after one to three edits.

    Args:
        content: text (JSON, YAML) or binary.
    """
    for _ in range(draw(st.integers(1, 3))):
        content = draw(st.sampled_from(EDITS))(draw, content)
    return content


def _flip(draw: st.DrawFn, content: bytes) -> bytes:
    at = draw(st.integers(0, max(0, len(content) - 1)))
    return content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]


def _cut(draw: st.DrawFn, content: bytes) -> bytes:
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    return content[:start] + content[end:]


def _duplicate(draw: st.DrawFn, content: bytes) -> bytes:
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    return content[:end] + content[start:end] + content[end:]


def _insert(draw: st.DrawFn, content: bytes) -> bytes:
    at = draw(st.integers(0, len(content)))
    return content[:at] + draw(st.one_of(st.binary(max_size=20), st.sampled_from(NESTED))) + content[at:]


def _change_number(draw: st.DrawFn, content: bytes) -> bytes:
    return _replace(draw, content, NUMBER, HOSTILE_NUMBERS)


def _change_word(draw: st.DrawFn, content: bytes) -> bytes:
    return _replace(draw, content, WORD, [b'"' + word + b'"' for word in HOSTILE_WORDS])


def _replace(draw: st.DrawFn, content: bytes, pattern: re.Pattern[bytes], others: list[bytes]) -> bytes:
    """Put one of the others in the place of one match; without a match nothing changes."""
    matches = list(pattern.finditer(content))
    if not matches:
        return content
    match = draw(st.sampled_from(matches))
    return content[: match.start()] + draw(st.sampled_from(others)) + content[match.end() :]


EDITS: list[Callable[[st.DrawFn, bytes], bytes]] = [_flip, _cut, _duplicate, _insert, _change_number, _change_word]
