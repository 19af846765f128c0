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


ROWS = [("Rom", 1.5, 3.0), ("Oslo", 22.25, 4.0), ("Bern", 3.0, 5.0)]
HEAD, BODY = "c,x,y\n", "Rom,1.5,3\nOslo,22.25,4\nBern,3,5\n"
LOGGER = '"TOA5","st1","CR1000",5\n"c","x","y"\n"","EUR","m"\n"","Avg","Tot"\n'


@pytest.mark.parametrize(
    ("content", "csv", "left_out"),
    [
        (HEAD.replace("\n", ",,\n") + BODY.replace("\n", ",,\n"), {}, ["2 separators at the end of each row"]),
        (HEAD + BODY.replace("\n", ",,,\n"), {}, ["3 separators at the end of each row"]),
        (HEAD + BODY + ",,\n,,\n", {}, []),
        ('"Account:","DE1"\n\n"From:","2024-01-01"\n\n' + HEAD + BODY, {}, ["4 lines in front of the names"]),
        ('"Source","WDI",\n\n' + (HEAD + BODY).replace("\n", ",\n"), {}, ["2 lines in", "a separator at the end"]),
        ("Station: A\nPlace: Berlin, Mitte\n" + HEAD + BODY, {}, ["2 lines in front of the names"]),
        ("id,5\nowner,me\nmade,2024\n" + HEAD + BODY, {}, ["3 lines in front of the names"]),
        ("sep=,\n" + HEAD + BODY, {}, ["1 line in front of the names"]),
        (HEAD + ",[EUR],[m]\n" + BODY, {}, ["a row of units"]),
        (HEAD + ",°C,\n" + BODY, {}, ["a row of units"]),
        (HEAD + "\n,EUR,m\n" + BODY, {}, ["a row of units"]),
        ("Title\n" + HEAD + "-,EUR,m\n" + BODY, {"header": 2}, ["1 line in front of the names", "a row of units"]),
        (LOGGER + BODY, {"header": 2}, ["1 line in front of the names", "2 rows of units"]),
        ('c, x, y\n"Rom", "1.5", "3"\n"Oslo", "22.25", "4"\n"Bern", "3", "5"\n', {}, []),
        ("c   x     y \nRom   1.5   3 \n Oslo 22.25 4 \nBern  3     5 \n", {"separator": "space"}, ["a separator at"]),
        ("\ufeff\ufeff" + HEAD + BODY, {}, []),
        ("'c','x','y'\n'Rom','1.5','3'\n'Oslo','22.25','4'\n'Bern','3','5'\n", {"quote": "'"}, []),
    ],
)
def test_a_table_is_found_among_what_programs_write_around_it(
    content: str, csv: dict[str, Any], left_out: list[str]
) -> None:
    clean = read(content, task="regression", csv=csv)
    assert clean.rows.select("c", "x", "y").rows() == ROWS
    found = clean.schema.text_format
    said = [] if found is None else found.left_out
    assert len(said) == len(left_out)
    assert all(one.startswith(other) for one, other in zip(said, left_out, strict=True))


def test_a_word_among_numbers_is_told_with_the_setting() -> None:
    content = HEAD + BODY * 6 + "Rom,unknown!,3\n"
    with pytest.raises(InputError, match=r"row 19 must be a number, got 'unknown!'; .* prepare.csv.missing; or"):
        read(content, task="regression")
    assert read(content, task="regression", csv={"missing": ["unknown!"]}).rows["x"][-1] is None


def test_a_row_of_gaps_between_others_stays() -> None:
    rows = read(HEAD + BODY.replace("Bern", ",,5\nBern") + ",,\n", task="regression").rows
    assert rows["c"].to_list() == ["Rom", "Oslo", None, "Bern"]


SPACED = "q x y\n1 1.5 3\n2 22.25 4\n3 3 5\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("".join(f'"{line}"\n' for line in (HEAD + BODY).splitlines()), "t.csv:1: each row stands in quotes, as one"),
        ((HEAD + BODY).replace(",", "^"), r't.csv:1: only one column .* write `csv: {separator: "\^"}` in prepare'),
        ((HEAD + BODY).replace(",", "\x01"), r'write `csv: {separator: "\\u0001"}` in prepare'),
        (SPACED, "t.csv:1: only one column found; if spaces .* write `csv: {separator: space}` in prepare$"),
        ("\n".join(f"{k} {line}" for k, line in enumerate(SPACED.splitlines()))[2:], r"row.names = FALSE in R"),
        ((HEAD + BODY).replace("Rom", "'Rom'").replace("Oslo", "'Oslo'").replace("Bern", "'Bern'"),
         "t.csv:1: has values in single quotes, such as 'Rom'; if they are no part of the values, write `csv: {quote"),
        (LOGGER + BODY, r"t.csv:2: must have 4 values as the header, got 3; .* `csv: {header: 2}` in prepare"),
        (HEAD + BODY + "Source: Bank, 2024\n", "t.csv:5: .* got 2; if it is a remark and no row, delete it"),
        (HEAD + BODY + "\n(3 rows)\n", "t.csv:6: .* got 1; if it is a remark and no row, delete it"),
        (HEAD + BODY + HEAD + BODY, "t.csv:5: has the names of the columns again; delete this line, or put the"),
        (HEAD + BODY.replace("Rom", '5" Rom') + HEAD + BODY, "t.csv:5: has the names of the columns again"),
        ("c,y\n" + "a,b\n" * 5 + "c,y\n" + "d,e\n" * 5, "t.csv:7: has the names of the columns again"),
        (HEAD + BODY + HEAD.strip(), "t.csv:5: has the names of the columns again"),
        ("c,,y\n" + BODY, "t.csv:1: column 2 has no name; name it, or delete the column"),
        (" c | x | y\n---+---+---\n Rom | 1 | 2\n", "is not CSV but a table drawn with lines; export it as CSV, or"),
        ("+---+---+\n| c | y |\n+---+---+\n", "is not CSV but a table drawn with lines"),
        ("| c | y |\n|---|:--|\n| a | 1 |\n", "is not CSV but a table drawn with lines"),
        ('[{"c": 1}]\n', "is not CSV but JSON; write an object on each line, and name it .jsonl"),
        ('{"c": 1}\n', "is not CSV but JSON"),
        ("% by hand\n@RELATION t\n@attribute y numeric\n@data\n1\n", "is not CSV but ARFF; leave out the lines up to"),
        ("-- dump\nINSERT INTO t VALUES (1);\n", "is not CSV but a dump of SQL; export the table as CSV"),
    ],
)  # fmt: skip
def test_what_is_no_such_table_says_its_cause_and_the_next_step(content: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(content, task="regression")


@pytest.mark.parametrize(
    ("content", "csv"),
    [
        ((HEAD + BODY).replace(",", "^"), {"separator": "^"}),
        ((HEAD + BODY).replace(",", "\x01"), {"separator": "\u0001"}),
        (SPACED.replace("q x", "c x"), {"separator": "space"}),
    ],
)
def test_the_advice_is_followed(content: str, csv: dict[str, Any]) -> None:
    assert read(content, task="regression", csv=csv).rows["x"].to_list() == [1.5, 22.25, 3.0]


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (["Łódź", "Kraków"], "cp1250"), (["Łódź", "Kraków"], "iso8859_2"), (["Příliš", "žluťoučký"], "cp1250"),
        (["Köln", "Zürich"], "mac_roman"), (["Muş", "Şile"], "cp1254"), (["Köln", "Zürich"], "cp850"),
    ],
)  # fmt: skip
def test_letters_of_another_encoding_are_not_taken_for_windows_1252(words: list[str], encoding: str) -> None:
    content = "c,y\n" + "".join(f"{word},{k}\n" for k, word in enumerate(words * 3))
    with pytest.raises(InputError, match=r"its letters make no words in Windows-1252; name the encoding"):
        read(content.encode(encoding), task="regression")
    rows = read(content.encode(encoding), task="regression", csv={"encoding": encoding}).rows
    assert rows["c"].to_list() == words * 3


@pytest.mark.parametrize(
    "words",
    [["Þór", "Ísafjörður", "Ægir"], ["Ærø", "Århus"], ["Škoda", "Œuvre"], ["São", "Ñandú"], ["IÑIGO", "ÉCOLE"]],
)
def test_windows_1252_is_found_by_its_words(words: list[str]) -> None:
    words = words * 3
    content = "c,y\n" + "".join(f"{word},{k}\n" for k, word in enumerate(words))
    assert read(content.encode("cp1252"), task="regression").rows["c"].to_list() == words


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["99", "1", "2", "3", "99", "2"], "has 99 in several rows, far from all others; if that means a gap, write"),
        (["77", "88", "2", "3", "99", "2"], "has 77, 88, 99 in several rows, far from"),
        (["999.9", "1.5", "-2", "3", "999.9", "2"], "has 999.9 in several rows, far from"),
        (["-99", "-98", "2", "3", "1", "2"], "has -99, -98 in several rows, far from"),
        (["n. b.", "1", "2", "3", "n. b.", "2"], r"if 'n. b.' means a gap, add it to prepare.csv.missing"),
    ],
)
def test_what_may_be_a_gap_is_said_with_the_setting(values: list[str], said: str) -> None:
    assert any(said in note for note in read(table(values)).schema.notes)
    missing = ["", "NA", *(value for value in values if value not in ("1", "2", "3", "1.5", "-2"))]
    rows = read(table(values), csv={"missing": missing}).rows["a"]
    assert rows.to_list() == [None if value in missing else float(value) for value in values]


@pytest.mark.parametrize("values", [["30", "50", "70", "90", "99", "99"], ["99", "1", "2", "3", "4", "2"]])
def test_a_large_number_like_others_is_no_gap(values: list[str]) -> None:
    assert not any("means a gap" in note for note in read(table(values)).schema.notes)


@pytest.mark.parametrize(("text", "is_amount"), [("{}-{}", True), ("{} ± 2", True), ("48°{}'", True), ("M{}", False)])
def test_amounts_that_were_read_as_names_are_noted(text: str, is_amount: bool) -> None:
    rows = "".join(f"{text.replace('{}', str(k % 30))},{k}\n" for k in range(90))
    notes = read("a,y\n" + rows, task="regression").schema.notes
    assert any("read as names; if they are amounts" in note for note in notes) == is_amount


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html><table><tr><td>1", "t.xls: is no Excel file but a web page; open it and save it as .csv"),
        (b"c\tx\n1\t2\n", "t.xls: is no Excel file but a text; name it .csv"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "but XML; open it"),
    ],
)
def test_a_text_that_is_called_a_workbook_is_named(content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(content, "t.xls")


def test_a_code_in_the_target_is_noted_with_a_step_that_works() -> None:
    for code in ("-999", "9999"):
        notes = read(HEAD + BODY * 4 + f"Rom,1,{code}\n" * 2, task="regression").schema.notes
        assert (
            f"Column 'y' has {code} in several rows, far from all others; if that means a gap, delete these rows."
            in notes
        )
