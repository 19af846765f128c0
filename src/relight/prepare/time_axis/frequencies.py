"""Series that have two frequencies: one up to some time and another from there, or another one than most series."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from relight.data.schema import Frequency
from relight.errors import ColumnError
from relight.prepare.time_axis.axes import SeriesTimes
from relight.runtime.messages import pluralize

ADVICE = "bring the rows to one frequency"
MIN_RUN, MIN_SPAN_SHARE = 4, 0.05  # equal steps of another length, and their share of the time of a series
MAX_CHANCE = 1e-3  # that rows which are missing at random leave such a run
MAX_RANDOM_SHARE = 0.5  # of the steps that are longer, if rows are missing at random
MIN_OTHER_STEPS, MIN_OTHER_SHARE = 4, 0.5


class _Run(NamedTuple):
    """Consecutive steps that are longer than others: the first of them, their number, the least and largest length."""

    first: int
    n_steps: int
    shortest: int
    longest: int


def assert_one_frequency(step_numbers: np.ndarray, frequency: Frequency, rows: SeriesTimes) -> None:
    """Refuse series that have two frequencies.

    Args:
        step_numbers: int64 (n_rows,), ascending within each series.

    Raises:
        ColumnError: with the first of them.
    """
    begins = np.flatnonzero(np.concatenate([[True], ~rows.same_series]))
    for begin, end in zip(begins, [*begins[1:], len(step_numbers)], strict=True):
        steps = np.diff(step_numbers[begin:end])
        other = _other_length(steps) if len(begins) > 1 else None
        if other is not None:
            raise ColumnError(
                f"must have one frequency, got steps of {_length(frequency, other)}{rows.show_series(int(begin))}, and "
                f"of {frequency} in most series; {ADVICE}"
            )
        if (run := _odd_run(steps)) is not None:
            first = int(begin) + run.first
            raise ColumnError(
                f"must have one frequency, got most times {frequency} apart and, from {rows.show(first)}"
                f"{rows.show_series(first)} on, {run.n_steps} steps of {_lengths(frequency, run)}; {ADVICE}"
            )


def _other_length(steps: np.ndarray) -> int | None:
    """Return the usual length of the steps of a series if no step has the length 1; None if they are irregular."""
    if len(steps) < MIN_OTHER_STEPS or bool((steps == 1).any()):
        return None
    lengths, n_times = np.unique(steps, return_counts=True)
    most = int(n_times.argmax())
    return int(lengths[most]) if n_times[most] >= MIN_OTHER_SHARE * len(steps) else None


def _odd_run(steps: np.ndarray) -> _Run | None:
    """Return a run of longer steps that is not chance: of one length, such as a week, or of several, such as months."""
    share = float((steps != 1).mean()) if len(steps) else 0.0
    for run in (*_runs(steps), *_runs(np.minimum(steps, 2))):
        lengths = steps[run]
        if lengths[0] == 1 or len(lengths) < MIN_RUN or lengths.sum() < MIN_SPAN_SHARE * steps.sum():
            continue
        is_one = bool((lengths == lengths[0]).all())
        random_share = min(float((steps == lengths[0]).mean()), MAX_RANDOM_SHARE) if is_one else share
        if len(steps) * random_share ** len(lengths) < MAX_CHANCE:
            return _Run(run.start, len(lengths), int(lengths.min()), int(lengths.max()))
    return None


def _runs(values: np.ndarray) -> list[slice]:
    """Return the stretches of equal values."""
    starts = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [slice(start, end) for start, end in pairwise(starts)]


def _lengths(frequency: Frequency, run: _Run) -> str:
    shortest, longest = (_length(frequency, length) for length in (run.shortest, run.longest))
    return shortest if shortest == longest else f"{shortest} to {longest}"


def _length(frequency: Frequency, n_steps: int) -> str:
    if frequency.weekdays is not None:
        return pluralize(n_steps, "business day")
    return str(frequency.model_copy(update={"every": n_steps * frequency.every}))
