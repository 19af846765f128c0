"""predict as a person calls it; what its numbers are worth is held by the tests of the export and of the recipes."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from relight.errors import InputError
from relight.predict import table
from relight.predict.predict import predict, without_formulas
from tests.saved_models import RAW, Saved, save_model

EVERYTHING = "x label flag when c many"


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return save_model(tmp_path, "linear", EVERYTHING, "binary", numeric="standardize")


def predicted(saved: Saved, table: Path | None = None) -> tuple[str, str]:
    """Return the text printed and the rows written."""
    output = saved.models / "out.csv"
    said = predict(table or saved.table, models=saved.models, output=output)
    return said, output.read_text(encoding="utf-8")


def test_one_row_for_each_and_what_no_train_row_had_is_said(saved: Saved) -> None:
    said, lines = predicted(saved)
    assert lines.splitlines()[0] == "prediction,probability_no,probability_yes"
    assert len(lines.splitlines()) == 1 + 7
    assert said == (
        f"{saved.models}/out.csv: 7 predictions of y; 5 categories were missing or unknown; 2 numbers are missing in "
        "columns without gaps in training (x, flag): the train rows' mean is used for them\n"
    )


def test_chunks_change_nothing(saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = predicted(saved)
    monkeypatch.setattr(table, "chunk_rows", lambda _model: 2)
    assert predicted(saved) == whole


def test_a_chunk_is_whole_batches_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "prediction_batch_size", lambda _model: 50_000)
    assert table.chunk_rows(None) == 50_000  # type: ignore[arg-type]
    monkeypatch.setattr(table, "prediction_batch_size", lambda _model: 30_000)
    assert table.chunk_rows(None) == 60_000  # type: ignore[arg-type]


def test_tsv_gzip_folder_and_parquet_read_alike(saved: Saved, tmp_path: Path) -> None:
    _, lines = predicted(saved)
    (tmp_path / "t.tsv").write_text(RAW.replace(",", "\t"), encoding="utf-8")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(RAW.encode()))
    (tmp_path / "folder").mkdir()
    header, *rows = RAW.splitlines(keepends=True)
    (tmp_path / "folder/1.csv").write_text("".join([header, *rows[:3]]), encoding="utf-8")
    (tmp_path / "folder/2.csv").write_text("".join([header, *rows[3:]]), encoding="utf-8")
    typed = pl.read_csv(RAW.encode()).with_columns(pl.col("when").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False))
    whole_days = pl.read_csv(RAW.encode())["when"].str.to_datetime("%Y-%m-%d", strict=False)
    typed.with_columns(pl.col("when").fill_null(whole_days)).write_parquet(tmp_path / "t.parquet")
    for name in ("t.tsv", "t.csv.gz", "folder", "t.parquet"):
        assert predicted(saved, tmp_path / name)[1] == lines


def test_the_row_of_a_mistake_is_counted_over_chunks(saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "chunk_rows", lambda _model: 2)
    saved.table.write_text(RAW.replace("1e6,", "hot,").replace("2030-06-15 23:59:59", "tomorrow"), encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        predicted(saved)
    assert [problem.split("; ")[0] for problem in refusal.value.problems] == [
        f"{saved.table}: column 'x' row 5 must be a number, got 'hot'",
        f"{saved.table}: column 'when' row 5 must be a date such as 2020-01-31 or 2020-01-31 12:30:00, got 'tomorrow'",
    ]
    assert [path.name for path in sorted(saved.models.iterdir())] == ["model.json", "model.pth"]  # and no half of it


def test_a_date_that_is_missing_is_named_once(saved: Saved) -> None:
    saved.table.write_text(RAW.replace("when", "then"), encoding="utf-8")
    with pytest.raises(InputError, match=r"column 'when' is missing; .*then") as refusal:
        predicted(saved)
    assert len(refusal.value.problems) == 1


def test_a_model_of_an_older_format_asks_for_its_own_relight(saved: Saved) -> None:
    known = saved.models / "model.json"
    known.write_text(known.read_text(encoding="utf-8").replace('"format": 3', '"format": 2'), encoding="utf-8")
    with pytest.raises(InputError, match=r"must be of format 3, got 2: Relight 0.1 wrote it; use that version"):
        predicted(saved)


def test_the_answers_are_not_written_into_the_table(saved: Saved, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/1.csv").write_text(RAW, encoding="utf-8")
    with pytest.raises(InputError, match="is the table itself, or in it"):
        predict(tmp_path / "folder", models=saved.models, output=tmp_path / "folder/out.csv")
    with pytest.raises(InputError, match="is the table itself, or in it"):
        predict(saved.table, models=saved.models, output=saved.table)


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1", '=HYPERLINK("http://x","y")']
NO_FORMULAS = ["-1.5", "+7", "-.5e-3", "a=1", "", " =1", "'=1", "2024-01-01"]


def test_a_spreadsheet_runs_no_text_of_the_table() -> None:
    frame = pl.DataFrame(
        {"=a": FORMULAS, "b": NO_FORMULAS, "c": [-1.0] * 8, "d": pl.Series(["=1"] * 8, dtype=pl.Enum(["=1"]))}
    )
    escaped = without_formulas(frame)
    assert escaped.to_dict(as_series=False) == {
        "'=a": [f"'{text}" for text in FORMULAS],
        "b": NO_FORMULAS,
        "c": [-1.0] * 8,
        "d": ["'=1"] * 8,
    }


def test_formulas_are_escaped_on_request_only(saved: Saved) -> None:
    table, output = saved.models / "formulas.csv", saved.models / "out.csv"
    pl.read_csv(saved.table).head(2).with_columns(note=pl.lit("=1+1")).write_csv(table)
    for escape, note in ((False, "=1+1"), (True, "'=1+1")):
        predict(table, models=saved.models, output=output, keep=["note"], escape_formulas=escape)
        assert pl.read_csv(output)["note"].to_list() == [note] * 2
