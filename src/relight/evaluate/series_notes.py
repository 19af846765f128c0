"""Remarks on forecasts: who makes them, series of other sizes, those that a naive forecast beats, false intervals."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from relight.data.series_features import SeriesFeatures
from relight.model.networks.forecaster import LEARNED, LOG_LINEAR, NOMINAL_COVERAGE, SMALL, Mixture
from relight.model.networks.smoothers import FAMILIES

LARGEST_FACTOR = 10.0  # between the units of two series, beyond which the mean error is that of the large ones
MUCH_WORSE = 1.1  # times the error of the naive forecast
MIN_SHARE = 0.005  # of a forecast, that is named
FAMILY_NAMES = [name.replace("_", " ") for name in FAMILIES] + [
    f"{name.replace('_', ' ')} of the logarithms" for name in FAMILIES
]


def forecast_members(mixture: Mixture | None, number: int) -> str:
    """Return who makes the forecast of a series, such as `50 % network and line, 50 % theta`."""
    if mixture is None:
        return "100 % network and line"
    shares, small = mixture.shares[number].tolist(), mixture.small_models.families[number].tolist()
    members = {"network and line": shares[LEARNED], "line of the logarithms": shares[LOG_LINEAR]}
    members |= {name: shares[SMALL] * share for name, share in zip(FAMILY_NAMES, small, strict=True)}
    ordered = sorted(members.items(), key=lambda member: -member[1])
    return ", ".join(f"{share:.0%} {name}".replace("%", " %") for name, share in ordered if share >= MIN_SHARE)


def forecast_remarks(
    features: SeriesFeatures, scores: pl.DataFrame, coverage: float | None, *, n_apart: float
) -> list[str]:
    """Return remarks on the test scores.

    Args:
        scores: those of each series, as `scores_by_series` returns them; without a row if there is only one.
        coverage: the share of true values within the intervals; None without intervals.
        n_apart: the number of test windows that do not overlap.
    """
    remarks = _size_remarks(features) + _naive_remarks(scores)
    if coverage is not None and is_off(coverage, n_apart):
        remarks.append(
            f"The intervals hold {coverage:.0%} of the test values instead of {NOMINAL_COVERAGE:.0%}: the test rows "
            f"are {'less' if coverage < NOMINAL_COVERAGE else 'more'} regular than the train and validation rows were."
        )
    return remarks


def is_off(coverage: float, n_apart: float) -> bool:
    """Return whether a coverage is further from what it should be than twice its standard error."""
    deviation = np.sqrt(NOMINAL_COVERAGE * (1 - NOMINAL_COVERAGE) / max(n_apart, 1.0))
    return bool(abs(coverage - NOMINAL_COVERAGE) > 2 * deviation)


def _size_remarks(features: SeriesFeatures) -> list[str]:
    units = [series.scale for series in features.each if series.scale > 0]
    if len(units) < 2 or max(units) <= LARGEST_FACTOR * min(units):
        return []
    return [
        f"The changes of the largest series are {max(units) / min(units):,.0f} times those of the smallest: MAE and "
        "RMSE over all series are those of the large ones; MASE and the table by series tell about each."
    ]


def _naive_remarks(scores: pl.DataFrame) -> list[str]:
    if "naive_mae" not in scores.columns:
        return []
    worse = scores.filter(pl.col("mae") > MUCH_WORSE * pl.col("naive_mae"))
    if worse.is_empty():
        return []
    return [
        f"{worse.height} of {scores.height} series are forecast worse than by repeating their last season: "
        f"{_listed(worse['series'].to_list())}."
    ]


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(f"'{name}'" for name in names[:most]) + (f" and {more} more" if more > 0 else "")
