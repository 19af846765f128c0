"""Forecasts from end to end: with the real `dvc`, by bytes, and with bad inputs."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from relight.data.tensors import read_tensors
from relight.errors import InputError
from relight.model.build import build_model
from relight.model.inference import predict_outputs
from relight.model.networks.autoregression import Autoregression
from relight.model.networks.forecaster import Forecaster
from relight.model.params import MlpParams, ModelName, ModelParams
from relight.model.saved_model import Description
from relight.model.series import build_windows, window_spread
from relight.model.weights import load_weights
from relight.predict.predict import predict as predict_rows
from relight.runtime.files import read_model
from relight.split.params import SplitParams
from relight.split.split import split
from relight.train.params import EarlyStoppingParams, OptimizerParams, TrainParams
from tests.in_process import PARTS, prepared_and_split, trained
from tests.repositories import Repository, run_recipe

pytestmark = pytest.mark.xdist_group("forecast")  # one worker: what the fixture makes is dear

ADAMW = OptimizerParams(name="adamw", learning_rate=0.001, weight_decay=0.01, momentum=0.0)

MODEL = ModelParams(name="mlp", numeric="standardize", mlp=MlpParams(n_blocks=1, d_block=16, dropout=0.1))
TRAIN = TrainParams(
    seed=1, epochs=3, batch_size=64, loss="auto", optimizer=ADAMW, early_stopping=EarlyStoppingParams(patience=9),
    device="cpu", threads=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def co2(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The recipe. It is only read."""
    return run_recipe(tmp_path_factory.mktemp("co2"), "co2_weekly")


def test_it_is_better_than_every_method_that_others_tried(co2: Repository) -> None:
    """LightGBM on lags 0.2879, convolutions 0.2939, linear autoregression 0.3025 on the same test weeks."""
    metrics = json.loads((co2.root / "reports/metrics.json").read_text())
    assert metrics["test"]["mae"] < 0.2879
    assert metrics["baseline"]["test"]["mae"] == pytest.approx(0.404595, abs=1e-5)  # as others measured it
    assert metrics["references"]["seasonal_naive"]["test"]["mae"] == pytest.approx(1.65033, abs=1e-4)
    assert 0.7 < metrics["test"]["coverage_80"] < 0.9
    low, high = metrics["intervals"]["test"]["mae"]
    assert 0.8 * metrics["test"]["mae"] < low < metrics["test"]["mae"] < high < 1.2 * metrics["test"]["mae"]
    assert {path.stem for path in (co2.root / "reports/plots").glob("*.png")} == {"forecasts", "loss", "score"}
    page = (co2.root / "reports/report.html").read_text(encoding="utf-8")
    assert "auto chose mlp for a forecast, next to a linear autoregression and small models" in page
    assert "104 steps of the past, 1 ahead; year by the calendar" in page
    assert all(words in page for words in ("95 % interval", "coverage_80 → 0.8"))
    assert all(words in page for words in ("orders the steps, 1 week apart", "is predicted; mean 3"))


def test_predict_goes_on_from_the_last_rows(co2: Repository) -> None:
    """The next week of all rows but the last is what evaluate said of the last."""
    table = pl.read_csv(co2.root / "data/raw/co2_weekly.csv")
    table.head(-1).write_csv(co2.root / "new.csv")
    code, said = co2.relight("predict", "new.csv", "-o", "next.csv")
    assert (code, said) == (
        0,
        "next.csv: 1 prediction of co2, 1 for each series; low to high holds 80% of what comes\n",
    )
    (line,) = pl.read_csv(co2.root / "next.csv").to_dicts()
    known = pl.read_csv(co2.root / "reports/evaluate/predictions.csv").tail(1).to_dicts()[0]
    assert line["date"] == known["time"] == "2001-12-29"
    for name in ("prediction", "low", "high"):
        assert line[name] == pytest.approx(known[name], abs=1e-3)


def test_rows_at_other_steps_than_those_of_the_training_are_refused(co2: Repository) -> None:
    days = pl.DataFrame({"date": [f"2001-01-{day:02}" for day in range(1, 29)], "co2": 370.0})
    days.write_csv(co2.root / "days.csv")
    code, said = co2.relight("predict", "days.csv", "-o", "never.csv")
    assert code == 2
    assert "error: days.csv: column 'date' must have steps of 1 week, as in training, got 1 day" in said
    assert not (co2.root / "never.csv").exists()


def test_check_says_what_the_pipeline_will_do_and_export_answers_as_the_model(co2: Repository) -> None:
    code, said = co2.relight("check")
    assert code == 0, said
    assert "target co2: forecast, loss l1" in said
    assert "note: Windows: 1318 train, 365 validation, 457 test; no window's target reaches into another part." in said
    code, said = co2.relight("export", "--format", "onnx")
    assert code == 0, said
    assert "windows as the model does; the largest difference is" in said


def two_shops(n_days: int = 400) -> pl.DataFrame:
    """Two series with a week in them, a covariate that is known ahead, and one that is not."""
    generator = np.random.default_rng(0)
    days = np.arange(n_days)
    frames = []
    for place, name in enumerate(("north", "south")):
        holiday = (generator.random(n_days) < 0.1).astype(float)
        visits = 50 + 10 * np.sin(2 * np.pi * days / 7 + place) + generator.normal(size=n_days)
        sales = 100 * (place + 1) + visits + 20 * holiday + generator.normal(size=n_days)
        date = pl.date_range(pl.date(2023, 1, 1), pl.date(2023, 1, 1) + pl.duration(days=n_days - 1), eager=True)
        frames.append(pl.DataFrame({"date": date, "shop": name, "sales": sales, "holiday": holiday, "visits": visits}))
    return pl.concat(frames).sample(fraction=1, shuffle=True, seed=1)


def run(
    folder: Path,
    table: pl.DataFrame,
    name: ModelName = "mlp",
    epochs: int = 3,
    horizon: int = 3,
    known: Sequence[str] = ("holiday",),
) -> list[bytes]:
    """Up to the train stage, in one process; the bytes of what it made."""
    folder.mkdir(exist_ok=True)
    table.write_csv(folder / "table.csv")
    sequence = {"time": "date", "series": "shop", "length": 28, "horizon": horizon, "known": list(known)}
    prepared_and_split(folder, {"target": "sales", "task": "forecast", "sequence": sequence})
    return trained(folder, MODEL.model_copy(update={"name": name}), TRAIN.model_copy(update={"epochs": epochs}))


@pytest.mark.parametrize(
    "name", ["mlp", "dlinear", "convolution", "rnn", "lstm", "gru", "decoder", "patch_transformer"]
)
def test_each_network_trains_on_several_series_to_the_same_bytes_twice(name: ModelName, tmp_path: Path) -> None:
    assert run(tmp_path / "one", two_shops(120), name, 1) == run(tmp_path / "other", two_shops(120), name, 1)
    weights = torch.load(tmp_path / "one/model.pth", weights_only=True)
    assert all(bool(value.isfinite().all()) for value in weights.values())
    assert bool((weights["network.gate"] != 0).any())  # the network has its part


def test_what_comes_after_the_train_and_validation_days_changes_nothing_of_the_training(tmp_path: Path) -> None:
    table = two_shops()
    days = table["date"].unique().sort()
    first_test = days[round(0.8 * len(days))]
    other = table.with_columns(
        pl.when(pl.col("date") >= first_test).then(pl.col(name) * 3 + 7).otherwise(pl.col(name)).alias(name)
        for name in ("sales", "holiday", "visits")
    )
    assert run(tmp_path / "one", table) == run(tmp_path / "other", other)


def test_what_comes_after_the_train_days_changes_no_number_that_the_model_starts_from(tmp_path: Path) -> None:
    table = two_shops()
    days = table["date"].unique().sort()
    first = days[round(0.6 * len(days))]
    other = table.with_columns(pl.when(pl.col("date") >= first).then(pl.col("sales") + 500).otherwise("sales"))
    for folder, rows in (("one", table), ("other", other)):
        run(tmp_path / folder, rows, epochs=1)
    for file in ("features", "train"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda table: pl.concat([table, table.head(1)]),
            "prepare.sequence.time: 'date' must hold each time once in its series, got ",
        ),
        (
            lambda table: table.with_columns(
                pl.when(pl.int_range(pl.len()) == 5)
                .then(pl.col("date").cast(pl.Datetime("us")) + pl.duration(hours=5))
                .otherwise(pl.col("date").cast(pl.Datetime("us")))
                .alias("date")
            ),
            "prepare.sequence.time: 'date' must have one frequency, got most times 1 day apart and '",
        ),
        (
            lambda table: table.filter(pl.col("date") < pl.date(2023, 1, 30)),
            "split: part train must hold a window, got 34 rows; a window needs 28 of the past and 3 to predict",
        ),
        (
            lambda table: table.with_columns(pl.lit("much").alias("sales")),
            "table.csv: column 'sales' ",
        ),
        (
            lambda table: table.drop("holiday"),
            "prepare.sequence.known: holiday: 'holiday' is not a column",
        ),
    ],
)
def test_bad_series_are_named(spoil, says: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as caught:
        run(tmp_path, spoil(two_shops(60) if "window" not in says else two_shops(120)))
    assert says in "\n".join(caught.value.problems)


def test_intervals_are_settled_before_the_line_has_seen_the_validation_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "whole", two_shops(120))
    monkeypatch.setattr(Autoregression, "refit", lambda *_, **__: None)
    run(tmp_path / "before", two_shops(120))
    whole, before = (torch.load(tmp_path / name / "model.pth", weights_only=True) for name in ("whole", "before"))
    assert not torch.equal(whole["network.autoregression.weight"], before["network.autoregression.weight"])
    assert all(torch.equal(whole[name], before[name]) for name in ("low", "high"))
    known = read_model(tmp_path / "before/model.json", Description)
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=1)
    load_weights(tmp_path / "before/model.pth", model)
    assert known.features.series is not None
    windows = build_windows(read_tensors(tmp_path / "before/validation"), known.features.series)
    assert isinstance(model, Forecaster)
    errors = (windows.target - predict_outputs(model, windows.inputs)) / window_spread(model, windows)
    ordered = errors.sort(dim=0).values
    assert len(ordered) == 44  # 24 days of two shops
    assert bool((before["high"] >= ordered[40] - 1e-6).all())  # the 41st: ceil(45 * 0.9); train windows may widen it
    assert bool((before["low"] <= ordered[3] + 1e-6).all())
    assert bool(torch.isclose(before["high"], ordered[40]).any())


def test_without_validation_days_nothing_is_said_of_intervals(tmp_path: Path) -> None:
    run(tmp_path, two_shops(120), epochs=1, known=())
    shares = {"method": "auto", "column": None, "train": 0.8, "validation": 0.0, "test": 0.2, "seed": 0}
    outs = {name: tmp_path / name for name in PARTS}
    split(SplitParams.model_validate(shares), table=tmp_path / "rows", schema=tmp_path / "schema.json", **outs)
    trained(tmp_path, MODEL, TRAIN.model_copy(update={"early_stopping": None, "epochs": 1}))
    said = predict_rows(tmp_path / "table.csv", models=tmp_path, output=tmp_path / "said.csv")
    assert said == f"{tmp_path}/said.csv: 6 predictions of sales, 3 for each series\n"
    assert pl.read_csv(tmp_path / "said.csv").columns == ["shop", "date", "prediction"]


@pytest.mark.parametrize("method", ["random", "stratified", "group"])
def test_parts_that_are_not_by_time_are_refused(method: str, tmp_path: Path) -> None:
    run(tmp_path, two_shops(120), epochs=1)
    column = "shop" if method == "group" else None
    shares = SplitParams.model_validate(
        {"method": method, "column": column, "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 0}
    )
    outs = {name: tmp_path / name for name in PARTS}
    with pytest.raises(InputError, match=r"split\.method: must be auto, ordered or column for a forecast"):
        split(shares, table=tmp_path / "rows", schema=tmp_path / "schema.json", **outs)
