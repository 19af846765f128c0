"""Numbers that are not written as 1234.5: what they are, by hand; and what stays a name or is refused."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from relight.data.text_format import MISSING_WORDS, CsvParams, NumberFormat, TextFormat
from relight.errors import ColumnError, InputError
from relight.prepare.frames import TableHead
from relight.prepare.params import PrepareParams
from relight.prepare.plain.columns import with_gaps
from relight.prepare.plain.formats import FoundFormat, find_format, find_new_format
from relight.prepare.plain.numbers import choose_format, plain_numbers, sentinel_of, take_apart
from relight.prepare.plain.tables import gaps_plain, plain_frame


def numbers_of(*texts: str, rest: str | None = None, **csv: Any) -> list[float | None] | None:
    """The numbers of a column; None if it is one of names.

    Args:
        rest: the decimal mark of the rest of the table.
    """
    raw = pl.Series(texts)
    written = take_apart(raw, CsvParams.model_validate(csv))
    if written is None:
        return None
    return plain_numbers(raw, choose_format(written, rest)).cast(pl.Float64).to_list()


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,007.00", "2", "13,000.5"], [1007, 2, 13000.5]),
        (["1.007,00", "2", "13.000,5"], [1007, 2, 13000.5]),
        (["1,5", "2,25"], [1.5, 2.25]),
        (["1 234,5", "2 000 000,25"], [1234.5, 2000000.25]),
        (["1\u202f234,5", "1\xa0000", "3"], [1234.5, 1000, 3]),
        (["1'234.5", "1’000"], [1234.5, 1000]),
        (["1,23,456", "7,000"], [123456, 7000]),  # groups of two, as in India
        (["1.007.000", "2.000"], [1007000, 2000]),
        (["$2,920.76", "$5", "-$3", "$-4"], [2920.76, 5, -3, -4]),
        (["€ 1.200,50", "€3", "€3,5"], [1200.5, 3, 3.5]),
        (["12 EUR", "1,5 EUR"], [12, 1.5]),
        (["USD 5", "USD 1,200.5"], [5, 1200.5]),
        (["16.3%", "5 %", "0"], [16.3, 5, 0]),
        (["3.8 kg", "4kg", "1 KG"], [3.8, 4, 1]),
        (["1 year", "2 years"], [1, 2]),
        (["(12)", "5", "(1,200.5)"], [-12, 5, -1200.5]),
        (["7-", "8"], [-7, 8]),
        (["\u22123", "\u20134,5"], [-3, -4.5]),
        (["１２", "3"], [12, 3]),
        (["?", "3", "-", "4.5", "."], [None, 3, None, 4.5, None]),
        (["1,5E3", "2,0"], [1500, 2]),
    ],
)
def test_numbers_are_read_whatever_their_custom(texts: list[str], numbers: list[float | None]) -> None:
    assert numbers_of(*texts) == numbers


@pytest.mark.parametrize(
    "texts",
    [
        ["12A", "3B"], ["00123", "5,5"], ["10.0.0.1", "10.0.0.2"], ["3rd", "4th"],
        ["5 - 6", "3"], ["<5", "3"], ["1.5e3", "2,5"], ["a", "b"], ["?", "-"], ["1,2,3", "4"], ["M7", "M8"],
    ],
)  # fmt: skip
def test_what_is_no_number_stays_a_name(texts: list[str]) -> None:
    assert numbers_of(*texts) is None


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["12 kg", "3 g"], "'12 kg' and '3 g'"),
        (["12%", "0.3"], "'12%' and '0.3'"),
        (["$5", "€6"], "'\\$5' and '€6'"),
        (["7", "1.2K", "3M"], "'1.2K' and '7'"),
        (["2 h", "30 min"], "'2 h' and '30 min'"),
    ],
)
def test_several_units_are_refused(texts: list[str], shown: str) -> None:
    with pytest.raises(ColumnError, match=f"has numbers in several units, such as {shown}; write all of them in one"):
        numbers_of(*texts)


@pytest.mark.parametrize("task", ["auto", "regression"])
@pytest.mark.parametrize("text", ["<{}.5", "{} pts (est)", "~{}", "{}-{}", "ca. {}"])
def test_a_target_of_amounts_is_no_class_for_each(task: str, text: str) -> None:
    rows = pl.DataFrame({"x": [float(k) for k in range(30)], "y": [text.replace("{}", str(k)) for k in range(30)]})
    if text == "ca. {}":  # words first: names
        found(rows, task=task)
        return
    with pytest.raises(InputError, match=r"t: target 'y' has 30 different values such as .* too many for classes, and"):
        found(rows, task=task)


def test_one_mark_is_read_as_the_rest_of_the_table_is_written() -> None:
    assert numbers_of("1,234", "5", rest=".") == [1234, 5]
    assert numbers_of("1,234", "5", rest=",") == [1.234, 5]
    with pytest.raises(ColumnError, match="numbers such as 1,234, whose mark may stand before decimals or thousands"):
        numbers_of("1,234", "5")
    assert numbers_of("1,234", "5,00") == [1.234, 5]


@pytest.mark.parametrize(
    ("texts", "asked", "advice"),
    [
        (
            ["1,007.00", "2"],
            {"thousands": "none"},
            'such as \'1,007.00\', .* write `csv: {decimal: ".", thousands: ","}`',
        ),
        (["1,5", "2,25"], {"decimal": "."}, "such as '1,5', which prepare.csv excludes; write `csv: {decimal: \",\"}`"),
    ],
)
def test_what_the_params_exclude_is_refused_with_the_setting(
    texts: list[str], asked: dict[str, str], advice: str
) -> None:
    with pytest.raises(ColumnError, match=advice) as caught:
        numbers_of(*texts, **asked)
    setting = dict(re.findall(r'(\w+): "(.)"', str(caught.value)))
    assert numbers_of(*texts, **setting) is not None  # the advice is followed


@pytest.mark.parametrize(
    ("numbers", "sentinel"),
    [
        ([-999, 3, 5, -999, 4], -999),
        ([-9999.0, 0.5, None, -9999.0, 0.7], -9999),
        ([-999, -40, 20, -999], -999),
        ([-999, 3, 5, 4], None),  # once may be a value
        ([-999, -800, 20, -999], None),
        ([-1, 3, -1, 5], None),
        ([-999, -999, 3], None),
        ([-999, -999], None),
    ],
)
def test_a_number_far_below_all_others_stands_for_a_gap(numbers: list[float], sentinel: float | None) -> None:
    assert sentinel_of(pl.Series(numbers, dtype=pl.Float64)) == sentinel


def found(rows: pl.DataFrame, **asked: Any) -> FoundFormat:
    params = PrepareParams.model_validate({"source": "t", "target": "y", "task": "auto", "ignore": [], **asked})
    return find_format(TableHead(rows, is_whole=True), gaps_plain(rows, params.csv.missing), params, None)


def plain(rows: pl.DataFrame, **asked: Any) -> pl.DataFrame:
    return plain_frame(rows, found(rows, **asked).format)


def test_a_table_of_any_kind_is_made_plain_and_every_choice_is_said() -> None:
    rows = pl.DataFrame(
        {
            "price": ["$1,200.50", "?", "$3", "NA"],
            "depth": [-999.0, 3.0, 4.0, -999.0],
            "country": ["NA", "DE", "NA", "FR"],
            "code": ["007", "008", "009", "010"],
            "y": [1.0, 2.0, 3.0, 4.0],
        }
    )
    made = plain(rows)
    assert made["price"].to_list() == ["1200.50", None, "3", None]
    assert made["depth"].to_list() == [None, 3.0, 4.0, None]
    assert made["country"].to_list() == [None, "DE", None, "FR"]
    assert made["code"].equals(rows["code"])
    assert found(rows).notes == [
        "Column 'price' is read as numbers with the unit '$' and with ',' between thousands and has '?' in 1 row, read "
        "as gaps.",
        "Column 'depth' has '-999' in 2 rows, read as gaps.",
        "Column 'country' has 'NA' in 2 rows, read as gaps; a name among them must be left out of prepare.csv.missing.",
    ]


def test_the_params_decide_what_is_a_gap_and_what_is_a_name() -> None:
    rows = pl.DataFrame({"c": ["None", "x", "?"], "n": [-999, 1, -999], "p": ["$5", "$6", "$7"], "y": [1, 2, 3]})
    asked = {"csv": {"missing": ["?"]}, "columns": {"n": "numeric", "p": "categorical"}}
    made = plain(rows, **asked)
    assert made["c"].to_list() == ["None", "x", None]
    assert made["n"].to_list() == [-999, 1, -999]
    assert made["p"].to_list() == ["$5", "$6", "$7"]
    assert plain(rows, csv={"missing": ["-999"]}, columns={"n": "numeric"})["n"].to_list() == [None, 1, None]


def test_a_class_that_is_called_none_is_refused_with_the_setting_that_keeps_it() -> None:
    rows = pl.DataFrame({"x": [1, 2, 3], "y": ["None", "apnea", "None"]})
    with pytest.raises(
        InputError, match="t: target 'y' has 'None' in 2 rows, which means a gap; if it is a class, "
    ) as e:
        found(rows)
    words = re.findall(r'"([^"]*)"', re.findall(r"missing: \[(.*?)\]", str(e.value))[0])
    assert words == [word for word in MISSING_WORDS if word != "None"]
    assert plain(rows, csv={"missing": words})["y"].to_list() == ["None", "apnea", "None"]


def test_a_point_stands_between_thousands_in_a_table_with_decimal_commas() -> None:
    rows = pl.DataFrame({"a": ["1,5", "2,25"], "b": ["1.234", "12"], "c": ["1.5", "2.25"], "y": ["1", "2"]})
    made = plain(rows)
    assert made["a"].to_list() == ["1.5", "2.25"]
    assert made["b"].to_list() == ["1234", "12"]
    assert made["c"].to_list() == ["1.5", "2.25"]


def test_nothing_is_remembered_of_a_usual_table() -> None:
    assert found(pl.DataFrame({"x": ["1", "", "NA"], "y": ["1", "2", "3"]})).format.is_usual


TRAINED = TextFormat(decimal=",", numbers={"p": NumberFormat(decimal=",", thousands=".", unit="€", missing=["-999"])})


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["€ 1.234,50", "€ 3"], [1234.5, 3]),
        (["1234.5", "3"], [1234.5, 3]),  # another program wrote them
        (["1,234.5", "3"], [1234.5, 3]),
        (["1.234"], [1234]),  # in doubt, as in training
        (["1,234"], [1.234]),
        (["?", "-999", "5"], [None, None, 5]),
    ],
)
def test_new_rows_are_read_in_their_own_dialect_and_in_doubt_as_in_training(
    texts: list[str], numbers: list[float | None]
) -> None:
    raw = pl.DataFrame({"p": texts})
    made = plain_frame(raw, find_new_format(raw, TRAINED, ["p"]))
    assert made["p"].cast(pl.Float64).to_list() == numbers


def test_another_unit_than_in_training_is_no_number() -> None:
    raw = pl.DataFrame({"p": ["$5", "$6"], "q": ["5%", "6%"]})
    assert plain_frame(raw, find_new_format(raw, TRAINED, ["p", "q"])).equals(raw)


def test_words_are_gaps_whatever_surrounds_them() -> None:
    made = with_gaps(
        pl.Series([" a ", "", "  ", " NA", "n/a", "NaN", "null", "None", "none", "na", None]), MISSING_WORDS
    )
    assert made.to_list() == ["a", None, None, None, None, None, None, None, "none", "na", None]


def test_a_file_of_pieces_is_plain_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first rows decide; typed columns keep their types."""
    from relight.prepare.plain import tables

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relight.prepare.csv.reader.PIECE_BYTES", 100)
    Path("t.csv").write_text("n,p,y\n" + "".join(f"{k},${k}.5,{k % 7}\n" for k in range(100)))
    params = PrepareParams(source="t.csv", target="y", task="regression", ignore=[])
    table = tables.open_plain(params, Path("t.csv"))
    assert isinstance(table, tables.PlainTable)
    table.head(10)
    rows = pl.concat(table.frames({"n": pl.Float64}))
    assert rows["n"].to_list() == [float(k) for k in range(100)]
    assert rows["p"].to_list() == [f"{k}.5" for k in range(100)]
