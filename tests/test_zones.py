"""Times with an offset or a zone: hour and weekday are those of their clock, the order is that of UTC."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest

from relight import load
from relight.errors import InputError
from relight.model.params import ModelParams
from relight.predict.predict import predict
from relight.prepare.params import PrepareParams
from relight.prepare.plain.tables import read_plain
from relight.prepare.table import clean_table
from relight.split.params import SplitParams
from relight.split.split import split
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2024, 3, 25, tzinfo=ZoneInfo("UTC"))
MOMENTS = [START + timedelta(hours=k) for k in range(24 * 10)]  # the clock goes forward on the 31st
CLOCK = [moment.astimezone(BERLIN) for moment in MOMENTS]
CALLS = [5.0 + 10 * (clock.hour == 8) + clock.isoweekday() for clock in CLOCK]
TRAINING = {
    "seed": 1, "epochs": 3, "seeds": 1, "batch_size": 16, "loss": "auto", "early_stopping": None, "device": "cpu",
    "threads": 1, "optimizer": {"name": "adamw", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.0},
}  # fmt: skip

TABLES: dict[str, pl.Series] = {
    "offsets": pl.Series([clock.isoformat() for clock in CLOCK]),
    "zoned": pl.Series(MOMENTS, dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone("Europe/Berlin"),
    "naive": pl.Series([clock.replace(tzinfo=None) for clock in CLOCK], dtype=pl.Datetime("us")),
}


def write(folder: Path, when: pl.Series, name: str = "table") -> str:
    frame = pl.DataFrame({"when": when, "x": [float(k % 5) for k in range(len(when))], "calls": CALLS[: len(when)]})
    if when.dtype == pl.String:
        frame.write_csv(folder / f"{name}.csv")
        return f"{name}.csv"
    frame.write_parquet(folder / f"{name}.parquet")
    return f"{name}.parquet"


@pytest.mark.parametrize("kind", TABLES)
def test_hour_and_weekday_are_those_of_the_clock(tmp_path: Path, kind: str) -> None:
    prepared_and_split(tmp_path, {"source": write(tmp_path, TABLES[kind]), "target": "calls", "task": "regression"})
    features = json.loads((tmp_path / "features").read_text(encoding="utf-8"))["numeric"]
    hours = next(feature for feature in features if feature["name"] == "when.hour")
    assert hours.get("zone") == (None if kind == "naive" else "Europe/Berlin")
    (tmp_path / "naive").mkdir()
    naive = write(tmp_path / "naive", TABLES["naive"])
    prepared_and_split(tmp_path / "naive", {"source": naive, "target": "calls", "task": "regression"})
    assert (tmp_path / "train").read_bytes() == (tmp_path / "naive/train").read_bytes()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calls")
    prepared_and_split(folder, {"source": write(folder, TABLES["zoned"]), "target": "calls", "task": "regression"})
    linear = {"name": "linear", "numeric": "standardize"}
    trained(folder, ModelParams.model_validate(linear), TrainParams.model_validate(TRAINING))
    return folder


def test_new_rows_have_the_same_clock_however_they_are_written(model: Path, tmp_path: Path) -> None:
    utc = pl.Series([moment.isoformat().replace("+00:00", "Z") for moment in MOMENTS])
    new = {**TABLES, "in UTC": utc, "typed UTC": pl.Series(MOMENTS, dtype=pl.Datetime("us", "UTC"))}
    said = {}
    for kind, when in new.items():
        predict(tmp_path / write(tmp_path, when), models=model, output=tmp_path / "out.csv")
        said[kind] = pl.read_csv(tmp_path / "out.csv")["prediction"].to_list()
    assert len({tuple(each) for each in said.values()}) == 1
    frame = pd.DataFrame({"when": pd.DatetimeIndex(MOMENTS).tz_convert("Europe/Berlin"), "x": [0.0] * len(MOMENTS)})
    first = load(model).predict(frame)["prediction"].to_list()
    frame["when"] = frame["when"].dt.tz_convert("UTC")
    assert load(model).predict(frame)["prediction"].to_list() == first


def clean(folder: Path, source: str, **asked: Any) -> Any:
    given = {"source": str(folder / source), "target": "calls", "task": "regression", "ignore": [], **asked}
    params = PrepareParams.model_validate(given)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        params = params.model_copy(update={"source": source})
        return clean_table(read_plain(params, Path(source)).rows, params)


def test_the_zone_is_said_and_may_be_another(tmp_path: Path) -> None:
    source = write(tmp_path, TABLES["offsets"])
    found = clean(tmp_path, source).schema
    note = "Column 'when' has hour and weekday of the zone Europe/Berlin; another one, or UTC: prepare.zones."
    assert note in found.notes
    assert clean(tmp_path, source, zones={"when": "UTC"}).schema.columns[0].zone is None
    assert clean(tmp_path, source, zones={"when": "Asia/Tokyo"}).schema.columns[0].zone == "Asia/Tokyo"
    with pytest.raises(InputError, match=r"prepare.zones: when: must be a zone such as Europe/Berlin or UTC, got"):
        clean(tmp_path, source, zones={"when": "Berlin"})
    with pytest.raises(InputError, match="column 'when' has times without an offset, whose clock is as written"):
        clean(tmp_path, write(tmp_path, TABLES["naive"]), zones={"when": "Europe/Berlin"})


def test_offsets_of_no_single_zone_stay_in_utc_and_are_told(tmp_path: Path) -> None:
    mixed = [clock.isoformat() if k % 2 else MOMENTS[k].isoformat() for k, clock in enumerate(CLOCK)]
    schema = clean(tmp_path, write(tmp_path, pl.Series(mixed))).schema
    assert schema.columns[0].zone is None
    assert any("has offsets of several zones; hour and weekday are those of UTC" in note for note in schema.notes)


def test_the_hour_that_comes_twice_in_autumn_stays_two_moments(tmp_path: Path) -> None:
    twice = [datetime(2024, 10, 26, 22, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=30 * k) for k in range(40)]
    texts = pl.Series([moment.astimezone(BERLIN).isoformat() for moment in twice])
    rows = clean(tmp_path, write(tmp_path, texts)).rows
    assert rows["when"].to_list() == [moment.replace(tzinfo=None) for moment in twice]


def test_a_split_by_time_keeps_weekday_and_hour_and_a_copy_of_its_column(tmp_path: Path) -> None:
    frame = pl.DataFrame({"when": TABLES["naive"], "again": TABLES["naive"], "calls": CALLS})
    of_copy = [f"again.{part}" for part in ("year", "month", "weekday", "hour", "elapsed")]
    for columns, numbers in (
        (["when", "calls"], ["when.weekday", "when.hour"]),
        (["when", "again", "calls"], ["when.weekday", "when.hour", *of_copy]),
    ):
        frame.select(columns).write_parquet(tmp_path / "t.parquet")
        prepared_and_split(tmp_path, {"source": "t.parquet", "target": "calls", "task": "regression"})
        asked = SplitParams(method="time", column="when", train=0.6, validation=0.2, test=0.2, seed=0)
        outs = {part: tmp_path / part for part in ("train", "validation", "test", "features", "report")}
        split(asked, table=tmp_path / "rows", schema=tmp_path / "schema.json", **outs)
        features = json.loads((tmp_path / "features").read_text(encoding="utf-8"))
        assert [number["name"] for number in features["numeric"]] == numbers
        notes = json.loads((tmp_path / "report").read_text(encoding="utf-8"))["notes"]
        assert "Column 'when' splits by time; of it the model sees only weekday and hour." in notes
