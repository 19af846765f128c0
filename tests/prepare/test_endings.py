"""One known table in every kind of file: the same rows come out."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from relight.errors import InputError
from relight.prepare import typed_files
from relight.prepare.csv import files
from relight.prepare.params import PrepareParams
from relight.prepare.plain.tables import read_plain
from relight.prepare.source import SourceTable, file_kind
from relight.prepare.table import clean_table

FRAME = pl.DataFrame(
    {
        "station": ["S0", "S1", None, "Köln"],
        "temp": [10.5, None, -3.25, 7.0],
        "n": [1, 2, 3, 40],
        "day": [date(2024, 2, 29), date(2024, 3, 1), None, date(1999, 12, 31)],
        "open": [True, False, None, True],
        "y": [1.5, 2.5, 3.5, 4.25],
    }
)
CSV = FRAME.write_csv().encode()


def zipped(name: str = "t.csv", *more: str) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in (name, *more):
                archive.writestr(each, CSV)
        return file.getvalue()


def in_memory(write: Callable[[io.BytesIO], object]) -> bytes:
    with io.BytesIO() as file:
        write(file)
        return file.getvalue()


FILES = {
    "t.csv": CSV,
    "T.CSV": CSV,
    "t.txt": CSV.replace(b",", b"|"),
    "t.data": CSV,
    "t.tab": FRAME.write_csv(separator="\t").encode(),
    "t.csv.gz": gzip.compress(CSV),
    "t.csv.bz2": bz2.compress(CSV),
    "t.txt.xz": lzma.compress(CSV),
    "t.csv.zip": zipped(),
    "t.zip": zipped("x/t.csv", "__MACOSX/t.csv"),
    "t.parquet": in_memory(FRAME.write_parquet),
    "t.jsonl": FRAME.write_ndjson().encode(),
    "t.NDJSON": FRAME.write_ndjson().encode(),
    "t.xlsx": in_memory(FRAME.write_excel),
}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows_of(source: str) -> pl.DataFrame:
    params = PrepareParams(source=source, target="y", task="regression", ignore=[])
    return clean_table(read_plain(params, Path(source)).rows, params).rows


@pytest.mark.parametrize("name", FILES)
def test_the_rows_are_those_of_the_table(name: str) -> None:
    Path(name).write_bytes(FILES[name])
    found, wanted = rows_of(name), FRAME.with_columns(pl.col("n").cast(pl.Float64))
    assert found.columns == wanted.columns
    for column in ("station", "temp", "n", "open", "y"):
        assert found[column].to_list() == wanted[column].to_list(), column
    assert found["day"].dt.date().to_list() == wanted["day"].to_list()


def test_a_folder_holds_files_of_one_ending() -> None:
    Path("folder").mkdir()
    for name in ("a.CSV", "b.csv", "notes.txt"):
        (Path("folder") / name).write_bytes(CSV)
    assert rows_of("folder").height == 8
    (Path("folder") / "c.csv.bz2").write_bytes(bz2.compress(CSV))
    with pytest.raises(InputError, match=r"folder: must hold files of one kind, got a.CSV and c.csv.bz2"):
        file_kind(Path("folder"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv.bz2", bz2.compress(CSV)[:-9], "t.csv.bz2: is a damaged bzip2 file"),
        ("t.csv.bz2", CSV, "t.csv.bz2: is a damaged bzip2 file"),
        ("t.csv.xz", lzma.compress(CSV)[:-9], "t.csv.xz: is a damaged xz file"),
        ("t.csv.zip", zipped()[:-30], "t.csv.zip: is a damaged zip file"),
        ("t.csv.zip", zipped("a.csv", "b.csv"), "t.csv.zip: must hold one table, got 2 files; unpack it into a folder"),
        ("t.jsonl", b'{"a": 1}\n{"a": [', "t.jsonl: is not JSON Lines, with an object on each line"),
        ("t.jsonl", b'{" a": 1, "a": 2}\n', "t.jsonl: column 'a' occurs 2 times"),
        ("t.xlsx", b"", "t.xlsx: cannot be read as Excel .*; save the sheet as .csv"),
    ],
    ids=range(8),  # a zip file holds the time
)
def test_what_is_damaged_is_said(name: str, content: bytes, said: str) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        SourceTable(Path(name)).head(10)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.csv.zip", "t.xlsx"])
def test_a_packed_file_of_a_stranger_is_unpacked_only_so_far(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (files, typed_files):
        monkeypatch.setattr(module, "MIN_UNPACKED_BYTES", 10)
        monkeypatch.setattr(module, "MAX_PACKING", 0)
    Path(name).write_bytes({**FILES, "t.csv.xz": lzma.compress(CSV)}[name])
    with pytest.raises(InputError, match=rf"{name}: must unpack to at most 0 MB"):
        SourceTable(Path(name)).head(10)


def test_an_excel_file_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relight.extras.find_spec", lambda _: None)
    Path("t.xlsx").write_bytes(FILES["t.xlsx"])
    with pytest.raises(InputError, match=r"t.xlsx: an Excel file needs fastexcel; pip install 'relight\[excel\]'"):
        SourceTable(Path("t.xlsx"))
