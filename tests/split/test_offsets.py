"""Columns whose different values float32 would make one: whole numbers are compared as Python's, which never round."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from relight.data.features import Features, InputFeatures, NumericInput
from relight.data.parquet import read_some_rows
from relight.data.schema import Column, Schema
from relight.data.tensors import read_tensors
from relight.evaluate.reference_models import DesignMatrix
from relight.model.checks import columns_to_keep
from relight.runtime.files import read_json, read_model, write_json
from relight.split import offsets
from relight.split.assignment import PARTS, TRAIN
from relight.split.description import describe_features
from relight.split.encoding import encode
from relight.split.offsets import find_offset, merged_notes, merged_series_notes, sample_train_rows, with_offsets
from relight.split.params import SplitParams
from relight.split.report import report_split
from relight.split.split import split
from tests.feature_tables import two_classes

DRAW = np.random.default_rng(0)
CALENDAR = [int(f"{datetime(2020, 1, 1) + timedelta(days=day):%Y%m%d}") for day in range(1500)]
N = 500
NEED_ONE = {
    "unix seconds": 1_748_000_000 + DRAW.integers(0, 7200, N),
    "unix milliseconds": 1_748_000_000_000 + DRAW.integers(0, 7_200_000, N),
    "unix nanoseconds": 1_748_000_000_000_000_000 + DRAW.integers(0, 10**7, N),
    "days": np.array(CALENDAR),
    "two days": np.array([20240104, 20240105] * 50),
    "ids in a row": 20_000_001 + np.arange(N),
    "snowflakes": 740_245_381_351_497_681 + 7 * DRAW.integers(0, 40, N),
    "hashes beyond int64": np.uint64(2**63 + 2**62) + DRAW.integers(0, 100, N).astype(np.uint64),
    "below zero": -1_748_000_000 - DRAW.integers(0, 7200, N),
    "a zero for never": np.append(1_748_000_000 + DRAW.integers(0, 7200, N), [0, 0]),
    "fractions": 5_400_000 + np.round(DRAW.uniform(0, 20, N), 3),
    "pressure": 101_325 + np.round(DRAW.normal(0, 0.05, N), 4),
}
NEED_NONE = {
    "drawn numbers": DRAW.normal(size=100_000),
    "drawn in a unit": DRAW.uniform(280, 310, 100_000),
    "shares": DRAW.random(50_000),
    "years": DRAW.integers(1990, 2025, N),
    "small numbers": DRAW.integers(0, 2**24, N),
    "incomes": np.round(DRAW.lognormal(11, 1.5, N)),
    "a constant": np.full(N, 20240105),
    "far apart": DRAW.integers(10**17, 10**18, N),
    "nothing": np.array([], dtype=np.float64),
}


NO_TARGET = two_classes(1)


def number(values: object) -> tuple[pl.DataFrame, InputFeatures]:
    table = pl.DataFrame({"x": values})
    return table, InputFeatures([NumericInput(name="x", column="x", kind="numeric")], [])


@pytest.mark.parametrize("name", NEED_ONE)
def test_different_values_stay_apart_and_their_differences_are_exact(name: str) -> None:
    table, inputs = number(NEED_ONE[name])
    described = with_offsets(inputs, NO_TARGET, table)
    encoded = encode(table, described).numeric[:, 0]
    assert encoded.dtype == np.float32
    assert len(np.unique(encoded)) == table["x"].n_unique()
    assert not merged_notes(described, table)
    offset = described.numeric[0].offset
    assert table["x"].cast(pl.Float64).is_in([offset]).any()
    near = (table["x"].cast(pl.Float64) - offset).abs() < 2**24
    if table["x"].dtype.is_integer():
        exact = [value - int(offset) for value in table["x"].filter(near).to_list()]
        assert encoded[near.to_numpy()].tolist() == exact
    else:
        np.testing.assert_allclose(encoded, table["x"].to_numpy() - offset, rtol=2e-7)


@pytest.mark.parametrize("name", NEED_NONE)
def test_a_column_whose_values_stay_apart_keeps_its_bytes(name: str) -> None:
    table, inputs = number(NEED_NONE[name])
    described = with_offsets(inputs, NO_TARGET, table)
    assert described.numeric == inputs.numeric
    assert "offset" not in described.numeric[0].model_dump()
    expected = table["x"].to_numpy().astype(np.float32)
    np.testing.assert_array_equal(encode(table, described).numeric[:, 0], expected)


def test_gaps_stay_gaps_and_true_and_false_have_no_offset() -> None:
    table = pl.DataFrame({"x": [20240104, None, 20240105], "b": [True, None, False]})
    inputs = InputFeatures(
        [NumericInput(name="x", column="x", kind="numeric"), NumericInput(name="b", column="b", kind="boolean")], []
    )
    described = with_offsets(inputs, NO_TARGET, table)
    assert [feature.offset for feature in described.numeric] == [20240105, 0]
    np.testing.assert_array_equal(encode(table, described).numeric, [[-1, 1], [np.nan, np.nan], [0, 0]])


def test_the_seconds_of_dates_within_an_hour_stay_apart() -> None:
    times = [datetime(2024, 5, 1, 12) + timedelta(seconds=int(second)) for second in DRAW.permutation(3000)[:400]]
    table = pl.DataFrame({"t": times})
    inputs = InputFeatures(
        [
            NumericInput(name="t.year", column="t", kind="datetime", date_part="year"),
            NumericInput(name="t.elapsed", column="t", kind="datetime", date_part="elapsed"),
        ],
        [],
    )
    described = with_offsets(inputs, NO_TARGET, table)
    encoded = encode(table, described).numeric
    assert described.numeric[0].offset == 0
    assert len(np.unique(encoded[:, 1])) == 400
    seconds = np.array([time.timestamp() for time in times])
    np.testing.assert_allclose((encoded[:, 1] - encoded[0, 1]) * 86_400.0, seconds - seconds[0], atol=0.01)


def test_values_that_become_one_in_spite_of_an_offset_are_named() -> None:
    """Two blocks of ids, each with a step of 1, 5e8 apart: an offset helps only the block that it is taken from."""
    block = np.arange(1000)
    table, inputs = number(np.concatenate([10**9 + block, 10**9 + block + 1000, 1_500_000_000 + block]))
    described = with_offsets(inputs, NO_TARGET, table)
    assert 10**9 <= described.numeric[0].offset < 10**9 + 2000
    n_single = 2000 + len({float(np.float32(1_500_000_000 + k - described.numeric[0].offset)) for k in range(1000)})
    (note,) = merged_notes(described, table)
    assert note.startswith(f"Column 'x': 3000 different values of sampled train rows are {n_single} for the model")
    assert "prepare.columns: {x: categorical}" in note


def known(n_rows: int) -> Schema:
    columns = [Column(name="time", kind="numeric"), Column(name="load", kind="numeric")]
    return Schema(
        rows=n_rows, target="y", targets=["y"], weight=None, task="regression", classes=None, columns=columns,
        generated=None, notes=[],
    )  # fmt: skip


def furnace(n_rows: int) -> pl.DataFrame:
    """A line in time and load, with an error of 0.05."""
    draw = np.random.default_rng(1)
    time, load = draw.integers(0, 7200, n_rows), np.round(draw.normal(50, 5, n_rows), 2)
    y = 0.01 * time - 0.5 * load + draw.normal(0, 0.05, n_rows)
    return pl.DataFrame({"time": 1_748_000_000.0 + time, "load": load, "y": y})


def split_of(folder: Path, table: pl.DataFrame, method: str = "ordered") -> dict[str, Path]:
    folder.mkdir()
    table.write_parquet(folder / "table", row_group_size=30_000)
    write_json(folder / "schema", known(table.height))
    outs = {name: folder / name for name in (*PARTS, "features", "report")}
    params = SplitParams(method=method, column=None, train=0.6, validation=0.2, test=0.2, seed=1)
    split(params, table=folder / "table", schema=folder / "schema", **outs)
    return outs


def test_a_linear_reference_on_the_split_finds_the_line(tmp_path: Path) -> None:
    table = furnace(500)
    outs = split_of(tmp_path / "out", table)
    features = read_model(outs["features"], Features)
    train, test = (read_tensors(outs[part]) for part in ("train", "test"))
    assert columns_to_keep(features, "standardize") == [0, 1]
    assert not [note for note in read_json(outs["report"])["notes"] if "one value" in note]
    design = DesignMatrix(train["numeric"], train["categories"])

    def rows(part: dict[str, np.ndarray]) -> np.ndarray:
        return np.column_stack([design(part["numeric"], part["categories"]), np.ones(len(part["target"]))])

    weights = np.linalg.lstsq(rows(train), train["target"].astype(np.float64), rcond=None)[0]
    error = np.sqrt(np.mean((rows(test) @ weights - test["target"]) ** 2))
    exact = np.column_stack([table["time"] - 1_748_000_000, table["load"], np.ones(500)])
    expected = np.linalg.lstsq(exact[:300], table["y"].to_numpy()[:300], rcond=None)[0]
    best = np.sqrt(np.mean((exact[400:] @ expected - table["y"].to_numpy()[400:]) ** 2))
    assert error == pytest.approx(best, rel=1e-3)
    assert error < 0.06


def test_test_rows_never_move_the_offset(tmp_path: Path) -> None:
    table = furnace(500)
    changed = table.with_columns(
        pl.when(pl.int_range(pl.len()) >= 400).then(pl.lit(5.0)).otherwise("time").alias("time")
    )
    first, second = split_of(tmp_path / "a", table), split_of(tmp_path / "b", changed)
    assert first["features"].read_bytes() == second["features"].read_bytes()
    assert first["train"].read_bytes() == second["train"].read_bytes()


def test_check_and_split_find_the_same_offset_in_a_table_of_many_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rows are all of one day."""
    monkeypatch.setattr(offsets, "MAX_ROWS_READ_WHOLE", 1000)
    table = furnace(40_000).with_columns(
        time=pl.Series([20240105.0] * 10_000 + [float(CALENDAR[k % 1500]) for k in range(30_000)])
    )
    outs = split_of(tmp_path / "out", table)
    features = read_model(outs["features"], Features)
    assert features.numeric[0].offset > 20_000_000
    parts = np.repeat([0, 1, 2], [24_000, 8_000, 8_000]).astype(np.int8)
    params = SplitParams(method="ordered", column=None, train=0.6, validation=0.2, test=0.2, seed=1)
    chunks = [table.slice(start, 7000) for start in range(0, 40_000, 7000)]
    described = describe_features(params, known(40_000), parts, chunks)
    assert described.numeric[0].offset == features.numeric[0].offset
    notes = read_json(outs["report"])["notes"]
    assert report_split(params, known(40_000), described, parts, chunks).notes == notes


def test_the_sample_of_a_large_table_is_of_train_rows_all_over_it(tmp_path: Path) -> None:
    n_rows = 300_000
    parts = np.random.default_rng(0).integers(0, 3, n_rows).astype(np.int8)
    table = pl.DataFrame({"row": np.arange(n_rows)})
    table.write_parquet(tmp_path / "table")
    sample = sample_train_rows(parts, lambda start, n: read_some_rows(tmp_path / "table", ["row"], start, n))["row"]
    rows = sample.to_numpy()
    assert (parts[rows] == TRAIN).all()
    assert (np.diff(rows) > 0).all()
    assert 4000 < len(rows) <= offsets.N_BLOCKS * offsets.BLOCK_ROWS
    assert rows.max() - rows.min() > 0.85 * n_rows


def test_an_offset_is_a_value_of_the_column() -> None:
    assert find_offset(pl.Series([20240107.0, 20240104.0, 20240105.0])) == 20240105
    assert find_offset(pl.Series([1.0, 2.0, 3.0])) == 0


def test_a_target_keeps_its_differences_and_the_statistics_are_those_of_the_differences(tmp_path: Path) -> None:
    table = furnace(500).with_columns(pl.col("y") + 3e9)
    outs = split_of(tmp_path / "out", table)
    features, train = read_model(outs["features"], Features), read_tensors(outs["train"])
    target, statistics = table["y"].to_numpy()[:300], features.target_statistics
    assert statistics is not None
    assert features.target_offset in target
    np.testing.assert_allclose(train["target"][:, 0], target - features.target_offset, rtol=1e-6)
    assert statistics.mean == pytest.approx((target - features.target_offset).mean(), rel=1e-6)
    assert statistics.std == pytest.approx(target.std(), rel=1e-6)
    assert statistics.log_mean == pytest.approx(np.log(target).mean(), rel=1e-12)


def test_a_usual_target_has_no_offset(tmp_path: Path) -> None:
    features = read_json(split_of(tmp_path / "out", furnace(500))["features"])
    assert "offset" not in features["target_statistics"]


def test_a_forecast_names_the_columns_that_it_cannot_tell_apart() -> None:
    train = pl.DataFrame({"y": [3e9 + k for k in range(512)], "x": [k / 7 for k in range(512)]})
    (note,) = merged_series_notes(train, ["y", "x"])
    assert note.startswith("Column 'y': 512 different values of sampled train rows are 3 for the forecast")


def test_a_table_without_numbers_is_split(tmp_path: Path) -> None:
    table = pl.DataFrame({"shop": ["a", "b"] * 50, "y": ["no", "yes"] * 50})
    (tmp_path / "out").mkdir()
    table.write_parquet(tmp_path / "out/table")
    columns = [Column(name="shop", kind="categorical")]
    changes = {"task": "binary", "classes": ["no", "yes"], "columns": columns}
    write_json(tmp_path / "out/schema", known(100).model_copy(update=changes))
    outs = {name: tmp_path / "out" / name for name in (*PARTS, "features", "report")}
    params = SplitParams(method="ordered", column=None, train=0.6, validation=0.2, test=0.2, seed=1)
    split(params, table=tmp_path / "out/table", schema=tmp_path / "out/schema", **outs)
    assert read_tensors(outs["train"])["numeric"].shape == (60, 0)
