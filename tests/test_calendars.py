"""Forecasts of series with all kinds of times: what is predicted stands in the form of the file, at the next times."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from relight.commands.check import check
from relight.data.parquet import read_parquet
from relight.data.tensors import read_tensors
from relight.errors import InputError
from relight.model.params import MlpParams, ModelParams
from relight.predict.predict import predict
from relight.train.params import OptimizerParams, TrainParams
from tests.in_process import prepared_and_split, trained
from tests.repositories import make_repository

ADAMW = OptimizerParams(name="adamw", learning_rate=0.001, weight_decay=0.01, momentum=0.0)
MODEL = ModelParams(name="mlp", numeric="standardize", mlp=MlpParams(n_blocks=1, d_block=4, dropout=0.0))
TRAIN = TrainParams(
    seed=1, epochs=1, batch_size=64, loss="auto", optimizer=ADAMW, early_stopping=None, device="cpu", threads=1
)  # fmt: skip


def made(folder: Path, times: Sequence[object], **asked: object) -> None:
    """A model of one series with these times, in the folder; its table is `table.csv`."""
    wave = 100 + 10 * np.sin(np.arange(len(times)) / 3)
    pl.DataFrame({"t": times, "y": wave}).write_csv(folder / "table.csv")
    sequence = {"time": "t", "length": 6, "horizon": 3}
    prepared_and_split(folder, {"target": "y", "task": "forecast", "sequence": sequence, **asked})
    trained(folder, MODEL, TRAIN)


def predicted(folder: Path, table: str = "table.csv") -> list[str]:
    """The times that are predicted, as they are written."""
    predict(folder / table, models=folder, output=folder / "said.csv")
    return pl.read_csv(folder / "said.csv", infer_schema=False)["t"].to_list()


def months(form: str) -> tuple[list[str], list[str]]:
    """60 months, in a form of strftime, and the three that follow."""
    texts = [day.strftime(form) for day in pd.date_range("2013-01-01", periods=63, freq="MS")]
    return texts[:60], texts[60:]


def quarters(form: str) -> tuple[list[str], list[str]]:
    texts = [form.format(year=1990 + n // 4, quarter=n % 4 + 1) for n in range(63)]
    return texts[:60], texts[60:]


def weeks(form: str) -> tuple[list[str], list[str]]:
    """2020 has 53 weeks."""
    texts = [day.strftime(form) for day in pd.date_range("2019-11-04", periods=63, freq="W-MON")]
    return texts[:60], texts[60:]


def unix(per_second: int) -> tuple[list[int], list[int]]:
    numbers = [(1_700_000_000 + 3600 * hour) * per_second for hour in range(63)]
    return numbers[:60], numbers[60:]


@pytest.mark.parametrize(
    ("seen", "ahead"),
    [
        months("%Y%m"), months("%Y-%m"), months("%YM%m"), months("%b %Y"), months("%m/%Y"), months("%Y/%m/%d"),
        months("%Y%m%d"), months("%d.%m.%Y"), months("%d-%b-%Y"),
        quarters("{year}Q{quarter}"), quarters("{year}-Q{quarter}"), quarters("Q{quarter} {year}"),
        quarters("{year}{quarter}"), weeks("%G-W%V"), weeks("%G W%V"), weeks("%G%V"),
        unix(1), unix(1000), unix(1_000_000),
        ([str(1901 + year) for year in range(60)], ["1961", "1962", "1963"]),
        ([f"{1949 + n // 12 + n % 12 / 12:.3f}" for n in range(60)], ["1954.0", "1954.083", "1954.167"]),
        ([f"{1949 + n // 12}.{n % 12 + 1:02}" for n in range(60)], ["1954.01", "1954.02", "1954.03"]),
    ],
)  # fmt: skip
def test_what_follows_is_written_as_the_file_is(
    seen: Sequence[object], ahead: Sequence[object], tmp_path: Path
) -> None:
    made(tmp_path, seen)
    assert predicted(tmp_path) == [str(time) for time in ahead]
    pl.read_csv(tmp_path / "table.csv", infer_schema=False).tail(6).write_csv(tmp_path / "few.csv")
    assert predicted(tmp_path, "few.csv") == [str(time) for time in ahead]


@pytest.mark.parametrize(
    ("zone", "first", "frequency"),
    [
        ("Europe/Berlin", "2024-02-10", "D"),  # to the end of March, when summer time begins
        ("Europe/Berlin", "2024-02-10", "B"),
        ("America/New_York", "2023-09-10", "D"),
        ("Europe/Berlin", "2024-10-24T14:00", "h"),  # to the hour that comes twice
        ("Asia/Kolkata", "2024-01-01", "MS"),
        ("UTC", "2024-01-01", "6h"),
    ],
)
def test_the_clock_of_the_zone_is_kept(zone: str, first: str, frequency: str, tmp_path: Path) -> None:
    times = pd.date_range(first, periods=63, freq=frequency, tz=zone)
    made(tmp_path, [time.isoformat() for time in times[:60]], zones={"t": zone})
    assert predicted(tmp_path) == [time.isoformat() for time in times[60:]]


def test_local_midnights_are_a_row_a_day_and_their_weekdays_are_those_of_the_clock(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-01", periods=120, freq="D", tz="Europe/Berlin")
    made(tmp_path / "zoned" if (tmp_path / "zoned").mkdir() is None else tmp_path, [time.isoformat() for time in times])
    (tmp_path / "naive").mkdir()
    made(tmp_path / "naive", [str(time.date()) for time in times])
    zoned, naive = (read_tensors(tmp_path / name / "train") for name in ("zoned", "naive"))
    assert set(zoned) == set(naive)
    for name in zoned:
        np.testing.assert_array_equal(zoned[name], naive[name])


def test_an_hour_that_comes_twice_needs_the_zone_and_is_then_two_steps(tmp_path: Path) -> None:
    times = pd.date_range("2024-10-25", periods=123, freq="h", tz="Europe/Berlin")
    naive = [time.strftime("%Y-%m-%d %H:%M") for time in times]
    with pytest.raises(InputError) as caught:
        made(tmp_path, naive[:120])
    assert caught.value.problems == (
        "prepare.sequence.time: 't' must hold each time once, got '2024-10-27 02:00' twice (1 row too many); the clock "
        "of Europe/Berlin shows this hour twice, when summer time ends: name the zone of the times in prepare.zones, "
        "or write them with an offset",
    )
    made(tmp_path, naive[:120], zones={"t": "Europe/Berlin"})
    stored = read_parquet(tmp_path / "rows")["t"]
    assert stored.dt.epoch("s").to_list() == [int(time.timestamp()) for time in times[:120]]
    assert predicted(tmp_path) == [time.strftime("%Y-%m-%dT%H:%M:%S") for time in times[120:]]


def test_an_hour_that_the_clock_skips_is_named(tmp_path: Path) -> None:
    times = pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin")
    naive = [time.strftime("%Y-%m-%d %H:%M") for time in times]
    made(tmp_path, naive)
    assert "skips 2024-03-31 02:00:00, which the table lacks" in (tmp_path / "schema.json").read_text()
    with pytest.raises(InputError) as caught:
        made(tmp_path, [*naive, "2025-03-30 02:30"], zones={"t": "Europe/Berlin"})
    assert caught.value.problems == (
        "table.csv: column 't' row 61 must be on the clock of Europe/Berlin (prepare.zones), which skips this hour, "
        "got '2025-03-30 02:30'; fix the time, or delete the zone if the clock has no summer time",
    )


def test_new_rows_may_have_another_offset_or_none(tmp_path: Path) -> None:
    """Rows without an offset are on the clock of the model's zone."""
    times = pd.date_range("2024-02-01", periods=60, freq="h", tz="Europe/Berlin")
    made(tmp_path, [time.isoformat() for time in times])
    new = pd.date_range("2024-02-05T01:00", periods=12, freq="h")
    for form, next_hour in (("%Y-%m-%dT%H:%M:%SZ", "2024-02-05T13:00:00Z"), ("%Y-%m-%d %H:%M", "2024-02-05T13:00:00")):
        pl.DataFrame({"t": [time.strftime(form) for time in new], "y": 100.0}).write_csv(tmp_path / "new.csv")
        assert predicted(tmp_path, "new.csv")[0] == next_hour


def test_month_starts_continue_a_model_of_month_ends(tmp_path: Path) -> None:
    made(tmp_path, [str(day.date()) for day in pd.date_range("2015-01-31", periods=60, freq="ME")])
    assert predicted(tmp_path) == ["2020-01-31", "2020-02-29", "2020-03-31"]
    starts = [str(day.date()) for day in pd.date_range("2021-01-01", periods=9, freq="MS")]
    pl.DataFrame({"t": starts, "y": 100.0}).write_csv(tmp_path / "starts.csv")
    assert predicted(tmp_path, "starts.csv") == ["2021-10-01", "2021-11-01", "2021-12-01"]


def test_each_series_goes_on_on_its_own_weekday(tmp_path: Path) -> None:
    ranges = {"a": ("2018-01-01", "W-MON"), "b": ("2018-01-07", "W-SUN")}
    days = {name: pd.date_range(start, periods=63, freq=freq) for name, (start, freq) in ranges.items()}
    rows = [(name, str(day.date()), float(n % 5)) for name, some in days.items() for n, day in enumerate(some[:60])]
    pl.DataFrame(rows, schema=["s", "t", "y"], orient="row").write_csv(tmp_path / "table.csv")
    sequence = {"time": "t", "series": "s", "length": 6, "horizon": 3}
    prepared_and_split(tmp_path, {"target": "y", "task": "forecast", "sequence": sequence})
    trained(tmp_path, MODEL, TRAIN)
    assert predicted(tmp_path) == [str(day.date()) for some in days.values() for day in some[60:]]


def test_a_saturday_after_business_days_is_named(tmp_path: Path) -> None:
    made(tmp_path, [str(day.date()) for day in pd.date_range("2024-01-01", periods=60, freq="B")])
    new = ["2024-04-01", "2024-04-02", "2024-04-03", "2024-04-04", "2024-04-05", "2024-04-06", "2024-04-08"]
    pl.DataFrame({"t": new, "y": 100.0}).write_csv(tmp_path / "new.csv")
    with pytest.raises(InputError) as caught:
        predicted(tmp_path, "new.csv")
    assert caught.value.problems == (
        f"{tmp_path}/new.csv: column 't' must have steps of 1 business day, as in training, got '2024-04-06', a Sat (1 "
        "such row); drop these rows, or train with rows on all days",
    )


def test_a_time_that_comes_twice_in_new_rows_is_named_with_their_file(tmp_path: Path) -> None:
    made(tmp_path, [str(day.date()) for day in pd.date_range("2024-01-01", periods=60, freq="D")])
    pl.DataFrame({"t": ["2024-04-01", "2024-04-02", "2024-04-02"], "y": 100.0}).write_csv(tmp_path / "new.csv")
    with pytest.raises(InputError) as caught:
        predicted(tmp_path, "new.csv")
    assert caught.value.problems == (
        f"{tmp_path}/new.csv: column 't' must hold each time once, got '2024-04-02' twice (1 row too many); drop these "
        "rows",
    )


CHECKED = """\
prepare: {source: table.csv, target: y, task: forecast, sequence: {time: t, series: s, horizon: 3}, ignore: []}
split: {method: auto, column: null, train: 0.6, validation: 0.2, test: 0.2, seed: 0}
model: {name: auto, numeric: standardize, mlp: {n_blocks: 1, d_block: 4, dropout: 0.0}}
train:
  seed: 0
  epochs: 1
  batch_size: 8
  loss: auto
  optimizer: {name: adamw, learning_rate: 0.001, weight_decay: 0.01, momentum: 0.0}
  early_stopping: null
  device: cpu
  threads: 1
evaluate: {}
plot: {dpi: 72}
"""


def test_the_whole_pipeline_keeps_the_clock_of_the_zone(tmp_path: Path) -> None:
    """Two shops whose days begin at midnight in Berlin, with the real `dvc`."""
    (tmp_path / "repository").mkdir()
    repository = make_repository(tmp_path / "repository")
    days = pd.date_range("2023-06-01", periods=260, freq="D", tz="Europe/Berlin")
    rows = [(shop, day.isoformat(), float(10 * (shop == "b") + n % 7)) for shop in "ab" for n, day in enumerate(days)]
    pl.DataFrame(rows, schema=["s", "t", "y"], orient="row").write_csv(repository.root / "table.csv")
    (repository.root / "params.yaml").write_text(CHECKED)
    assert repository.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    scored = pl.read_csv(repository.root / "reports/evaluate/predictions.csv", infer_schema=False)
    assert scored["time"].unique(maintain_order=True).to_list()[-1] == "2024-02-15T00:00:00+01:00"
    assert set(scored["time"]) <= {day.isoformat() for day in days}
    assert (repository.root / "reports/plots/forecasts.png").is_file()
    code, said = repository.relight("export", "--format", "onnx")
    assert code == 0, said
    code, said = repository.relight("predict", "table.csv", "-o", "said.csv")
    assert code == 0, said
    ahead = ["2024-02-16T00:00:00+01:00", "2024-02-17T00:00:00+01:00", "2024-02-18T00:00:00+01:00"]
    assert pl.read_csv(repository.root / "said.csv", infer_schema=False)["t"].to_list() == [*ahead, *ahead]


def test_check_says_frequency_season_length_gaps_and_horizon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series a has 60 quarters from 1990, of which one is missing; b has the first 50 of them."""
    seen, _ = quarters("{year}Q{quarter}")
    rows = [*(("a", time, 1.0) for time in [*seen[:20], *seen[21:]]), *(("b", time, 2.0) for time in seen[:50])]
    pl.DataFrame(rows, schema=["s", "t", "y"], orient="row").write_csv(tmp_path / "table.csv")
    (tmp_path / "params.yaml").write_text(CHECKED)
    monkeypatch.chdir(tmp_path)
    said = check(Path("params.yaml")).splitlines()
    assert said[2:5] == [
        "time t: 3 months apart, season 4 steps; 1990Q1 to 2004Q4",
        "2 series of 50 to 60 steps, 1 gap of y",
        "a forecast reads 15 steps and predicts 3: 2005Q1 to 2005Q3; 1 of 2 series end earlier, and go on from there",
    ]
