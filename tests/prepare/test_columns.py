from datetime import UTC, date, datetime, time

import polars as pl
import pytest

from relight.data.schema import ColumnKind
from relight.data.text_columns import as_labels
from relight.data.text_format import MISSING_WORDS
from relight.errors import ColumnError
from relight.prepare.columns import FLOAT32_MAX, clean_as_kind, clean_column
from relight.prepare.plain.columns import with_gaps

NAN, INFINITY = float("nan"), float("inf")
JANUARY = datetime(2020, 1, 31)


def plain(raw: pl.Series) -> pl.Series:
    return with_gaps(raw, MISSING_WORDS)


def texts(*values: str | None) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


@pytest.mark.parametrize(
    ("raw", "kind", "values"),
    [
        (texts("1", " 2.5 ", "NA"), "numeric", [1.0, 2.5, None]),
        (texts("1", "2", "3.5"), "numeric", [1.0, 2.0, 3.5]),
        (texts("true", "FALSE", ""), "boolean", [True, False, None]),
        (texts("a", " b", "n/a"), "categorical", ["a", "b", None]),
        (texts("00123", "7"), "categorical", ["00123", "7"]),
        (texts("", None), "numeric", [None, None]),
        (pl.Series([1, None]), "numeric", [1.0, None]),
        (pl.Series([1.5, NAN]), "numeric", [1.5, None]),
        (pl.Series([True, None]), "boolean", [True, None]),
        (pl.Series(["a", "b"], dtype=pl.Categorical), "categorical", ["a", "b"]),
        (pl.Series(["1.25", "2"]).cast(pl.Decimal(10, 2)), "numeric", [1.25, 2.0]),
        (pl.Series([None, None]), "numeric", [None, None]),
        (texts("2020-01-31", "", "2020-02-29 12:30"), "datetime", [JANUARY, None, datetime(2020, 2, 29, 12, 30)]),
        (pl.Series([date(2020, 1, 31), None]), "datetime", [JANUARY, None]),
        (pl.Series([datetime(2020, 1, 31, tzinfo=UTC)]), "datetime", [JANUARY]),
    ],
)
def test_the_kind_of_a_column_is_found_by_all_of_its_values(
    raw: pl.Series, kind: ColumnKind, values: list[object]
) -> None:
    cleaned = clean_column(plain(raw))
    assert (cleaned.kind, cleaned.values.to_list()) == (kind, values)


def test_numbers_and_words_in_one_column_are_noted() -> None:
    assert clean_column(texts("1", "2", "a")).notes == ("holds numbers and words, and was read as categories",)
    assert clean_column(texts(*"abcdefghijk", "1")).notes == ()  # one number in twelve is a name like any other


def test_a_column_of_codes_says_that_it_was_read_as_categories() -> None:
    assert clean_column(texts("00123")).notes == ("has leading zeros, and was read as categories",)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (texts(*["1"] * 9, "x"), "row 10 must be a number, got 'x'"),
        (texts("1", "-inf"), "row 2 is infinite"),
        (texts("1", "1e400"), "row 2 is infinite"),
        (texts("1", "1e39"), r"row 2 is beyond float32 \(1e\+39\)"),
        (texts("1,5"), "has numbers with commas in them"),
        (texts("31.01.2020"), "holds dates or times such as '31.01.2020'; write them as 2020-01-31"),
        (texts("2020/01/31", "2020-1-31"), "holds dates or times such as '2020/01/31'"),
        (texts(*["2020-01-31"] * 9, "soon"), "row 10 must be a date such as 2020-01-31 or 2020-01-31 12:30:00, got 's"),
        (pl.Series([1.0, INFINITY]), "row 2 is infinite"),
        (pl.Series([time(12, 30)]), "is of type Time"),
        (pl.Series([[1, 2]]), r"is of type List\(Int64\)"),
        (pl.Series([b"1"]), "is of type Binary"),
    ],
)
def test_a_column_that_cannot_be_used_says_why(raw: pl.Series, complaint: str) -> None:
    with pytest.raises(ColumnError, match=complaint):
        clean_column(raw)


def test_the_largest_float32_is_still_a_number() -> None:
    assert clean_column(pl.Series([FLOAT32_MAX, -FLOAT32_MAX])).values.to_list() == [FLOAT32_MAX, -FLOAT32_MAX]


@pytest.mark.parametrize(
    ("kind", "raw", "values"),
    [
        ("numeric", texts("1", "NA"), [1.0, None]),
        ("numeric", texts(None, None), [None, None]),
        ("numeric", pl.Series([1, 2]), [1.0, 2.0]),
        ("boolean", texts("True", "0", ""), [True, False, None]),
        ("boolean", pl.Series([1.0, 0.0, NAN]), [True, False, None]),
        ("boolean", pl.Series([True, None]), [True, None]),
        ("categorical", pl.Series([3.0, NAN]), ["3", None]),
        ("categorical", texts(" a", "null"), ["a", None]),
        ("datetime", texts("2020-01-31", "NA"), [JANUARY, None]),
        ("datetime", pl.Series([date(2020, 1, 31)]), [JANUARY]),
    ],
)
def test_a_new_column_is_cleaned_as_the_kind_of_the_trained_one(
    kind: ColumnKind, raw: pl.Series, values: list[object]
) -> None:
    assert clean_as_kind(kind, plain(raw)).to_list() == values


@pytest.mark.parametrize(
    ("kind", "raw", "complaint"),
    [
        ("numeric", texts("1", "hot"), "row 2 must be a number, got 'hot'"),
        ("numeric", texts("1", "INF"), "row 2 is infinite"),
        ("numeric", pl.Series([True]), "row 1 must be a number, got 'true'"),
        ("boolean", texts("true", "yes"), "row 2 must be true or false, got 'yes'"),
        (
            "datetime",
            texts("2020-01-31", "NA", "2020-02-30"),
            "row 3 must be a date such as 2020-01-31 .*, got '2020-02-30'",
        ),
        ("datetime", pl.Series([1]), "must be datetime, as in training, got type Int64"),
        ("numeric", pl.Series([date(2020, 1, 31)]), "must be numeric, as in training, got type Date"),
        (
            "categorical",
            pl.Series([["a"]]),
            r"must be categorical, as in training, got type List\(String\)",
        ),
    ],
)
def test_a_new_column_of_another_kind_is_refused(kind: ColumnKind, raw: pl.Series, complaint: str) -> None:
    with pytest.raises(ColumnError, match=complaint):
        clean_as_kind(kind, plain(raw))


@pytest.mark.parametrize(
    ("raw", "labels"),
    [
        (pl.Series([3.0, 1.0]), ["3", "1"]),
        (pl.Series([3, 1]), ["3", "1"]),
        (texts("3", "1"), ["3", "1"]),
        (pl.Series([3.0, 1.5]), ["3", "1.5"]),  # whatever the other values are, so that chunks agree
        (pl.Series([-0.0, NAN]), ["0", None]),
        (texts("3.0", "3", "3.00"), ["3"] * 3),
        (texts("-0.0", "-3.0", "0.0", "+3.0"), ["0", "-3", "0", "+3"]),
        (texts("1.5", "1.50", "10.0", "100"), ["1.5", "1.50", "10", "100"]),
        (texts("007.0", "12345678901234567890.0"), ["007", "12345678901234567890"]),
        (texts("v1.0", "1.0.0", "1.0 kg", "x-0", ".0", "1."), ["v1.0", "1.0.0", "1.0 kg", "x-0", ".0", "1."]),
        (pl.Series([True, False]), ["true", "false"]),
    ],
)
def test_a_whole_number_has_the_same_label_whatever_type_it_came_in(raw: pl.Series, labels: list[str]) -> None:
    assert as_labels(raw).to_list() == labels


def test_numbers_beyond_the_whole_ones_keep_a_label_each() -> None:
    assert as_labels(pl.Series([1e300, 2e300])).n_unique() == 2
    assert as_labels(pl.Series([1e300, 2e300])).null_count() == 0
