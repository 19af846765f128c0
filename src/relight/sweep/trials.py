"""Trial values, pruning rungs, tables.

A sweep for people: its best trials in a table, beside what the params had reached as they were.

When a trial of a sweep is looked at, what its value is, and which ones are best.

The trials of a sweep, as a terminal shows them.
"""

import io
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relight.runtime.messages import printable
from relight.sweep.proposals import Proposal

MAX_TRIALS_SHOWN = 10
FIRST_RUNG = 4


class SweepTrial(NamedTuple):
    name: str
    state: str
    value: float | None
    params: Proposal


class TrialTable(NamedTuple):
    heads: list[str]
    rows: list[list[str]]


def rank_trials(trials: Sequence[SweepTrial], *, maximize: bool) -> list[SweepTrial]:
    """Those that came to their end, the best one first; of equals the first."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    return sorted(complete, key=lambda trial: (-(trial.value or 0.0) if maximize else (trial.value or 0.0), trial.name))


def best_trials_table(best: Sequence[SweepTrial], default: SweepTrial, metric: str) -> TrialTable:
    """The best trials, and params.yaml as it is in the last row."""
    keys = list(best[0].params) if best else []
    shown = [*best[:MAX_TRIALS_SHOWN], default]
    heads = ["trial", metric, *_short_keys(keys)]
    rows = [
        [trial.name, value_text(trial.value), *(value_text(trial.params.get(key)) for key in keys)] for trial in shown
    ]
    return TrialTable(heads, rows)


def trial_counts_text(trials: Sequence[SweepTrial]) -> str:
    """How many ended how: `40 trials: 31 complete, 8 ended early, 1 failed`."""
    words = {"complete": "complete", "pruned": "ended early", "failed": "failed", "running": "running"}
    counts_by_state = {state: sum(trial.state == state for trial in trials) for state in words}
    text = ", ".join(f"{count} {words[state]}" for state, count in counts_by_state.items() if count)
    return f"{len(trials)} trials: {text}" if text else "no trials"


def value_text(value: object) -> str:
    """Few digits: what is to be run again is known by its name."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _short_keys(keys: Sequence[str]) -> list[str]:
    """The last words of each that tell it from the others."""
    return [
        next(
            short
            for n_words in range(1, key.count(".") + 2)
            if sum(_ends_with(other, short := ".".join(key.split(".")[-n_words:])) for other in keys) == 1
        )
        for key in keys
    ]


def _ends_with(key: str, short: str) -> bool:
    return key == short or key.endswith(f".{short}")


def is_rung(epoch: int) -> bool:
    """Whether curves are compared after so many epochs: at 4, 6, 9, 14, 21, ... of which there are few.

    They do not depend on `train.epochs`, so that trials with different ones can be compared.
    """
    rung = FIRST_RUNG
    while rung < epoch:
        rung = -(-rung * 3 // 2)
    return rung == epoch


def trial_value(scores: Sequence[float], *, keeps_best: bool) -> float:
    """The validation score of the model that the training ends with.

    Args:
        scores: of each epoch; lower is better.
        keeps_best: whether early stopping brings the best weights back.
    """
    return min(scores) if keeps_best else scores[-1]


class PruningRungs:
    """Tells at each rung whether the trial is hopeless, by its best score so far."""

    def __init__(self, is_hopeless: Callable[[int, float], bool]) -> None:
        self._is_hopeless = is_hopeless
        self._n_seen, self._best = 0, float("inf")

    def update(self, scores: Sequence[float]) -> bool:
        """
        Args:
            scores: of all epochs so far.
        """
        for score in scores[self._n_seen :]:
            self._n_seen += 1
            self._best = min(self._best, score)
            if is_rung(self._n_seen) and self._is_hopeless(self._n_seen, self._best):
                return True
        return False


def format_trials(heads: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Numbers to the right of the first column; the last row stands apart. Where it is narrow, heads break into words.

    Args:
        width: of the terminal; None: of the one there is.
    """
    columns = width or shutil.get_terminal_size((120, 24)).columns
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) > columns:
        heads = [head.replace("_", "_\n").replace(" ", "\n") for head in heads]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows[:-1]:
        table.add_row(*(Text(printable(text)) for text in row))
    table.add_section()
    table.add_row(*(Text(printable(text)) for text in rows[-1]), style="dim")
    buffer = io.StringIO()
    Console(file=buffer, width=columns, force_terminal=sys.stdout.isatty(), highlight=False).print(table)
    return buffer.getvalue()
