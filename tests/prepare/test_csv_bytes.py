import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.prepare.csv import pieces
from relight.prepare.csv.pieces import count_byte, has_leading_zeros, is_certain, without_quoted


def certain(piece: bytes) -> bool:
    return is_certain(piece, without_quoted(piece, b","))


@pytest.mark.parametrize(
    "piece",
    [b"1,2\n3,4\n", b"1,2\r\n3,4\r\n", "é,2\n".encode(), b'"a\n\n\rb",2\n', b'"say ""hi""",2\n3,""\n', b'1,"2"'],
)
def test_plain_pieces_are_certain(piece: bytes) -> None:
    assert certain(piece)


@pytest.mark.parametrize(
    "piece",
    [b"1,\0\n", b"1,\xe9\n", b"1,2\r3,4\n", b"1,2\n\n3,4\n", b"\n1,2\n", b"1,2\r\n\r\n3,4\r\n", b'1,5"\n',
     b'"a"b,2\n', b'"a,2\n', b'a"b"c,2\n', b"1," + b"a" * 200_000 + b"\n"],
)  # fmt: skip
def test_whatever_could_be_read_in_two_ways_is_not_certain(piece: bytes) -> None:
    assert not certain(piece)


@pytest.mark.parametrize("piece", [b"007\n", b"1,07\n", b"1\n00\n", b'1,"07"\n', b"1,-07\n", b"1, 07\n", b'1," +01"'])
def test_leading_zeros_are_found(piece: bytes) -> None:
    assert has_leading_zeros(piece, b",")


@pytest.mark.parametrize(
    "piece", [b"0\n0.5,-0.5\n", b"100,1.005\n", b"1e-05\n", b"2020-01-31 05:00\n", b"a07,b 07\n", b"0"]
)
def test_other_zeros_are_none(piece: bytes) -> None:
    assert not has_leading_zeros(piece, b",")


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.text(alphabet="019.,\n-e", min_size=1, max_size=30), st.integers(4, 9))
def test_zeros_and_separators_are_found_wherever_the_window_ends(text: str, window: int) -> None:
    piece = text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "_WINDOW", window)
        assert has_leading_zeros(piece, b",") == bool(re.search(r"(^|[,\n])[+-]?0[0-9]", text))
        assert count_byte(piece, b",") == text.count(",")
        assert certain(piece) == ("\n\n" not in text and not text.startswith("\n"))
