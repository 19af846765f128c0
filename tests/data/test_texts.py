import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.data import text_columns


def of(*values: str | None) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


@pytest.mark.parametrize("text", ["1", "-1", "+1", "1.5", ".5", "5.", "1e5", "1E-5", "-.5e+3", "00123"])
def test_numbers_are_numbers(text: str) -> None:
    assert text_columns.are_numbers(of(text)).to_list() == [True]


@pytest.mark.parametrize("text", ["", ".", "e5", "1e", "1,5", "1_000", "0x1F", "1 2", "--1", "inf", "١٢", "²", "1\n"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert text_columns.are_numbers(of(text)).to_list() == [False]


@settings(deadline=None, derandomize=True, max_examples=500)
@given(st.text(alphabet="0123456789+-.eE", min_size=1, max_size=8))
def test_what_is_called_a_number_is_cast_as_python_reads_it(text: str) -> None:
    if text_columns.are_numbers(of(text)).item():
        assert of(text).cast(pl.Float64).item() == float(text)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_python_writes_is_read_back_the_same(number: float) -> None:
    assert text_columns.are_numbers(of(str(number))).item()
    assert of(str(number)).cast(pl.Float64).item() == number


def test_infinite_words_in_any_case() -> None:
    assert text_columns.are_infinite(of("inf", "-Inf", "+INFINITY", "info", "1", None)).to_list() == [
        *[True] * 3,
        *[False] * 2,
        None,
    ]


def test_one_leading_zero_makes_a_column_of_codes() -> None:
    assert text_columns.any_leading_zeros(of("10", "007"))
    assert not text_columns.any_leading_zeros(of("10", "0", "0.5", "-0.5"))


def test_commas_in_numbers_are_found_in_both_customs() -> None:
    assert text_columns.have_decimal_commas(of("1,5", "-12,25", "1.234,5"))
    assert text_columns.have_decimal_commas(of("1,234", "1,234,567.8"))
    assert not text_columns.have_decimal_commas(of("1.5", "a,b"))


def test_a_column_is_mostly_numbers_from_nine_in_ten_of_the_known_values() -> None:
    assert text_columns.are_mostly_numbers(of(*["1"] * 9, "x", None))  # 9 of 10; the gap does not count
    assert not text_columns.are_mostly_numbers(of(*["1"] * 8, "x"))  # 8 of 9
    assert not text_columns.are_mostly_numbers(of(None, None))


def test_true_and_false_must_be_all_of_them() -> None:
    assert text_columns.are_booleans(of("true", "FALSE", None))
    assert not text_columns.are_booleans(of("true", "yes"))


@pytest.mark.parametrize(
    "text",
    ["2020-01-31", "2020/1/31", "31.01.2020", "1/31/20", "2020-01-31T12:00", "2020-01-31 12:00:05Z", "12:30",
     "1/1/2000 12:00 AM", "12:30 PM", "01 Jan 2000", "1 January 2000", "1. Januar 2000", "1st of May 1999", "01-Jan-00",
     "01-JAN-2000", "Jan 1, 2000", "January 1st, 2000", "Sat, 01 Jan 2000 08:00:00", "Sat Jan 1 2000", "Jan 2000",
     "Mai 2000", "Jan-00", "1 févr. 2000", "2000-01", "2000/1", "01/2000", "2000Q1", "2000-Q4", "Q1 2000",
     "2000-W01", "2000年1月31日"],
)  # fmt: skip
def test_dates_and_times_are_found(text: str) -> None:
    assert text_columns.are_dates(of(text))


@pytest.mark.parametrize(
    "text", ["2020", "1.5", "1-2", "12:3", "2020-13", "3020-01", "Room 2000", "Mary 5", "5 kg", "12 Elm 20", "Q5 2000"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert not text_columns.are_dates(of(text))
