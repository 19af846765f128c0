"""Notes on new series: each says what is unusual beside its forecast, and they are counted by kind."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import SeriesSchema
from relight.data.series_features import Covariate, SeriesFeatures
from relight.model.saved_model import SeriesModel
from relight.predict.series_history import SeriesEnd
from relight.predict.series_known import KnownValues
from relight.runtime.messages import MAX_NAMES_LISTED, abbreviate, pluralize

N_RANGES, N_DEVIATIONS = 2, 10  # further outside of the train rows is far: in ranges of a series, in deviations
LINE_IS_CONSTANT = 1e-6  # a range, as a share of its values, that only rounding makes
COLUMN_NAMES = ("note", "notes", "relight_note")  # of the output; the first that is free


class Note(NamedTuple):
    """A remark.

    Attributes:
        kind: what is counted.
        text: what stands in the output.
    """

    kind: str
    text: str


def notes_of(
    end: SeriesEnd, known: Sequence[KnownValues], saved: SeriesModel, assumed: str | None, *, is_finite: bool
) -> list[Note]:
    """Return the notes on a series.

    Args:
        known: the known covariates that have been assumed at some steps.
        assumed: how.
        is_finite: whether its forecast is a number.
    """
    series, target = saved.series, saved.features.target
    schema = series.series_schema
    if not end.n_values:
        return [Note("no value", f"no value of '{target}' to go on from")]
    return [
        *_length_notes(end, schema),
        *_gap_notes(end, target, series),
        *_new_series_notes(end, series),
        *_level_notes(end, series),
        *_target_notes(end, target, series),
        *_covariate_notes(end, series),
        *(Note("assumed values", _assumed_text(values, schema.horizon, assumed)) for values in known),
        *([] if is_finite else [Note("no prediction", "the prediction is not a finite number")]),
    ]


def note_column(notes: Sequence[list[Note]], horizon: int, names: list[str]) -> list[pl.Series]:
    """Return the column of notes, `horizon` lines for each series; none without a note.

    Args:
        names: of the other columns.
    """
    if not any(notes):
        return []
    texts = ["; ".join(note.text for note in each) or None for each in notes]
    name = next(name for name in COLUMN_NAMES if name not in names)
    return [pl.Series(name, np.repeat(np.array(texts, dtype=object), horizon).tolist(), dtype=pl.String)]


def notes_text(notes: Sequence[list[Note]], column: str) -> str:
    """Return a clause that counts the series by kind of note, after a semicolon."""
    counts = Counter(kind for each in notes for kind in dict.fromkeys(note.kind for note in each))
    if not counts:
        return ""
    kinds = ", ".join(f"{kind} ({n})" for kind, n in sorted(counts.items()))
    n_noted = sum(bool(each) for each in notes)
    return f"; notes on {n_noted} of {len(notes)} series in column '{column}': {kinds}"


def beyond_text(ends: Sequence[SeriesEnd], horizon: int) -> str:
    """Return a clause on rows after the steps to come, after a semicolon."""
    n_rows = sum(end.n_beyond for end in ends if end.n_values)
    if not n_rows:
        return ""
    return f"; left out: {pluralize(n_rows, 'row')} after the {pluralize(horizon, 'step')} that are predicted"


def _length_notes(end: SeriesEnd, schema: SeriesSchema) -> Iterator[Note]:
    if end.n_past < schema.length:
        yield Note("short history", f"only {end.n_past} of the {schema.length} steps that a forecast sees")


def _gap_notes(end: SeriesEnd, target: str, series: SeriesFeatures) -> Iterator[Note]:
    """Yield a note on each column of numbers that has no value at most of the steps."""
    seen = end.seen(series.series_schema)
    for name in (target, *dict.fromkeys(covariate.source for covariate in _numbers(series))):
        n_gaps = seen[name].null_count()
        if 2 * n_gaps > seen.height:
            yield Note("mostly gaps", f"'{name}' has no value at {n_gaps} of {pluralize(seen.height, 'step')}")


def _new_series_notes(end: SeriesEnd, series: SeriesFeatures) -> Iterator[Note]:
    if end.name is not None and end.name not in {one.name for one in series.each}:
        yield Note("new series", "the train rows have no such series")


def _level_notes(end: SeriesEnd, series: SeriesFeatures) -> Iterator[Note]:
    """Yield a note on each category with levels that the model does not know."""
    levels: dict[str, set[str]] = {}
    for covariate in series.covariates:
        if covariate.level is not None:
            levels.setdefault(covariate.source, set()).add(covariate.level)
    known = {covariate.source for covariate in series.covariates if covariate.known}
    for name, names in levels.items():
        found = _read_values(end, name, series.series_schema, ahead=name in known).drop_nulls()
        unknown = [f"'{level}'" for level in found.unique(maintain_order=True) if level not in names]
        if unknown:
            text = abbreviate(unknown, MAX_NAMES_LISTED)
            yield Note("unknown category", f"'{name}' is {text}, unknown to the model, which reads a gap")


def _read_values(end: SeriesEnd, name: str, schema: SeriesSchema, *, ahead: bool) -> pl.Series:
    """Return the values of a column that the forecast reads."""
    seen = end.seen(schema)[name]
    return pl.concat([seen, end.to_come(schema)[name]]) if ahead else seen


def _target_notes(end: SeriesEnd, target: str, series: SeriesFeatures) -> Iterator[Note]:
    """Yield a note if the last value, or the median, is far outside of the range of the train rows."""
    own = [one for one in series.each if one.name == end.name] or series.each
    lowest = [one.lowest for one in own if one.lowest is not None]
    highest = [one.highest for one in own if one.highest is not None]
    if not (lowest and highest):
        return
    low, high = min(lowest), max(highest)
    reach = N_RANGES * (high - low) + LINE_IS_CONSTANT * max(abs(low), abs(high))
    values = end.seen(series.series_schema)[target].drop_nulls().to_numpy()
    for value in (float(values[-1]), float(np.median(values))):
        if not low - reach <= value <= high + reach:
            text = f"'{target}' is at {value:g}, far from the {low:g} to {high:g} of the train rows"
            yield Note("far from the train rows", text)
            return


def _covariate_notes(end: SeriesEnd, series: SeriesFeatures) -> Iterator[Note]:
    """Yield a note on each number whose last value, or one to come, is many deviations from the mean."""
    for covariate in _numbers(series):
        values = _read_values(end, covariate.source, series.series_schema, ahead=covariate.known)
        n_to_come = series.series_schema.horizon if covariate.known else 0
        read = values.tail(1 + n_to_come).drop_nulls()
        reach = N_DEVIATIONS * covariate.std + LINE_IS_CONSTANT * abs(covariate.mean)
        far = read.filter((read - covariate.mean).abs() > reach)
        if len(far):
            text = f"mean {covariate.mean:g}, deviation {covariate.std:g}"
            yield Note("far from the train rows", f"'{covariate.name}' is {far[0]:g}, far from the train rows ({text})")


def _numbers(series: SeriesFeatures) -> list[Covariate]:
    return [covariate for covariate in series.covariates if covariate.level is None]


def _assumed_text(known: KnownValues, horizon: int, assumed: str | None) -> str:
    return f"'{known.column}' is assumed ({assumed}) at {known.missing.sum()} of {pluralize(horizon, 'step')}"
