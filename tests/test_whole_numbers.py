"""Codes that one program writes as `1` and another, because of a gap, as `1.0`: one level, from training to predict."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from relight.data.features import CategoricalFeature, InputFeatures
from relight.data.schema import SequenceParams
from relight.model.params import ModelParams
from relight.predict.predict import predict
from relight.prepare.params import PrepareParams
from relight.prepare.sequences import clean_sequences
from relight.split.columns import split_column_of
from relight.split.encoding import encode
from relight.split.params import SplitParams
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained

SALES = {"1": 10.0, "2": 20.0, "3": 30.0, "4": 40.0}
OPTIMIZER = {"name": "adamw", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.0}
TRAINING = {
    "seed": 1, "epochs": 60, "seeds": 1, "batch_size": 8, "loss": "auto", "optimizer": OPTIMIZER,
    "early_stopping": None, "device": "cpu", "threads": 1,
}  # fmt: skip


def sales_of(stores: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"store": stores, "sales": [SALES[re.sub(r"\.0$", "", store)] for store in stores]})


def trained_on(folder: Path, *parts: list[str]) -> Path:
    """Train on a folder of files, a file for each list of stores."""
    (folder / "months").mkdir(parents=True)
    for k, stores in enumerate(parts):
        sales_of(stores).write_csv(folder / f"months/{k}.csv")
    asked = {"source": "months", "target": "sales", "task": "regression", "columns": {"store": "categorical"}}
    prepared_and_split(folder, asked)
    linear = {"name": "linear", "numeric": "standardize"}
    trained(folder, ModelParams.model_validate(linear), TrainParams.model_validate(TRAINING))
    return folder


def predictions_for(folder: Path, stores: list[str]) -> tuple[str, list[float]]:
    (folder / "new.csv").write_text("store,n\n" + "".join(f"{store},0\n" for store in stores))
    said = predict(folder / "new.csv", models=folder, output=folder / "out.csv")
    return said, pl.read_csv(folder / "out.csv")["prediction"].to_list()


def test_a_gap_in_one_month_changes_nothing(tmp_path: Path) -> None:
    whole, floats = ["1", "2", "3", "4"] * 10, ["1.0", "2.0", "3.0", "4.0"] * 10
    plain = trained_on(tmp_path / "plain", whole, whole)
    mixed = trained_on(tmp_path / "mixed", whole, floats)
    for name in ("rows", "schema.json", "features", "train", "model.pth", "model.json"):
        assert (mixed / name).read_bytes() == (plain / name).read_bytes(), name
    said, known = predictions_for(mixed, ["1", "2", "3", "4"])
    assert known == pytest.approx([10, 20, 30, 40], abs=3)
    assert "unknown" not in said
    assert predictions_for(mixed, ["1.0", "2.0", "3.0", "4.0"])[1] == known
    said, with_gap = predictions_for(mixed, ["1.0", "2.0", "", "4.0"])
    assert [with_gap[k] for k in (0, 1, 3)] == [known[k] for k in (0, 1, 3)]
    assert "1 categories were missing or unknown" in said
    assert "'store'" not in said
    said, _ = predictions_for(mixed, ["one", "two", "3"])
    assert "2 of 3 values of 'store' are unknown, such as 'one' (the train rows have 1, 2, 3 and 1 more)" in said


def test_levels_of_an_older_model_are_found_however_they_are_written() -> None:
    older = InputFeatures(numeric=[], categorical=[CategoricalFeature(name="c", levels=["1.0", "2.0", "x"])])
    mixed = InputFeatures(numeric=[], categorical=[CategoricalFeature(name="c", levels=["1", "1.0", "2"])])
    table = pl.DataFrame({"c": ["1", "2", "x", None, "3"]})
    assert encode(table, older).categories.T.tolist() == [[1, 2, 3, 0, 0]]
    assert encode(table, mixed).categories.T.tolist() == [[1, 3, 0, 0, 0]]  # of two codes the first
    assert encode(table, older).categories.dtype == np.int32


def test_a_sequence_is_one_however_its_number_is_written() -> None:
    steps = pl.DataFrame(
        {"who": ["1", "1.0", "2.0", "2"], "t": [1, 0, 0, 1], "x": [1.5, 2.5, 3.5, 4.5], "y": ["a", "a", "b", "b"]}
    )
    params = PrepareParams(
        source="t.csv", target="y", task="auto", ignore=[], sequence=SequenceParams(id="who", time="t")
    )
    clean = clean_sequences(steps, params)
    assert clean.rows["who"].to_list() == ["1", "1", "2", "2"]
    assert clean.rows["x"].to_list() == [2.5, 1.5, 3.5, 4.5]


def test_a_group_is_one_however_its_number_is_written() -> None:
    params = SplitParams(method="group", column="g", train=0.6, validation=0.2, test=0.2, seed=0)
    table = pl.DataFrame({"g": ["1", "1.0", "2", "x"]})
    assert split_column_of(table, params).to_list() == ["1", "1", "2", "x"]
