"""Series that have two frequencies: one up to some time and another from there, or another one than most series."""

from typing import NamedTuple

import numpy as np

from relight.data.schema import Frequency
from relight.errors import ColumnError
from relight.prepare.time_axis.rows import SeriesTimes
from relight.runtime.messages import pluralize

ADVICE = "bring the rows to one frequency"
MIN_RUN, MIN_SPAN_SHARE = 4, 0.05  # equal steps of another length, and their share of the time of a series
MAX_CHANCE = 1e-3  # that rows which are missing at random leave such a run
MAX_RANDOM_SHARE = 0.5  # of the steps that are longer, if rows are missing at random
MIN_OTHER_STEPS, MIN_OTHER_SHARE = 4, 0.5


class _Run(NamedTuple):
    """Consecutive steps of one length: the first of them, their number, and the length."""

    first: int
    n_steps: int
    length: int


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
                f"{rows.show_series(first)} on, {run.n_steps} steps of {_length(frequency, run.length)}; {ADVICE}"
            )


def _other_length(steps: np.ndarray) -> int | None:
    """Return the usual length of the steps of a series if no step has the length 1; None if they are irregular."""
    if len(steps) < MIN_OTHER_STEPS or bool((steps == 1).any()):
        return None
    lengths, n_times = np.unique(steps, return_counts=True)
    most = int(n_times.argmax())
    return int(lengths[most]) if n_times[most] >= MIN_OTHER_SHARE * len(steps) else None


def _odd_run(steps: np.ndarray) -> _Run | None:
    """Return a run of longer steps that is not chance."""
    if not len(steps):
        return None
    starts = np.flatnonzero(np.concatenate([[True], steps[1:] != steps[:-1]]))
    sizes, span = np.diff([*starts, len(steps)]), int(steps.sum())
    for start, size in zip(starts, sizes, strict=True):
        length = int(steps[start])
        if length == 1 or size < MIN_RUN or size * length < MIN_SPAN_SHARE * span:
            continue
        share = min(float((steps == length).mean()), MAX_RANDOM_SHARE)
        if len(steps) * share**size < MAX_CHANCE:
            return _Run(int(start), int(size), length)
    return None


def _length(frequency: Frequency, n_steps: int) -> str:
    if frequency.weekdays is not None:
        return pluralize(n_steps, "business day")
    return str(frequency.model_copy(update={"every": n_steps * frequency.every}))
