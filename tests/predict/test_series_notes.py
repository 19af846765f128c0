"""Unusual series: each is answered if it can be, has a note, and stops no other."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import relight
from tests.promoted_shops import (
    FIRST,
    HORIZON,
    LENGTH,
    N_DAYS,
    joined,
    notes,
    problems,
    said,
    sales,
    train_shops,
    with_sold,
)


@pytest.fixture(scope="module")
def unplanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing is known ahead."""
    return train_shops(tmp_path_factory.mktemp("unplanned"), [])


def test_a_short_series_is_padded_as_a_gap_at_the_beginning_and_stops_no_other(unplanned: Path) -> None:
    """The same forecast as if the days before had been written, with the first value and no covariates."""
    short, other = sales("a", 4).tail(9), sales("b", 5)
    lines, text = said(unplanned, joined(short, other))
    assert notes(lines) == {"a": f"only 9 of the {LENGTH} steps that a forecast sees", "b": None}
    assert text.endswith("; notes on 1 of 2 series in column 'note': short history (1)")
    before = sales("a", 4).slice(N_DAYS - 9 - 30, 30).select("day", "shop", sold=pl.lit(short["sold"][0]))
    alone, _ = said(unplanned, joined(before, short))
    assert lines.filter(pl.col("shop") == "a")["prediction"].equals(alone["prediction"])
    assert lines.filter(pl.col("shop") == "b").drop("note").equals(said(unplanned, other)[0])


def test_the_interval_of_a_short_series_is_not_narrowed_by_the_gaps_in_front_of_it(unplanned: Path) -> None:
    """In units of the series in the train rows; of a new one in those of its differences, and without any in none."""
    weights = torch.load(unplanned / "model.pth", weights_only=True)
    short, new = sales("a", 4).tail(9), sales("c", 5).tail(6)
    lines, _ = said(unplanned, joined(short, new, sales("d", 6).tail(1)))
    width = lines.select(pl.col("high") - pl.col("low")).to_series().to_numpy().reshape(3, HORIZON)
    reach = (weights["high"] - weights["low"]).numpy()
    of_train = sales("a", 0).head(round(0.6 * N_DAYS))["sold"].to_numpy()
    np.testing.assert_allclose(width[0], reach * np.diff(of_train).std(), rtol=1e-4)
    np.testing.assert_allclose(width[1], reach * np.sqrt(np.square(np.diff(new["sold"])).mean()), rtol=1e-3)
    assert np.isnan(width[2]).all()
    assert lines["prediction"].is_finite().all()


def test_a_gap_at_the_beginning_of_the_window_takes_the_value_before_it(unplanned: Path) -> None:
    """As in training: of 420 days the last 11 have a value, and one before the window."""
    table, day = sales("a", 6), pl.int_range(pl.len())
    gaps = with_sold(table, pl.when(~day.is_between(N_DAYS - 30, N_DAYS - 10)).then("sold"))
    filled = with_sold(gaps, pl.col("sold").forward_fill())
    lines, text = said(unplanned, gaps)
    assert lines["note"].to_list() == ["'sold' has no value at 12 of 21 steps"] * HORIZON
    assert text.endswith(": mostly gaps (1)")
    assert lines.drop("note").equals(said(unplanned, filled)[0])


def test_a_series_without_a_value_has_empty_lines_and_stops_no_other(unplanned: Path) -> None:
    lines, text = said(unplanned, joined(with_sold(sales("a", 0).head(5), pl.lit(None)), sales("b", 1)))
    empty = lines.filter(pl.col("shop") == "a")
    assert empty["day"].to_list() == [str(FIRST + timedelta(days=n)) for n in range(HORIZON)]
    assert empty.select("prediction", "low", "high").null_count().row(0) == (HORIZON,) * 3
    assert notes(lines) == {"a": "no value of 'sold' to go on from", "b": None}
    assert text.endswith("; notes on 1 of 2 series in column 'note': no value (1)")
    assert lines.filter(pl.col("shop") == "b")["prediction"].null_count() == 0


def test_names_and_levels_that_no_train_row_had_are_noted_and_counted(unplanned: Path) -> None:
    far_rain = pl.when(pl.int_range(pl.len()) == N_DAYS - 1).then(40.0).otherwise("rain").alias("rain")
    table = joined(
        sales("a", 0, "east"),
        with_sold(sales("b", 1, "south"), pl.col("sold") + 500).with_columns(far_rain),
        sales("c", 2),
    )
    train = joined(sales("a", 0), sales("b", 1))
    of_train = train.filter(pl.col("day") < FIRST + timedelta(days=round(0.6 * N_DAYS)))
    of_b, last = of_train.filter(pl.col("shop") == "b")["sold"], float(table.filter(pl.col("shop") == "b")["sold"][-1])
    mean, deviation = of_train["rain"].mean(), of_train["rain"].std(ddof=0)
    lines, text = said(unplanned, table)
    assert notes(lines) == {
        "a": "'region' is 'east', unknown to the model, which reads a gap",
        "b": f"'sold' is at {last:g}, far from the {of_b.min():g} to {of_b.max():g} of the train rows; "
        f"'rain' is 40, far from the train rows (mean {mean:g}, deviation {deviation:g})",
        "c": "the train rows have no such series",
    }
    assert text.endswith(
        "; notes on 3 of 3 series in column 'note': far from the train rows (1), new series (1), unknown category (1)"
    )
    with pytest.warns(UserWarning, match=r"^notes on 3 of 3 series in column 'note'"):
        relight.load(unplanned).predict(table)


def test_a_forecast_that_is_no_number_is_empty_and_stops_no_other(unplanned: Path) -> None:
    huge = with_sold(sales("a", 0), pl.col("sold") * 5e36 * (1 - 2 * (pl.int_range(pl.len()) % 2)))
    lines, text = said(unplanned, joined(huge, sales("b", 1)))
    assert lines.filter(pl.col("shop") == "b")["prediction"].null_count() == 0
    first = lines.filter(pl.col("shop") == "a")
    assert first["prediction"].null_count() == HORIZON
    assert "the prediction is not a finite number" in first["note"][0]
    assert "no prediction (1)" in text


def test_a_column_that_is_missing_is_named_without_a_key_of_params(unplanned: Path) -> None:
    table = sales("a", 0).rename({"shop": "shops"}).drop("rain")
    assert problems(unplanned, table) == [
        "new.csv: column 'shop' is missing; did you mean 'shops'?",
        "new.csv: column 'rain' is missing; its columns are day, shops, region, event, promotion, sold",
    ]
