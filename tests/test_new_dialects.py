"""A model of a table in one custom predicts new rows in any other one, alike; what was found is in schema.json."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from relight import load
from relight.errors import InputError
from relight.model.params import ModelParams
from relight.predict.predict import predict
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained

DRAW = np.random.default_rng(4)
PRICE, SHARE, SIZE = DRAW.integers(500, 90_000, 120) / 4, DRAW.integers(0, 1000, 120) / 10, DRAW.integers(20, 200, 120)
RENT = 0.01 * PRICE + 2 * SHARE + SIZE
CITY = np.array(["Köln", "NA", "Zürich"])[DRAW.integers(0, 3, 120)]
TRAINING = {
    "seed": 1, "epochs": 3, "seeds": 1, "batch_size": 16, "loss": "auto", "early_stopping": None, "device": "cpu",
    "threads": 1, "optimizer": {"name": "adamw", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.0},
}  # fmt: skip


def european(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def euro_table(with_rent: bool) -> str:
    """As a spreadsheet in Germany writes it: semicolons, decimal commas, a title, a unit, a mark for gaps."""
    rows = [
        [f"€ {european(p)}" if k % 7 else "-", f"{european(s)}%", str(a), c, european(r)]
        for k, (p, s, a, c, r) in enumerate(zip(PRICE, SHARE, SIZE, CITY, RENT, strict=True))
    ]
    names = ["Preis €", "Anteil", "Größe", "Stadt", "Miete"]
    end = 5 if with_rent else 4
    return "".join(f"{';'.join(row[:end])}\r\n" for row in [["Mieten 2024"], [], names, *rows])


def frame() -> pl.DataFrame:
    gaps = pl.Series([k % 7 == 0 for k in range(120)])
    price = pl.Series(PRICE).set(gaps, None)
    return pl.DataFrame({"Preis €": price, "Anteil": SHARE, "Größe": SIZE, "Stadt": CITY})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rents")
    (folder / "t.csv").write_bytes(euro_table(with_rent=True).encode("windows-1252"))
    prepared_and_split(folder, {"source": "t.csv", "target": "Miete", "task": "auto", "csv": {"missing": [""]}})
    linear = {"name": "linear", "numeric": "standardize"}
    trained(folder, ModelParams.model_validate(linear), TrainParams.model_validate(TRAINING))
    return folder


def test_what_was_found_is_written_down(model: Path) -> None:
    found = json.loads((model / "schema.json").read_text(encoding="utf-8"))["text_format"]
    assert (found["separator"], found["encoding"], found["header"], found["decimal"]) == (";", "windows-1252", 3, ",")
    assert found["left_out"] == ["2 lines in front of the names"]
    assert found["numbers"]["Preis €"] == {"decimal": ",", "thousands": ".", "unit": "€", "missing": ["-"]}
    assert found["numbers"]["Anteil"] == {"decimal": ",", "thousands": "", "unit": "%", "missing": []}
    assert json.loads((model / "model.json").read_text(encoding="utf-8"))["features"]["text_format"] == found


def test_new_rows_in_any_custom_have_the_same_predictions(model: Path, tmp_path: Path) -> None:
    wanted = load(model).predict(frame())["prediction"]
    pandas = pd.DataFrame(frame().to_dict(as_series=False))
    tables: dict[str, bytes] = {
        "same.csv": euro_table(with_rent=False).encode("windows-1252"),
        "excel.csv": euro_table(with_rent=False).encode("utf-16"),
        "usual.csv": frame().write_csv().encode(),
        "pandas.tsv": pandas.to_csv(sep="\t").encode("utf-8-sig"),
    }
    for name, content in tables.items():
        (tmp_path / name).write_bytes(content)
    frame().write_parquet(tmp_path / "typed.parquet")
    for name in (*tables, "typed.parquet"):
        predict(tmp_path / name, models=model, output=tmp_path / "out.csv")
        np.testing.assert_allclose(pl.read_csv(tmp_path / "out.csv")["prediction"], wanted, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(load(model).predict(pandas)["prediction"], wanted, rtol=1e-6)


def test_kept_columns_come_as_they_are_written(model: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_bytes(euro_table(with_rent=False).encode("windows-1252"))
    predict(tmp_path / "new.csv", models=model, output=tmp_path / "out.csv", keep=["Preis €", "Stadt"])
    said = pl.read_csv(tmp_path / "out.csv", infer_schema=False)
    assert said["Preis €"].to_list()[:2] == ["-", f"€ {european(PRICE[1])}"]
    assert said["Stadt"].to_list() == CITY.tolist()


def test_a_unit_that_training_had_not_is_told(model: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("Preis €;Anteil;Größe;Stadt\n$5;1%;3;Köln\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"column 'Preis €' row 1 must be a number, got '\$5'"):
        predict(tmp_path / "new.csv", models=model, output=tmp_path / "out.csv")
