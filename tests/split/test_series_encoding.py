"""The windows of series, against loops that copy them."""

from datetime import date

import numpy as np
import polars as pl
import pytest
import torch

from relight.data.schema import STEP_COLUMN, Schema, SequenceParams
from relight.data.series_features import SeriesFeatures
from relight.errors import InputError
from relight.model.series import build_windows
from relight.prepare.params import PrepareParams
from relight.prepare.series import regularize_series
from relight.split.assignment import TEST, TRAIN, VALIDATION
from relight.split.params import SplitParams
from relight.split.series import assign_series_parts
from relight.split.series_windows import describe_series, encode_part, fill_gaps

SHARES = SplitParams(method="ordered", column=None, train=0.5, validation=0.25, test=0.25, seed=0)


def table() -> pl.DataFrame:
    """Two series of 40 and 36 days, with a gap and a missing day in each; one covariate is known ahead, one is not."""
    frames = []
    for name, n_days in (("a", 40), ("b", 36)):
        days = np.arange(n_days)
        y = (days + (100 if name == "b" else 0)).astype(float)
        y[7] = np.nan
        frames.append(
            pl.DataFrame(
                {
                    "day": [date(2024, 1, 1 + day) if day < 31 else date(2024, 2, day - 30) for day in days.tolist()],
                    "who": name,
                    "y": y,
                    "known": days * 2.0,
                    "past": days * 3.0,
                }
            ).filter(pl.int_range(pl.len()) != 15)
        )
    return pl.concat(frames).sample(fraction=1, shuffle=True, seed=0).with_columns(pl.col("y").fill_nan(None))


def prepared(step: int = 1) -> tuple[pl.DataFrame, Schema]:
    sequence = SequenceParams(time="day", series="who", length=5, horizon=3, step=step, known=["known"])
    params = PrepareParams(source="x.csv", target="y", task="forecast", ignore=[], sequence=sequence)
    return regularize_series(table(), params)


def described(rows: pl.DataFrame, schema: Schema) -> tuple[SeriesFeatures, np.ndarray]:
    assert schema.series is not None
    parts, _ = assign_series_parts(SHARES, rows, schema.series)
    return describe_series(rows, schema, schema.series, parts), parts


def test_the_missing_day_is_there_with_gaps_and_rows_are_in_order() -> None:
    rows, schema = prepared()
    assert rows.height == schema.rows == 76
    assert rows.filter(pl.col("who") == "a")["day"].is_sorted()
    assert (
        rows.filter((pl.col("who") == "a") & (pl.col(STEP_COLUMN) == 15)).select("y", "known", "past").row(0)
        == (None,) * 3
    )
    assert schema.notes == [
        "Times that the table lacks between the first and the last: 2; they count as gaps.",
        "Steps without a value of 'y': 4; they are filled (forward), and never scored.",
    ]


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("part", [TRAIN, VALIDATION, TEST])
def test_each_window_is_what_a_loop_copies(part: int, step: int) -> None:
    rows, schema = prepared(step)
    features, parts = described(rows, schema)
    windows = build_windows(encode_part(rows, "y", features, parts, part), features)
    expected = []
    for name in ("a", "b"):
        of_series = (rows["who"] == name).to_numpy()
        y = rows["y"].to_numpy()[of_series]
        last = np.flatnonzero(parts[of_series] == part).max() + 1
        value = fill_gaps(rows.filter(of_series)["y"].head(int(last)), "forward").to_numpy()
        mine = np.flatnonzero(parts[of_series] == part)
        for origin in range(max(int(mine[0]), 5), int(last) - 2, step):
            target = y[origin : origin + 3]
            if np.isfinite(target).any():
                expected.append((value[origin - 5 : origin], target))
    found = windows.whole()
    assert windows.n_rows == len(expected)
    past, future, numbers = found.inputs
    assert numbers.tolist() == sorted(numbers.tolist())
    assert set(numbers.tolist()) == {0, 1}
    np.testing.assert_allclose(past[:, :, 0].numpy(), np.stack([one for one, _ in expected]))
    np.testing.assert_allclose(found.target.numpy(), np.stack([one for _, one in expected]))
    assert torch.equal(found.target.nan_to_num(), windows.target.nan_to_num())
    first = int(windows.origin[0])
    assert features.covariates[0].name == "past"  # what is known ahead comes last
    np.testing.assert_allclose(future[0, :, 0].nan_to_num(), windows.steps[first : first + 3, 2].nan_to_num())


def test_the_windows_share_the_memory_of_the_steps() -> None:
    rows, schema = prepared()
    features, parts = described(rows, schema)
    windows = build_windows(encode_part(rows, "y", features, parts, TRAIN), features)
    assert windows._strip(windows.steps, 5).data_ptr() == windows.steps.data_ptr()


def test_what_the_train_rows_say_by_hand() -> None:
    rows, schema = prepared()
    features, parts = described(rows, schema)
    assert parts[(rows["who"] == "a").to_numpy()].tolist() == [TRAIN] * 19 + [VALIDATION] * 9 + [TEST] * 12
    assert [one.name for one in features.each] == ["a", "b"]
    assert [one.scale for one in features.each] == [1.0, 1.0]  # all differences are 1: their size
    assert [one.seasonal_error for one in features.each] == [7.0, 7.0]  # a season of 7 days ago it was 7 less
    assert [one.lowest for one in features.each] == [0.0, 100.0]
    past, known = features.covariates
    assert (past.name, past.known, known.name, known.known) == ("past", False, "known", True)
    assert past.mean == pytest.approx(np.mean([3.0 * day for day in range(19) if day != 15]))


@pytest.mark.parametrize(
    ("how", "expected"), [("forward", [1.0, 1.0, 1.0, 4.0, 4.0]), ("interpolate", [1.0, 2.0, 3.0, 4.0, 4.0])]
)
def test_gaps_are_filled_by_what_is_known_at_the_end_of_the_part(how: str, expected: list[float]) -> None:
    assert fill_gaps(pl.Series([1.0, None, None, 4.0, None]), how).to_list() == expected
    assert fill_gaps(pl.Series([None, 2.0]), how).to_list() == [2.0, 2.0]


def test_parts_that_a_column_mixes_in_time_are_refused() -> None:
    rows, schema = prepared()
    split = pl.Series("split", ["train", "test"] * 38)
    params = SHARES.model_copy(update={"method": "auto"})
    assert schema.series is not None
    with pytest.raises(InputError, match=r"split\.column: 'split' must cut by time, got '2024-"):
        assign_series_parts(params, rows.with_columns(split), schema.series)


def test_a_column_of_train_and_test_leaves_its_latest_train_steps_to_validation() -> None:
    rows, schema = prepared()
    assert schema.series is not None
    steps = rows["step"]
    test_from = int(steps.max()) - 7  # type: ignore[call-overload]
    named = rows.with_columns(
        pl.when(pl.col("step") < test_from).then(pl.lit("train")).otherwise(pl.lit("test")).alias("split")
    )
    params = SHARES.model_copy(update={"method": "auto"})
    parts, choice = assign_series_parts(params, named, schema.series)
    before = np.sort(steps.filter(steps < test_from).to_numpy())
    first = before[round(len(before) * 2 / 3)]  # 0.5 / (0.5 + 0.25) of the train rows stay
    expected = np.where(steps >= test_from, 2, np.where(steps >= first, 1, 0))
    np.testing.assert_array_equal(parts, expected)
    assert "names no validation rows" in choice
    kept, _ = assign_series_parts(params.model_copy(update={"validation": 0.0}), named, schema.series)
    np.testing.assert_array_equal(kept, np.where(steps >= test_from, 2, 0))
