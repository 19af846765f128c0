"""Categories next to series, from a table to answers."""

import json
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest

from relight.data.tensors import read_tensors
from relight.export.export import export
from relight.model.build import build_model
from relight.model.inference import predict_outputs
from relight.model.saved_model import Description
from relight.model.series import build_windows
from relight.model.weights import load_weights
from relight.plot.content import describe_series_columns
from relight.predict.predict import predict as predict_rows
from relight.runtime.files import read_model
from tests.in_process import prepared_and_split, trained
from tests.test_forecast import MODEL, TRAIN

N_DAYS, HORIZON = 400, 2


def days() -> pl.DataFrame:
    """Noise with a deviation of 1, and 10 more on a tenth of the days."""
    generator = np.random.default_rng(0)
    is_promotion = generator.random(N_DAYS) < 0.1
    return pl.DataFrame(
        {
            "date": pl.date_range(pl.date(2023, 1, 1), pl.date(2024, 2, 4), eager=True),
            "day": pl.Series(np.where(is_promotion, "promotion", "")).replace("", None),
            "sales": 100 + 10 * is_promotion + generator.normal(size=N_DAYS),
        }
    )


def run(folder: Path, table: pl.DataFrame, *, epochs: int = 20, known: bool = True) -> list[bytes]:
    folder.mkdir(exist_ok=True)
    table.write_csv(folder / "table.csv")
    sequence = {"time": "date", "length": 28, "horizon": HORIZON, "known": ["day"] if known else []}
    prepared_and_split(folder, {"target": "sales", "task": "forecast", "sequence": sequence})
    return trained(folder, MODEL, TRAIN.model_copy(update={"epochs": epochs}))


def error_of_test_days(folder: Path) -> float:
    known = read_model(folder / "model.json", Description)
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=1)
    load_weights(folder / "model.pth", model)
    assert known.features.series is not None
    windows = build_windows(read_tensors(folder / "test"), known.features.series)
    return float((predict_outputs(model, windows.inputs) - windows.target).abs().mean())


@pytest.fixture(scope="module")
def promotions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("promotions")
    run(folder, days())
    return folder


def test_a_day_that_adds_ten_is_learned_where_it_is_known_ahead(promotions: Path, tmp_path: Path) -> None:
    run(tmp_path, days(), known=False)
    assert error_of_test_days(promotions) < 1.1  # the mean size of the noise is 0.8
    assert error_of_test_days(tmp_path) > 1.5


def coming(folder: Path, *names: str | None) -> list[float]:
    """Return the predictions of the next two days, which have these names."""
    table = days().with_columns(sales=pl.when(pl.int_range(pl.len()) < N_DAYS - HORIZON).then("sales"))
    last = pl.Series("day", [*table["day"].to_list()[:-HORIZON], *names])
    table.with_columns(last).write_csv(folder / "new.csv")
    predict_rows(folder / "new.csv", models=folder, output=folder / "said.csv")
    return pl.read_csv(folder / "said.csv")["prediction"].to_list()


def test_a_name_that_was_never_seen_is_as_none(promotions: Path) -> None:
    plain = coming(promotions, None, None)
    assert coming(promotions, "strike", "strike") == plain
    promoted = coming(promotions, "promotion", None)
    assert promoted[0] - plain[0] == pytest.approx(10, abs=1)
    assert promoted[1] == pytest.approx(plain[1], abs=1)


def test_names_of_the_other_parts_change_nothing_of_the_training(tmp_path: Path) -> None:
    later = pl.int_range(pl.len()) >= round(0.8 * N_DAYS)
    other = days().with_columns(day=pl.when(later).then(pl.lit("strike")).otherwise("day"))
    assert run(tmp_path / "one", days(), epochs=1) == run(tmp_path / "other", other, epochs=1)


def test_an_exported_file_answers_as_the_model_does_and_names_the_levels(promotions: Path) -> None:
    place = promotions / "model.onnx"
    said = export(
        "onnx", models=promotions, output=place, prepared=promotions / "rows", validation=promotions / "validation"
    )
    assert "windows as the model does" in said
    facts = {prop.key: prop.value for prop in onnx.load(place).metadata_props}
    assert json.loads(facts["past"]) == ["sales", "day=promotion"]
    assert json.loads(facts["known"]) == ["day=promotion"]
    assert json.loads(facts["levels"]) == {"day=promotion": {"column": "day", "level": "promotion"}}


def test_the_page_names_time_and_target_and_what_is_known(promotions: Path) -> None:
    known, found = (json.loads((promotions / name).read_text()) for name in ("model.json", "schema.json"))
    time, target, day = describe_series_columns(known["features"], found)
    assert time == {"name": "date", "kind": "datetime", "says": "orders the steps, 1 day apart"}
    assert (target["name"], target["says"][:22]) == ("sales", "is predicted; mean 101")
    assert day == {"name": "day", "kind": "categorical", "says": "1 level: promotion; known ahead"}
