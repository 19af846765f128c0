"""Numbers that are written otherwise than 1234.5: their marks, their unit and their words for a gap.

A format is found only if it reads nearly all values of a column, so that names stay names, and mistakes are told. A
value that could be two numbers, such as 1,234, takes the decimal mark of the rest of the table, or is refused.
"""

import re
from typing import NamedTuple

import polars as pl

from relight.data.text_columns import MIN_TYPE_SHARE, have_leading_zero
from relight.data.text_format import CsvParams, DecimalMark, NumberFormat, ThousandsMark
from relight.errors import ColumnError

GAP_MARKS = (
    "?", "-", "--", "---", ".", "..", "...", "…", ":", "*", "/", "x", "X", "na", "NaN", "n.a.", "N.A.", "n/d", "nd",
    "#N/A", "#NA", "<NA>", "#VALUE!", "#DIV/0!", "#REF!", "#NUM!", "#NAME?", "#NULL!", "-nan", "nil", "none", "NONE",
    "Null", "missing", "Missing", "unknown", "Unknown", "undefined", "-1.#IND", "1.#QNAN", "k.A.", "\\N",
)  # fmt: skip
SENTINELS = (-99.0, -999.0, -9999.0, -99999.0, -999999.0)
_DECIMALS: tuple[DecimalMark, ...] = (".", ",")
_THOUSANDS: tuple[ThousandsMark, ...] = ("", ",", ".", " ", "'")
_CURRENCY = r"[A-Z]{0,3}\p{Sc}|USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|ZAR|Rs\.?|kr\.?"
_PARTS = (
    rf"^(?<open>\()?(?<sign>[+-]?) ?(?<before>{_CURRENCY})? ?(?<second>[+-]?)(?<body>[0-9][0-9.,' ]*|[.,][0-9]+)"
    r"(?<exponent>[eE][+-]?[0-9]+)? ?(?<after>[^0-9.,'()\s+-][^0-9()]{0,14})?(?<close>\))?(?<trail>-)?$"
)
_SIGN = re.compile("[%‰$€£¥₹₽₩₺]")
_MEASURES = (  # no letters that number seats and rooms, such as A and B
    " kg g mg t lb lbs oz km m cm mm mi ft in yd l ml cl gal s sec min h hr hrs ms day days week weeks month months "
    "year years yr yrs k bn mn mio mrd million billion kb mb gb tb kw mw ha °c °f usd eur gbp chf jpy cny rmb inr aud "
    "cad sek nok dkk pln czk huf brl zar krw rub try kr kr. rs rs. tsd "
)
_FIRST_VALUES = 100  # that tell most columns of names


Marks = tuple[DecimalMark, ThousandsMark]


class WrittenNumbers(NamedTuple):
    """The values of a column that are not all plain numbers, taken apart.

    Attributes:
        bodies: the digits and marks of each different value.
        unit: of all of them.
        gaps: the values that mean a gap.
        candidates: the marks of decimals and thousands that read all of them.
    """

    bodies: pl.Series
    unit: str
    gaps: list[str]
    candidates: list[Marks]

    @property
    def decimals(self) -> set[str]:
        """The decimal marks that are possible; nothing if no value shows one."""
        shown = bool(self.bodies.str.contains(r"[.,]").any())
        return {decimal for decimal, _ in self.candidates} if shown else set()


def take_apart(values: pl.Series, csv: CsvParams, unit: str | None = None) -> WrittenNumbers | None:
    """Return how the values of a column are written as numbers; None if they are not numbers.

    Args:
        values: texts without spaces around them, gaps as nulls.
        csv: the marks that may be.
        unit: the only one that may be; None for any.

    Raises:
        ColumnError: for numbers with a mark of thousands that the params exclude, and for different units.
    """
    different = values.drop_nulls().unique(maintain_order=True)
    is_gap = different.is_in(list(GAP_MARKS))
    gaps, texts = different.filter(is_gap), different.filter(~is_gap)
    if _parts(texts.head(_FIRST_VALUES)) is None:
        return None
    parts = _parts(texts)
    if parts is None:
        return None
    found = _one_unit(parts)
    if found is None or (unit is not None and found not in ("", unit)):
        return None
    bodies = parts["body"].str.strip_chars()
    every = [(decimal, mark) for decimal in _DECIMALS for mark in _THOUSANDS if mark != decimal]
    fitting = [(decimal, mark) for decimal, mark in every if bool(bodies.str.contains(_valid(decimal, mark)).all())]
    allowed = [(d, t) for d, t in fitting if csv.decimal in ("auto", d) and _may_be(t, csv.thousands)]
    if fitting and not allowed:
        raise ColumnError(_excluded(parts, fitting[0]))
    return WrittenNumbers(bodies, found, gaps.to_list(), allowed) if allowed else None


def choose_format(written: WrittenNumbers, decimal: str | None, trained: NumberFormat | None = None) -> NumberFormat:
    """Return the format of a column.

    Args:
        decimal: the mark of the rest of the table; None if that shows none.
        trained: the format of the column in training, which is taken if it reads all values.

    Raises:
        ColumnError: for values that could be two numbers.
    """
    chosen = None if trained is None else (trained.decimal, trained.thousands)
    if chosen is None or chosen not in written.candidates:
        fewest = [(d, t) for d, t in written.candidates if decimal in (None, d)] or written.candidates
        chosen = min(fewest, key=lambda marks: (marks[1] != "", marks[0] == ","))
        if decimal is None and len({d for d, _ in written.candidates}) > 1 and written.decimals:
            value = next(body for body in written.bodies if "," in body or "." in body)
            raise ColumnError(
                f"has numbers such as {value}, whose mark may stand before decimals or thousands; write "
                '`csv: {decimal: ","}` or `csv: {decimal: "."}` in prepare'
            )
    return NumberFormat(decimal=chosen[0], thousands=chosen[1], unit=written.unit, missing=written.gaps)


def plain_numbers(texts: pl.Series, form: NumberFormat) -> pl.Series:
    """Return texts as plain numbers such as -1234.5; what is no number in this format stays as it is.

    Args:
        texts: without spaces around them.
    """
    signed = with_plain_signs(texts.set(texts.is_in(form.missing), None))
    if form.unit:
        unit = re.escape(form.unit)
        signed = signed.str.replace(rf"(?i)^([+-]?) ?{unit} ?([+-]?[0-9.,])", "$1$2")
        signed = signed.str.replace(rf"(?i)^(.*[0-9.,]) ?{unit}(?:s|\.)?$", "$1")
    is_written = signed.str.replace(r"[eE][+-]?[0-9]+$", "").str.strip_chars_start("+-").str.strip_chars()
    fits = is_written.str.contains(_valid(form.decimal, form.thousands)).fill_null(value=False)
    plain = signed.str.replace_all(" ", "")
    plain = plain.str.replace_all(form.thousands, "", literal=True) if form.thousands else plain
    plain = plain.str.replace(",", ".", literal=True) if form.decimal == "," else plain
    return plain.zip_with(fits | signed.is_null(), texts)


def with_plain_signs(texts: pl.Series) -> pl.Series:
    """Return texts with ASCII digits, signs and spaces, and a minus for numbers in parentheses or with one behind."""
    if bool(texts.str.contains(r"[^\x00-\x7f]").any()):
        texts = texts.str.normalize("NFKC").str.replace_all(r"^[−–]|([(])[−–]", "${1}-").str.replace_all("[’´]", "'")
    return texts.str.replace(r"^\(([^()]*[0-9][^()]*)\)$", "-$1").str.replace(r"^([0-9][0-9.,' ]*)-$", "-$1")


def sentinel_of(numbers: pl.Series) -> float | None:
    """Return the number that stands for a gap: -999 or alike, several times, far below all others; None for none."""
    low = numbers.min()
    if low not in SENTINELS:
        return None
    others = numbers.filter(numbers != low).drop_nulls()
    if len(numbers.drop_nulls()) - len(others) < 2 or others.n_unique() < 2:
        return None
    smallest, largest = float(others.min()), float(others.max())  # type: ignore[arg-type]
    return float(low) if smallest >= 0 or smallest - low > largest - smallest else None  # type: ignore[arg-type, operator]


def _valid(decimal: str, thousands: str) -> str:
    """Return the pattern of the digits of a number with these marks; thousands may be in groups of two, as in India."""
    d, t = re.escape(decimal), re.escape(thousands)
    whole = rf"[0-9]{{1,3}}(?:{t}[0-9]{{3}})+|[0-9]{{1,2}}(?:{t}[0-9]{{2}})+{t}[0-9]{{3}}|[0-9]+" if t else "[0-9]+"
    return rf"^(?:(?:{whole})(?:{d}[0-9]*)?|{d}[0-9]+)$"


def _may_be(thousands: str, requested: str) -> bool:
    return thousands == "" or requested in ("auto", thousands)


def _parts(texts: pl.Series) -> pl.DataFrame | None:
    """Return the parts of the values that are numbers; None if fewer are than in a column of numbers, or for codes."""
    parts = with_plain_signs(texts).str.extract_groups(_PARTS).struct.unnest().with_columns(texts.alias("text"))
    parts = parts.filter(parts["body"].is_not_null() & (parts["open"].is_null() == parts["close"].is_null()))
    if parts.height < max(1, MIN_TYPE_SHARE * len(texts)) or bool(have_leading_zero(parts["body"]).any()):
        return None
    return parts


def _one_unit(parts: pl.DataFrame) -> str | None:
    """Return the unit of all values but zeros, which may lack it; None for different words, as in names.

    Raises:
        ColumnError: for several units of measure.
    """
    units = (parts["before"].fill_null("") + parts["after"].fill_null("").str.strip_chars()).rename("unit")
    bare = units == ""
    shown = units.filter(~bare).unique(maintain_order=True).to_list()
    if not shown:
        return ""
    alike = {_singular(unit) for unit in shown}
    is_mixed = len(alike) > 1 or not all(re.fullmatch("[0.,]+", body) for body in parts["body"].filter(bare))
    if is_mixed and all(f" {unit.casefold()} " in _MEASURES or re.search(_SIGN, unit) for unit in shown):
        others = (units != shown[0]).arg_true()
        raise ColumnError(
            f"has numbers in several units, such as '{parts['text'][int((~bare).arg_max() or 0)]}' and "
            f"'{parts['text'][int(others[0])]}'; write all of them in one"
        )
    return None if is_mixed else min(shown, key=len)


def _singular(unit: str) -> str:
    lower = unit.casefold().rstrip(".")
    return lower.removesuffix("s") if len(lower) > 3 else lower


def _excluded(parts: pl.DataFrame, marks: tuple[str, str]) -> str:
    decimal, thousands = marks
    at = int(parts["body"].str.contains(r"[.,' ][0-9]").arg_max() or 0)
    setting = f'decimal: "{decimal}"' + (f', thousands: "{thousands}"' if thousands else "")
    return (
        f"has numbers such as '{parts['text'][at]}', which prepare.csv excludes; write `csv: {{{setting}}}` in prepare"
    )
