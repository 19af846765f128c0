"""The index of a data frame in a file: left out of the features with a note, and never asked for by predict."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from relight.data.index_columns import with_index_name
from relight.data.schema import SequenceParams
from relight.errors import InputError
from relight.model.params import ModelParams
from relight.predict.predict import predict
from relight.prepare.frames import as_frame
from relight.prepare.params import PrepareParams
from relight.prepare.plain.tables import read_plain
from relight.prepare.series import regularize_series
from relight.prepare.table import CleanTable, clean_table
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained

OPTIMIZER = {"name": "adamw", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.0}
TRAINING = {
    "seed": 1, "epochs": 3, "seeds": 1, "batch_size": 8, "loss": "auto", "optimizer": OPTIMIZER,
    "early_stopping": None, "device": "cpu", "threads": 1,
}  # fmt: skip
FRAME = pd.DataFrame({"x": [k % 7 + 0.5 for k in range(40)], "y": [float(k % 5) + 0.25 for k in range(40)]})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_parquet(frame: pd.DataFrame, path: str) -> None:
    """Write a frame with the columns that pandas makes of an index without names; pandas itself needs pyarrow."""
    levels = {f"__index_level_{k}__": frame.index.get_level_values(k).to_list() for k in range(frame.index.nlevels)}
    pl.DataFrame({**frame.to_dict("list"), **levels}).write_parquet(path)


def cleaned(source: str, **asked: Any) -> CleanTable:
    params = PrepareParams.model_validate({"source": source, "target": "y", "task": "auto", "ignore": [], **asked})
    return clean_table(read_plain(params, Path(source)).rows, params)


def kinds(clean: CleanTable) -> dict[str, str]:
    return {column.name: column.kind for column in clean.schema.columns}


INDEXED = {
    "as pandas counts": FRAME,
    "from 1": FRAME.set_index(pd.RangeIndex(1, 41)),
    "filtered": FRAME.set_index(pd.Index(range(0, 120, 3))),
    "shuffled": FRAME.sample(frac=1, random_state=0),
    "put together of parts that start anew": pd.concat([FRAME.head(15), FRAME.head(25)]),
}


@pytest.mark.parametrize("name", INDEXED)
def test_an_index_without_a_name_is_no_feature(name: str) -> None:
    INDEXED[name].to_csv("t.csv")
    clean = cleaned("t.csv")
    assert kinds(clean) == {"Unnamed: 0": "ignored", "x": "numeric"}
    assert clean.schema.notes[0].startswith("Column 'Unnamed: 0' has no name and numbers the rows, and is left out;")
    assert clean.rows["x"].to_list() == INDEXED[name]["x"].to_list()


def test_an_index_that_was_written_twice_is_none_either() -> None:
    FRAME.to_csv("once.csv")
    pd.read_csv("once.csv").to_csv("twice.csv")
    assert Path("twice.csv").read_text().startswith(",Unnamed: 0,x,y\n")
    assert kinds(cleaned("twice.csv")) == {"Unnamed: 0.1": "ignored", "Unnamed: 0": "ignored", "x": "numeric"}
    pd.read_csv("once.csv").to_csv("no_index.csv", index=False)
    assert kinds(cleaned("no_index.csv")) == {"Unnamed: 0": "ignored", "x": "numeric"}


def test_what_pandas_and_polars_write_into_parquet_is_left_out_as_well() -> None:
    write_parquet(FRAME.sample(frac=1, random_state=0), "pandas.parquet")
    clean = cleaned("pandas.parquet")
    assert kinds(clean) == {"x": "numeric", "__index_level_0__": "ignored"}
    assert "Column '__index_level_0__' is the index of a pandas frame, and is left out" in clean.schema.notes[0]
    write_parquet(FRAME.set_index([["a", "b"] * 20, [*range(40)]]), "levels.parquet")
    assert kinds(cleaned("levels.parquet")) == {
        "x": "numeric", "__index_level_0__": "ignored", "__index_level_1__": "ignored",
    }  # fmt: skip
    pl.read_csv(io.BytesIO(FRAME.to_csv().encode())).write_parquet("polars.parquet")
    assert pl.read_parquet_schema("polars.parquet").names()[0] == ""
    assert kinds(cleaned("polars.parquet")) == {"Unnamed: 0": "ignored", "x": "numeric"}


def test_a_nameless_column_that_is_no_index_stays_with_a_note() -> None:
    for values in ([1.5, 2.5] * 20, [0, 1, 1, 0] * 10, [0, 0, 0, 1] * 10, ["red", "blue"] * 20, [0, None] * 20):
        FRAME.assign(z=values).set_index("z").rename_axis(None).to_csv("t.csv")
        clean = cleaned("t.csv")
        assert kinds(clean)["Unnamed: 0"] != "ignored", values[:4]
        assert clean.schema.notes[0] == "Column 'Unnamed: 0' has no name of its own; give it one in the file."


def test_the_params_decide() -> None:
    FRAME.to_csv("t.csv")
    assert kinds(cleaned("t.csv", columns={"Unnamed: 0": "numeric"}))["Unnamed: 0"] == "numeric"
    assert kinds(cleaned("t.csv", ignore=["Unnamed: 0"]))["Unnamed: 0"] == "ignored"
    assert cleaned("t.csv", ignore=["Unnamed: 0"]).schema.notes == []


def test_only_the_first_of_several_columns_may_have_no_name() -> None:
    Path("second.csv").write_text("x,,y\n1,2,3\n")
    with pytest.raises(InputError, match="column 2 has no name"):
        cleaned("second.csv")
    assert with_index_name([""]) == [""]
    assert with_index_name(["", "Unnamed: 0", "Unnamed: 0.1"])[0] == "Unnamed: 0.2"
    with pytest.raises(InputError, match="names of columns must be texts, got 0"):
        as_frame(pd.DataFrame({0: [1, 2], "y": [1, 2]}))


def test_a_forecast_does_not_read_the_index() -> None:
    days = pd.DataFrame(
        {"day": pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d"), "y": [k % 7 for k in range(60)]}
    )
    days.to_csv("t.csv")
    order = SequenceParams(time="day", horizon=2, length=7)
    params = PrepareParams(source="t.csv", target="y", task="forecast", ignore=[], sequence=order)
    clean = regularize_series(read_plain(params, Path("t.csv")).rows, params)
    assert "Unnamed: 0" not in [column.name for column in clean.schema.features]
    assert any("'Unnamed: 0' has no name and numbers the rows" in note for note in clean.schema.notes)


def test_new_rows_come_with_and_without_an_index(tmp_path: Path) -> None:
    FRAME.to_csv("table.csv")
    prepared_and_split(tmp_path, {"source": "table.csv", "target": "y", "task": "auto"})
    model = ModelParams.model_validate({"name": "linear", "numeric": "standardize"})
    trained(tmp_path, model, TrainParams.model_validate(TRAINING))
    new = FRAME[["x"]].iloc[[5, 3, 3]]
    new.to_csv("with.csv")
    new.to_csv("without.csv", index=False)
    write_parquet(new, "with.parquet")
    written = []
    for name in ("with.csv", "without.csv", "with.parquet"):
        predict(Path(name), models=tmp_path, output=Path(f"{name}.out.csv"))
        written.append(Path(f"{name}.out.csv").read_bytes())
    assert written[0] == written[1] == written[2]
