"""The kind of a text column (numbers, true and false, dates, or names), values as labels, and names of columns."""

from collections import Counter

import polars as pl

MAX_EXACT_INTEGER = 2**53  # float64 has every whole number up to here
MIN_TYPE_SHARE = 0.9  # with this share of numbers, a column is one of numbers, and the others are mistakes
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_WHOLE_NUMBER = r"^(?<number>[+-]?[0-9]+)\.0+$"
_LEADING_ZERO = r"^[+-]?0[0-9]"
_DECIMAL_COMMA = r"^[+-]?[0-9]{1,3}(\.[0-9]{3})*,[0-9]+$|^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$"
_INFINITE = r"^(?i)[+-]?inf(inity)?$"
_BOOLEAN = r"^(?i)(true|false)$"
_MONTH = (
    r"(?i:jan|feb|fev|fév|mar|mär|mrz|apr|avr|abr|may|mai|jun|jui|jul|aug|aoû|ago|sep|oct|okt|out|nov|dec|dez|déc|dic)"
)
_YEAR, _DAY, _NAMED = r"(?:19|20)[0-9]{2}", r"[0-9]{1,2}", rf"{_MONTH}\p{{L}}{{0,7}}\.?"
_CLOCK = r"([T ,]+[0-9]{1,2}:[0-9]{2}.*)?"
_DATE = "|".join(  # in any custom: only one of them is read, the others are told
    f"^{each}$"
    for each in (
        rf"[0-9]{{4}}[-/]{_DAY}[-/]{_DAY}{_CLOCK}",
        rf"{_DAY}[-./]{_DAY}[-./][0-9]{{2,4}}{_CLOCK}",
        r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})? ?(?i:[ap]\.?m\.?)?",
        rf"(\p{{L}}{{2,9}}\.?,? )?{_DAY}(st|nd|rd|th|\.)?[ -]?(of )?{_NAMED},?[ -]?([0-9]{{4}}|'?[0-9]{{2}}){_CLOCK}",
        rf"(\p{{L}}{{2,9}}\.?,? )?{_NAMED} {_DAY}(st|nd|rd|th)?,? ([0-9]{{2}}:[0-9:]+ )?{_YEAR}{_CLOCK}",
        rf"{_NAMED},?[ -]'?({_YEAR}|[0-9]{{2}})",
        rf"{_YEAR}[-/](0?[1-9]|1[0-2])",
        rf"(0?[1-9]|1[0-2])/{_YEAR}",
        rf"{_YEAR}[- ]?(?i:q)[1-4]|(?i:q)[1-4][-/ ]?{_YEAR}",
        rf"{_YEAR}-?W[0-9]{{2}}(-?[1-7])?",
        rf"{_YEAR}年{_DAY}月({_DAY}日)?.*",
    )
)


def as_labels(raw: pl.Series) -> pl.Series:
    """Return values as texts; a whole number is `3`, never `3.0`, whatever its type and however a text writes it."""
    if raw.dtype.is_float():
        values = raw.fill_nan(None)
        whole = (values == values.round()) & (values.abs() <= MAX_EXACT_INTEGER)
        return values.cast(pl.Int64, strict=False).cast(pl.String).zip_with(whole, values.cast(pl.String))
    if raw.dtype == pl.Boolean:
        return raw.cast(pl.String)
    return with_whole_numbers(raw.cast(pl.String))


def with_whole_numbers(texts: pl.Series) -> pl.Series:
    """Return texts with `3` for `3.0`: a program that meets a gap among whole numbers writes them as floats."""
    rows = texts.str.ends_with("0").fill_null(value=False).arg_true()  # the pattern takes long, and few texts fit it
    found = texts.gather(rows)
    if not found.str.contains(".0", literal=True).any():
        return texts
    return texts.clone().scatter(rows, found.str.replace(_WHOLE_NUMBER, "${number}").str.replace("^-0$", "0"))


def are_numbers(texts: pl.Series) -> pl.Series:
    """Return for each value whether it is a number; gaps stay gaps."""
    return texts.str.contains(_NUMBER)


def are_infinite(texts: pl.Series) -> pl.Series:
    """Return for each value whether it is infinite; gaps stay gaps."""
    return texts.str.contains(_INFINITE)


def any_leading_zeros(texts: pl.Series) -> bool:
    """Return whether some value is a code such as 00123, which would lose its zeros as a number."""
    return bool(have_leading_zero(texts).any())


def have_leading_zero(texts: pl.Series) -> pl.Series:
    """Return for each value whether it starts with a zero and a digit; gaps stay gaps."""
    return texts.str.contains(_LEADING_ZERO)


def have_decimal_commas(texts: pl.Series) -> bool:
    """Return whether most values are numbers with commas, such as 1,5 or 1,234.5."""
    return _matching_share(texts.str.contains(_DECIMAL_COMMA)) >= MIN_TYPE_SHARE


def are_booleans(texts: pl.Series) -> bool:
    """Return whether every value is true or false."""
    return _matching_share(texts.str.contains(_BOOLEAN)) == 1


def are_dates(texts: pl.Series) -> bool:
    """Return whether most values look like dates or times, in whatever format."""
    return _matching_share(texts.str.contains(_DATE)) >= MIN_TYPE_SHARE


def are_mostly_numbers(texts: pl.Series) -> bool:
    """Return whether at least 90 % of the values are numbers."""
    return _matching_share(are_numbers(texts)) >= MIN_TYPE_SHARE


def are_half_numbers(texts: pl.Series) -> bool:
    """Return whether at least 10 % of the values are numbers."""
    return _matching_share(are_numbers(texts)) >= 1 - MIN_TYPE_SHARE


def as_plain_numbers(texts: pl.Series) -> pl.Series | None:
    """Return Float64 if every value is a finite number that is no code, else None.

    The result is the same as with the patterns, in a tenth of their time.
    """
    numbers = texts.cast(pl.Float64, strict=False)
    if numbers.null_count() > texts.null_count() or not bool(numbers.is_finite().all()):
        return None
    near_zero = texts.str.starts_with("0") | texts.str.starts_with("-0") | texts.str.starts_with("+0")
    return None if any_leading_zeros(texts.filter(near_zero)) else numbers


def exact_whole_numbers(raw: pl.Series, numbers: pl.Series) -> pl.Series:
    """Return numbers as Float64, or as Int64 or UInt64 if they are whole and float64 would round some of them.

    Args:
        raw: the same values as they came: texts without spaces around them, or numbers.
        numbers: Float64.
    """
    if not bool((numbers.abs() > MAX_EXACT_INTEGER).any()):
        return numbers
    if raw.dtype != pl.String and not raw.dtype.is_integer():
        return numbers
    for dtype in (pl.Int64, pl.UInt64):
        whole = raw.cast(dtype, strict=False)
        if whole.null_count() == raw.null_count():
            return whole
    return numbers


def _matching_share(matches: pl.Series) -> float:
    present = matches.drop_nulls()
    return float(present.sum()) / len(present) if len(present) else 0.0


def name_problems(names: list[str]) -> list[str]:
    """Return what is wrong with names of columns: one is missing, or several columns have the same."""
    nameless = [f"column {index} has no name" for index, name in enumerate(names, 1) if not name]
    counts = Counter(name for name in names if name)
    return [*nameless, *(f"column '{name}' occurs {n} times; rename one" for name, n in counts.items() if n > 1)]
