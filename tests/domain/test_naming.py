from typing import Any

import polars as pl
import pytest

from relight.domain.naming import FEWEST_IDS, did_you_mean, look_like_ids


def test_a_near_miss_is_named() -> None:
    assert did_you_mean("specis", ["island", "species", "sex"]) == "; did you mean 'species'?"


def test_without_a_near_miss_the_columns_are_listed() -> None:
    assert did_you_mean("price", ["a", "b"]) == "; its columns are a, b"


def test_a_long_list_of_columns_is_cut() -> None:
    known = [f"c{k}" for k in range(21)]
    assert did_you_mean("price", known) == f"; its columns are {', '.join(known[:20])}, ..."


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ([f"row {k}" for k in range(30)], True),
        (list(range(100, 130)), True),
        (list(range(129, 99, -1)), True),
        ([float(k) for k in range(30)], True),
        ([f"row {k % 29}" for k in range(30)], False),
        ([k * k for k in range(30)], False),
        ([k / 2 for k in range(30)], False),
        ([True, False] * 15, False),
        ([f"row {k}" for k in range(FEWEST_IDS - 1)], False),
    ],
    ids=["texts", "counted", "downwards", "floats", "a repeat", "jumps", "halves", "booleans", "few rows"],
)
def test_ids_are_texts_that_all_differ_or_a_count(values: list[Any], named: bool) -> None:
    assert look_like_ids(pl.Series(values)) is named


def test_a_name_that_is_taken_is_not_proposed() -> None:
    assert did_you_mean("garden", ["gardens", "floor"], taken=["gardens"]) == "; its columns are gardens, floor"
