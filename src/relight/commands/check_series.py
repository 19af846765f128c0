"""`relight check` of series: their frequency, season, lengths and gaps, and the times that a forecast would predict."""

import polars as pl

from relight.data.schema import STEP_COLUMN, Frequency, Schema, SeriesSchema
from relight.data.written_times import write_times
from relight.prepare.time_axis.number_forms import FIRST_YEAR, LAST_YEAR
from relight.prepare.time_axis.stepping import times_after
from relight.runtime.messages import pluralize


def series_lines(schema: Schema, rows: pl.DataFrame) -> list[str]:
    """Return lines for a person; none for another kind of table.

    Args:
        rows: as prepare writes them: on their grid, series after series.
    """
    series = schema.series
    if series is None:
        return []
    groups = rows.partition_by(series.series, maintain_order=True) if series.series else [rows]
    lengths = sorted(group.height for group in groups)
    steps = pluralize(lengths[-1], "step") if lengths[0] == lengths[-1] else f"{lengths[0]} to {lengths[-1]} steps"
    gaps = pluralize(rows[schema.target].null_count(), "gap")
    ends = [rows[series.time].min(), rows[series.time].max()]
    first, last = _written(pl.Series([ends[0], ends[1]], dtype=rows[series.time].dtype), rows, series)
    season = f"season {pluralize(series.season, 'step')}" if series.season > 1 else "no season"
    return [
        f"time {series.time}: {_frequency_text(series.frequency, rows[series.time])}, {season}; {first} to {last}"
        + (f", clock of {series.zone}" if series.zone else ""),
        f"{len(groups)} series of {steps}, {gaps} of {schema.target}",
        *_horizon_lines(groups, schema.target, rows, series),
    ]


def _frequency_text(frequency: Frequency, times: pl.Series) -> str:
    day = "last day" if frequency.month_end else frequency.month_day
    if frequency.unit == "number" and bool(times.is_between(FIRST_YEAR, LAST_YEAR).all()):
        return f"{pluralize(frequency.every, 'year')} apart"
    return f"{frequency} apart, on the {day} of a month" if day else f"{frequency} apart"


def _horizon_lines(groups: list[pl.DataFrame], target: str, rows: pl.DataFrame, series: SeriesSchema) -> list[str]:
    """Return the first and the last time that the series which end last are predicted for."""
    pasts = [past for group in groups if (past := _up_to_last_value(group, target)).height]
    if not pasts:
        return []
    last_step = max(past[STEP_COLUMN][-1] for past in pasts)
    newest = [past[series.time] for past in pasts if past[STEP_COLUMN][-1] == last_step]
    ahead = pl.concat([times_after(past, series.horizon, series.frequency) for past in newest]).sort()
    first, last = _written(pl.concat([ahead.head(1), ahead.tail(1)]), rows, series)
    times = first if first == last else f"{first} to {last}"
    n_earlier = len(pasts) - len(newest)
    others = f"; {n_earlier} of {len(pasts)} series end earlier, and go on from there" if n_earlier else ""
    return [f"a forecast reads {pluralize(series.length, 'step')} and predicts {series.horizon}: {times}{others}"]


def _up_to_last_value(group: pl.DataFrame, target: str) -> pl.DataFrame:
    values = group[target].is_not_null().arg_true()
    return group.head(int(values[-1]) + 1 if len(values) else 0)


def _written(times: pl.Series, rows: pl.DataFrame, series: SeriesSchema) -> list[str]:
    return [str(time) for time in write_times(times, series.form, rows[series.time])]
