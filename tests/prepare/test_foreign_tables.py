"""Tables as programs and people of many countries write them: what is read, by hand, or the cause that is told."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from relight.errors import InputError
from relight.prepare.params import PrepareParams
from relight.prepare.plain.tables import read_plain
from relight.prepare.table import CleanTable, clean_table, with_source

CITIES = ["Rom", "Oslo", "Bern", "Rom", "Oslo", "Bern"]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(content: str | bytes, name: str = "t.csv", **asked: Any) -> CleanTable:
    """Write a file; return what prepare makes of it."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    params = PrepareParams.model_validate({"source": name, "target": "y", "task": "auto", "ignore": [], **asked})
    raw = read_plain(params, Path(name))
    clean = clean_table(raw.rows, params)
    return clean._replace(schema=with_source(clean.schema, params, raw.found))


def table(column: list[str], separator: str = ",", decimal: str = ".") -> str:
    """Write a table of a column `a` between others."""
    rows = zip(CITIES, column, [f"{k}{decimal}25" for k in range(6)], strict=True)
    return "\n".join(separator.join(row) for row in [("city", "a", "y"), *rows]) + "\n"


NUMBERS = {  # texts of Switzerland, Germany, accountants, spreadsheets, Fortran, and of other letters
    "5.-": 5, "1'200.-": 1200, "CHF 7.–": 7, "SFr. 1'234.50": 1234.5, "3.—": 3,
    "12.--": 12, "$(1,234.50)": -1234.5, " $ -  ": 0, "-   €": 0, "(5)": -5, '"=""12.5"""': 12.5, "'7.25": 7.25,
    "1.5D+03": 1500, "-2.5d-01": -0.25, "\u200b4.5\u200b": 4.5, "\u200e9": 9, "٣٫٥": 3.5, "۱۲": 12,
    "Rp 1,500,000": 1500000, "AED 5": 5, "S/ 12.50": 12.5, "R$ 7": 7, "RM1,200": 1200, "Kč 5": 5, "5 руб.": 5,
    "12 m²": 12, "8 µg/m³": 8, "$5.20/kg": 5.2, "€ 7 per kg": 7,
}  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_read_whoever_wrote_it(text: str) -> None:
    quoted = f'"{text}"' if "," in text else text
    assert read(table([quoted] * 6)).rows["a"].to_list() == [NUMBERS[text]] * 6


def test_a_zero_in_front_of_a_comma_is_no_thousand() -> None:
    """Read as thousands, 0,123 would be 123."""
    decimals = [0.123, 0.5, 1.25, 0.125, 2.375, 0.75]
    texts = ["0,123", "0,500", "1,250", "0,125", "2,375", "0,750"]
    for content in (table([f'"{text}"' for text in texts]), table(texts, ";", ",")):
        assert read(content).rows["a"].to_list() == decimals


def test_marks_of_a_text_stay_in_a_code() -> None:
    for text in ("'00123", "'A12"):
        assert read(table([text] * 5 + ["x"])).rows["a"][0] == text


@pytest.mark.parametrize(("one", "other"), [("5 CR", "7 DR"), ("1.2万", "3"), ("5 Cr", "3 lakh")])
def test_amounts_in_several_units_are_no_names(one: str, other: str) -> None:
    with pytest.raises(InputError, match=f"column 'a' has numbers in several units, such as '{one}' and '{other}'"):
        read(table([one, other] * 3))


def test_a_word_in_many_rows_of_few_different_numbers_is_told() -> None:
    with pytest.raises(InputError, match=r"column 'a' has numbers, and 'ask' among them; fix it, .* prepare.csv.miss"):
        read(
            table(["ask", "ask", *(f"${k}" for k in range(4))]).replace("y\n", "y\n" + "Rom,$9,1\nRom,$8,1\n" * 9, 1)
            + "".join(f"Rom,${k},1\n" for k in range(20, 40))
            + "Rom,ask,1\n" * 20
        )


def test_a_unit_on_both_sides_is_said() -> None:
    assert "Column 'a' is read as numbers with the unit '$…/kg'." in read(table(["$5/kg", "$6.5/kg"] * 3)).schema.notes


def test_rows_of_a_unit_on_both_sides_are_read_in_prediction() -> None:
    from relight.prepare.plain.formats import find_new_format
    from relight.prepare.plain.tables import plain_frame

    Path("t.csv").write_text(table(["$5/kg", "$1,206.5/kg"] * 3).replace("$1,206.5/kg", '"$1,206.5/kg"'))
    params = PrepareParams(source="t.csv", target="y", task="auto", ignore=[])
    trained = read_plain(params, Path("t.csv")).found.format
    rows = pl.DataFrame({"a": ["$2/kg", "3", "$1,000.5/kg"]})
    assert plain_frame(rows, find_new_format(rows, trained, ["a"]))["a"].to_list() == ["2", "3", "1000.5"]
