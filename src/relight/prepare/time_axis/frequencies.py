"""Series that have two frequencies: one up to some time and another from there, or another one than most series."""

import math
from typing import NamedTuple

import numpy as np

from relight.data.schema import BUSINESS_DAYS, Frequency
from relight.errors import ColumnError
from relight.prepare.time_axis.axes import SeriesTimes
from relight.runtime.messages import pluralize

ADVICE = "bring the rows to one frequency"
MIN_RUN, MIN_SPAN_SHARE = 4, 0.05  # steps of another length, and their share of the time of a series
MIN_OTHER_SHARE = 0.5  # of the steps of a series that have its usual length
MAX_RANDOM_SHARE = 0.5  # of the steps that are longer, if rows are missing at random
MAX_CHANCE = 1e-3  # that rows which are missing at random look like another frequency, in any of the series


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
    max_chance = MAX_CHANCE / len(begins)
    for begin, end in zip(begins, [*begins[1:], len(step_numbers)], strict=True):
        steps = np.diff(step_numbers[begin:end])
        other = _other_length(steps, max_chance) if len(begins) > 1 else None
        if other is not None:
            raise ColumnError(
                f"must have one frequency, got steps of {_length(frequency, other)}{rows.show_series(int(begin))}, and "
                f"of {frequency} of others; {ADVICE}"
            )
        if (run := _odd_run(steps, max_chance)) is not None:
            first = int(begin) + run.first
            raise ColumnError(
                f"must have one frequency, got most times {frequency} apart and, from {rows.show(first)}"
                f"{rows.show_series(first)} on, {run.n_steps} steps of {_lengths(frequency, run)}; {ADVICE}"
            )


def _other_length(steps: np.ndarray, max_chance: float) -> int | None:
    """Return the usual length of the steps of a series if no step has the length 1; None if they are irregular.

    Of rows that are there at random, a share p of all, a step has the length k with the chance p (1 - p)^(k - 1).
    """
    if not len(steps) or bool((steps == 1).any()):
        return None
    lengths, n_times = np.unique(steps, return_counts=True)
    length, n_usual, n_steps = int(lengths[n_times.argmax()]), int(n_times.max()), len(steps)
    if n_usual < MIN_OTHER_SHARE * n_steps:
        return None
    share = n_steps / float(steps.sum())
    log_one = math.log(share) + (length - 1) * math.log1p(-share)
    log_chance = math.log(math.comb(n_steps, n_usual)) + n_usual * log_one + math.log(float(steps.max()))
    return length if log_chance < math.log(max_chance) else None


def _odd_run(steps: np.ndarray, max_chance: float) -> _Run | None:
    """Return a run of longer steps that is not chance: of one length, such as a week, or of several, such as months."""
    share = float((steps != 1).mean()) if len(steps) else 0.0
    for run in (*_long_runs(steps), *_long_runs(np.minimum(steps, 2))):
        lengths = steps[run]
        if lengths.sum() < MIN_SPAN_SHARE * steps.sum():
            continue
        is_one = bool((lengths == lengths[0]).all())
        random_share = min(float((steps == lengths[0]).mean()), MAX_RANDOM_SHARE) if is_one else share
        if len(steps) * random_share ** len(lengths) < max_chance:
            return _Run(run.start, len(lengths), int(lengths.min()), int(lengths.max()))
    return None


def _long_runs(values: np.ndarray) -> list[slice]:
    """Return the stretches of equal values above 1 that are long enough."""
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [len(values)]])
    if not len(values):
        return []
    is_long = (np.diff(bounds) >= MIN_RUN) & (values[bounds[:-1]] > 1)
    return [slice(int(bounds[at]), int(bounds[at + 1])) for at in np.flatnonzero(is_long)]


def _lengths(frequency: Frequency, run: _Run) -> str:
    shortest, longest = (_length(frequency, length) for length in (run.shortest, run.longest))
    return shortest if shortest == longest else f"{shortest} to {longest}"


def _length(frequency: Frequency, n_steps: int) -> str:
    if frequency.weekdays is not None:
        return pluralize(n_steps, "business day" if frequency.weekdays == BUSINESS_DAYS else "such day")
    return str(frequency.model_copy(update={"every": n_steps * frequency.every}))
