"""The trials of a sweep: their values, the rungs at which they may be pruned, and the table of the best ones."""

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
FIRST_RUNG = 4  # epochs


class SweepTrial(NamedTuple):
    """A trial by the name of its experiment; `value` is None unless it is complete or pruned."""

    name: str
    state: str
    value: float | None
    params: Proposal


class TrialTable(NamedTuple):
    heads: list[str]
    rows: list[list[str]]


def rank_trials(trials: Sequence[SweepTrial], *, maximize: bool) -> list[SweepTrial]:
    """Return the complete trials, the best one first, equal ones by name."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    return sorted(complete, key=lambda trial: (-(trial.value or 0.0) if maximize else (trial.value or 0.0), trial.name))


def best_trials_table(best: Sequence[SweepTrial], default: SweepTrial, metric: str) -> TrialTable:
    """Return the best trials, and the unmodified params.yaml in the last row."""
    keys = list(best[0].params) if best else []
    shown = [*best[:MAX_TRIALS_SHOWN], default]
    heads = ["trial", metric, *_short_keys(keys)]
    rows = [
        [trial.name, value_text(trial.value), *(value_text(trial.params.get(key)) for key in keys)] for trial in shown
    ]
    return TrialTable(heads, rows)


def trial_counts_text(trials: Sequence[SweepTrial]) -> str:
    """Return the number of trials by state: `40 trials: 31 complete, 8 ended early, 1 failed`."""
    words = {"complete": "complete", "pruned": "ended early", "failed": "failed", "running": "running"}
    counts_by_state = {state: sum(trial.state == state for trial in trials) for state in words}
    text = ", ".join(f"{count} {words[state]}" for state, count in counts_by_state.items() if count)
    return f"{len(trials)} trials: {text}" if text else "no trials"


def value_text(value: object) -> str:
    """Return a value with few digits: a trial is run again by its name, not by these values."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _short_keys(keys: Sequence[str]) -> list[str]:
    """Return the fewest last words of each key that no other key ends with."""
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
    """Return whether curves are compared after so many epochs: 4, 6, 9, 14, 21, ...

    The rungs do not depend on `train.epochs`, so that trials with different ones can be compared.
    """
    rung = FIRST_RUNG
    while rung < epoch:
        rung = -(-rung * 3 // 2)
    return rung == epoch


class PruningRungs:
    """Asks at each rung whether the trial is hopeless, by its best score so far."""

    def __init__(self, is_hopeless: Callable[[int, float], bool]) -> None:
        self._is_hopeless = is_hopeless
        self._n_seen, self._best = 0, float("inf")

    def update(self, scores: Sequence[float]) -> bool:
        """Return whether the trial is hopeless at a rung that it has reached since the last call.

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
    """Return a table for the terminal, its last row set apart; if it is narrow, heads break into words.

    Args:
        width: in characters; None for that of the terminal.
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
