"""Times that are written as texts: 2024-01, 2024Q1, 2024-W05, 31 Jan 2024, 31.01.2024, 1/31/2024 1:00 PM."""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.text_columns import MIN_TYPE_SHARE
from relight.data.written_times import HALF
from relight.errors import ColumnError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (
    r"(?<b>(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?))"
)
N_FIRST = 1000  # rows, which rule out most forms
MAX_MONTHS_BETWEEN = 6  # of Jan-24 and the next row; days of January would be years apart
CENTURY_TURN = 30  # Jan-30 is of 1930, Jan-29 of 2029
_YEAR, _MONTH, _DAY = r"(?<Y>[0-9]{4})", r"(?<m>[0-9]{1,2})", r"(?<d>[0-9]{1,2})"
_CLOCK = r"(?:[T ,]+(?<H>[0-9]{1,2}):(?<M>[0-9]{2})(?::(?<S>[0-9]{2}))?(?: ?(?<p>[AaPp])\.?[Mm]\.?)?)?"  # 1:00 PM


class _Form(NamedTuple):
    """A name for messages, with an example, and a pattern whose groups are named as in strftime (`q`, `h`: quarter and
    half of a year)."""

    name: str
    pattern: str


_SHORT_YEAR = _Form("a month such as Jan-24", rf"^{_NAME}[-/ ]*'?(?<y>[0-9]{{2}})$")
_FORMS = (
    _Form("a month such as 2024-01", rf"^{_YEAR}[-/. ]{_MONTH}$"),
    _Form("a month such as 2024M01", rf"^{_YEAR}[- ]?[Mm]{_MONTH}$"),
    _Form("a month such as 01/2024", rf"^{_MONTH}[-/. ]{_YEAR}$"),
    _Form("a month such as Jan 2024", rf"^{_NAME}[-/., ]*{_YEAR}$"),
    _SHORT_YEAR,
    _Form("a month such as 2024 Jan", rf"^{_YEAR}[-/. ]*{_NAME}$"),
    _Form("a month such as 2024年1月", rf"^{_YEAR}年{_MONTH}月$"),
    _Form("a quarter such as 2024Q1", rf"^{_YEAR}[-/:. ]*[Qq](?<q>[1-4])$"),
    _Form("a quarter such as Q1 2024", rf"^[Qq](?<q>[1-4])[-/:. ]*{_YEAR}$"),
    _Form("a quarter such as 1Q2024", rf"^(?<q>[1-4])[Qq][-/:. ]*{_YEAR}$"),
    _Form("a half of a year such as 2024H1", rf"^{_YEAR}[-/:. ]*[HhSs](?<h>[12])$"),
    _Form("a half of a year such as H1 2024", rf"^[HhSs](?<h>[12])[-/:. ]*{_YEAR}$"),
    _Form("a week such as 2024-W05", r"^(?<G>[0-9]{4})[- ]*[Ww](?<V>[0-9]{1,2})$"),
    _Form("a week such as W05 2024", r"^[Ww](?<V>[0-9]{1,2})[-/ ]*(?<G>[0-9]{4})$"),
    _Form("a day of a week such as 2024-W05-1", r"^(?<G>[0-9]{4})[- ]*[Ww](?<V>[0-9]{2})-?(?<u>[1-7])$"),
    _Form("a date such as 2024/01/31", rf"^{_YEAR}[-/.]{_MONTH}[-/.]{_DAY}{_CLOCK}$"),
    _Form("a date such as 31 Jan 2024", rf"^{_DAY}\.?[- /]*{_NAME}[-/., ]*{_YEAR}{_CLOCK}$"),
    _Form("a date such as Jan 31, 2024", rf"^{_NAME}\.? *{_DAY},? +{_YEAR}{_CLOCK}$"),
    _Form("a date such as 2024年1月31日", rf"^{_YEAR}年{_MONTH}月{_DAY}日{_CLOCK}$"),
)
_DAY_FIRST = _Form("a date such as 31/01/2024", rf"^{_DAY}[-/.]{_MONTH}[-/.]{_YEAR}{_CLOCK}$")
_MONTH_FIRST = _Form("a date such as 01/31/2024", rf"^{_MONTH}[-/.]{_DAY}[-/.]{_YEAR}{_CLOCK}$")


class TextTimes(NamedTuple):
    """Times without a zone, and the form in which they were written, as `data.written_times` reads it."""

    values: pl.Series
    form: str


def read_texts(texts: pl.Series, known: str | None = None) -> TextTimes | None:
    """Return the times that texts stand for; None if most of them are written in no known form.

    Args:
        texts: without gaps; ISO 8601 is read elsewhere.
        known: the form that they should have, because they follow others; they may be too few to tell.

    Raises:
        ColumnError: for a text that is no time in the form of most rows, and for days and months that cannot be told
            apart.
    """
    first = texts.head(N_FIRST)
    likely = [form for form in _FORMS if _share(first, form) >= MIN_TYPE_SHARE / 2]
    form = next((form for form in likely if _share(texts, form) >= MIN_TYPE_SHARE), None)
    if form is None and _share(texts, _DAY_FIRST) >= MIN_TYPE_SHARE:
        form = _day_or_month_first(texts, known)
    if form is None:
        return None
    values = _values(texts.str.extract_groups(form.pattern))
    if form is _SHORT_YEAR and known is None and _jump_by_years(values):
        raise ColumnError(f"must hold dates that can be read in one way, got '{texts[0]}'; write them as 2020-01-31")
    wrong = values.is_null()
    if wrong.any():
        at = int(wrong.arg_max() or 0)
        raise ColumnError(
            f"row {at + 1} must be {form.name}, as most rows, got '{texts[at][:40]}'; fix the value, or drop the row"
        )
    return TextTimes(values, _written_form(texts, form))


def _jump_by_years(months: pl.Series) -> bool:
    """Return whether rows that follow each other are mostly years apart, because their numbers are days."""
    count = months.dt.year().cast(pl.Int64) * 12 + months.dt.month()
    return float(count.diff().abs().median() or 0.0) > MAX_MONTHS_BETWEEN  # type: ignore[arg-type]  # of numbers


def _share(texts: pl.Series, form: _Form) -> float:
    return float(texts.str.contains(form.pattern).mean() or 0.0)  # type: ignore[arg-type]  # of booleans


def _day_or_month_first(texts: pl.Series, known: str | None) -> _Form:
    """Return the order of dates such as 13/02/2024: the known one, or that of a row with a number beyond 12."""
    parts = texts.str.extract_groups(_DAY_FIRST.pattern).struct.unnest()
    first, second = (parts[name].cast(pl.Int64) for name in ("d", "m"))
    has_day_first, has_month_first = bool((first > 12).any()), bool((second > 12).any())
    with_points = bool(texts.str.contains(r"^[0-9]+\.[0-9]+\.").all())  # the custom has days first
    if known is not None and not (has_day_first or has_month_first) and "%Y" in known[3:]:
        return _DAY_FIRST if known.lstrip("%-").startswith("d") else _MONTH_FIRST
    if has_month_first and not has_day_first:
        return _MONTH_FIRST
    if (has_day_first or with_points) and not has_month_first:
        return _DAY_FIRST
    why = "in some rows the day stands first, in others the month" if has_day_first else "either may be the month"
    raise ColumnError(f"must hold dates that can be read in one way, got '{texts[0]}': {why}; write them as 2020-01-31")


def _values(groups: pl.Series) -> pl.Series:
    """Return Datetime for the groups of a pattern; null if there is no such date."""
    parts = groups.struct.unnest()
    number = {name: parts[name].cast(pl.Int64) for name in parts.columns if name not in "bp"}
    hour = _hour(number, parts)
    if "G" in number:
        day = number.get("u", pl.Series(np.ones(len(parts), dtype=np.int64)))
        weeks = pl.Series(parts["G"] + "-" + parts["V"] + "-" + day.cast(pl.String))
        return weeks.str.to_datetime("%G-%V-%u", time_unit="us", strict=False)
    rows = pl.DataFrame(
        {
            "year": number["Y"] if "Y" in number else (number["y"] - CENTURY_TURN) % 100 + 1900 + CENTURY_TURN,
            "month": _month(number, parts),
            "day": number.get("d", pl.Series(np.ones(len(parts), dtype=np.int64))),
            "hour": hour,
            "minute": number["M"].fill_null(0) if "M" in number else hour * 0,
            "second": number["S"].fill_null(0) if "S" in number else hour * 0,
        }
    )
    date = rows["year"].cast(pl.String) + "-" + rows["month"].cast(pl.String) + "-" + rows["day"].cast(pl.String)
    clock = rows.select(pl.concat_str(pl.col("hour", "minute", "second").cast(pl.String), separator=":")).to_series()
    return (date + " " + clock).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)


def _month(number: dict[str, pl.Series], parts: pl.DataFrame) -> pl.Series:
    if "b" in parts.columns:
        return parts["b"].str.slice(0, 3).str.to_lowercase().replace_strict(_MONTHS, range(1, 13), default=None)
    if "q" in number:
        return number["q"] * 3 - 2
    return number["h"] * 6 - 5 if "h" in number else number["m"]


def _hour(number: dict[str, pl.Series], parts: pl.DataFrame) -> pl.Series:
    if "H" not in number:
        return pl.Series(np.zeros(len(parts), dtype=np.int64))
    hour = number["H"].fill_null(0)
    if "p" not in parts.columns or parts["p"].is_null().all():
        return hour
    is_afternoon = parts["p"].str.to_lowercase() == "p"
    return hour % 12 + is_afternoon.cast(pl.Int64).fill_null(0) * 12


def _written_form(texts: pl.Series, form: _Form) -> str:
    """Return the pattern that writes times as the first text, with `-` for numbers that have no leading zero."""
    first, parts = str(texts[0]), texts.str.extract_groups(form.pattern).struct.unnest()
    matched = re.match(form.pattern.replace("(?<", "(?P<"), first)
    assert matched
    written, end = "", 0
    for name in sorted((name for name, text in matched.groupdict().items() if text), key=matched.start):
        written += first[end : matched.start(name)].replace("%", "%%") + _code(name, parts)
        end = matched.end(name) + (1 if name == "p" else 0)  # the m of pm
    return written + first[end:]


def _code(name: str, parts: pl.DataFrame) -> str:
    """Return the code of strftime for a group of a pattern.

    Args:
        parts: the texts of all groups.
    """
    if name == "b":
        return "%B" if int(parts["b"].str.len_bytes().max()) > 4 else "%b"  # type: ignore[arg-type]  # of whole numbers
    if name == "h":
        return HALF
    if name == "p":
        return "%P" if parts["p"][0] == "p" else "%p"
    is_short = name in "mdHV" and bool((parts[name].str.len_bytes() == 1).any())
    is_half_day = name == "H" and "p" in parts.columns and parts["p"][0] is not None
    return f"%{'-' if is_short else ''}{'I' if is_half_day else name}"
