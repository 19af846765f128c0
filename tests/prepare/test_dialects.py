"""A known table, written in any dialect: what is read is the table, or the message names the true cause."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from relight.errors import InputError
from relight.prepare.params import PrepareParams
from relight.prepare.plain.numbers import SENTINELS
from relight.prepare.plain.tables import read_plain
from relight.prepare.table import CleanTable, clean_table, with_source

CITIES = ["Köln", "São Paulo", "Ny, Mo", "a;b", 'say "hi"', "tab\there", "Zürich", "x|y"]
AS_TEXT = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")


class Written(NamedTuple):
    """A dialect of a text table."""

    separator: str
    decimal: str
    thousands: str
    encoding: str
    line_end: str
    missing: str
    quotes_all: bool
    has_index: bool
    preamble: list[str]
    trailing: bool
    unit: str
    blank_lines: bool


dialects = st.builds(
    Written,
    separator=st.sampled_from([",", ";", "\t", "|"]),
    decimal=st.sampled_from([".", ","]),
    thousands=st.sampled_from(["", ",", ".", " ", "'", "\u202f"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1252"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    missing=st.sampled_from(["", "NA", "null", "?", "-", "n/a", "NaN"]),
    quotes_all=st.booleans(),
    has_index=st.booleans(),
    preamble=st.sampled_from([[], ["# made by hand"], ["Report of 2024", ""], ["#a", "# b, c", "% d"]]),
    trailing=st.booleans(),
    unit=st.sampled_from(["", "$", "€ ", " kg", "%"]),
    blank_lines=st.booleans(),
).filter(lambda written: written.thousands != written.decimal and can_encode(written))

prices = st.one_of(
    st.integers(-99_999, 9_999_999).map(float), st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 2))
).filter(lambda value: value not in SENTINELS)
quantities = st.floats(0, 1).map(lambda value: round(value, 4) + 0.00005)
tables = st.integers(4, 12).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "city": st.lists(st.sampled_from(CITIES), min_size=n, max_size=n),
            "price": st.lists(st.one_of(st.none(), prices), min_size=n, max_size=n).filter(any),
            "size": st.lists(st.integers(1, 300).map(float), min_size=n, max_size=n),
            "y": st.lists(st.one_of(st.integers(0, 9999).map(float), quantities), min_size=n, max_size=n),
        }
    )
)


def can_encode(written: Written) -> bool:
    return written.encoding != "windows-1252" or written.thousands != "\u202f"


def number(value: float | None, written: Written, unit: str = "") -> str:
    """Write a number as a program of that custom does."""
    if value is None:
        return written.missing
    digits = f"{abs(value):,.5f}".rstrip("0").rstrip(".")
    whole, _, decimals = digits.partition(".")
    text = whole.replace(",", written.thousands) + (written.decimal + decimals if decimals else "")
    sign = "-" if value < 0 else ""
    return f"{sign}{unit}{text}" if unit[:1] in ("$", "€") else f"{sign}{text}{unit}"


def text_of(table: dict[str, list[Any]], written: Written) -> str:
    def quoted(value: str) -> str:
        needs = written.quotes_all or any(mark in value for mark in (written.separator, '"', "\n"))
        return '"' + value.replace('"', '""') + '"' if needs else value

    columns = {
        "city": table["city"],
        "price": [number(value, written, written.unit) for value in table["price"]],
        "size": [number(value, written) for value in table["size"]],
        "y": [number(value, written) for value in table["y"]],
    }
    index = {"": [str(k) for k in range(len(table["y"]))]} if written.has_index else {}
    whole = {**index, **columns}
    rows = [list(whole), *(list(row) for row in zip(*whole.values(), strict=True))]
    lines = [written.separator.join(map(quoted, row)) + written.separator * written.trailing for row in rows]
    lines[2:2] = [""] * written.blank_lines
    return written.line_end.join([*written.preamble, *lines, ""])


def read(path: str, **asked: Any) -> CleanTable:
    params = PrepareParams.model_validate({"source": path, "target": "y", "task": "regression", "ignore": [], **asked})
    raw = read_plain(params, Path(path))
    clean = clean_table(raw.rows, params)
    return clean._replace(schema=with_source(clean.schema, params, raw.found))


@settings(
    deadline=None, derandomize=True, max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tables, dialects)
def test_what_is_read_is_what_was_written(tmp_path_factory: Any, table: dict[str, list[Any]], written: Written) -> None:
    """Only a table all of whose points stand between thousands cannot be told from one of decimals."""
    values = [number(value, written) for value in (*table["price"], *table["y"])]
    assume(written.thousands != "." or any("," in value for value in values) or not any("." in v for v in values))
    folder = tmp_path_factory.mktemp("d")
    text = text_of(table, written)
    (folder / "t.csv").write_bytes(text.encode(written.encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        try:
            rows = read("t.csv", columns={"city": "categorical"}).rows
        except InputError as error:
            problems = error.problems
        else:
            problems = ()
    if problems:
        event("refused")
        assert all("may stand before decimals or thousands" in problem for problem in problems)
        assert any(AS_TEXT.search(value) for value in values)
        return
    for name in ("price", "size", "y"):
        assert rows[name].to_list() == pytest.approx(table[name]), name
    assert rows["city"].to_list() == table["city"]
