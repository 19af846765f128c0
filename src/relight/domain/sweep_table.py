"""A sweep for people: its best trials in a table, beside what the params had reached as they were."""

from collections.abc import Sequence
from typing import NamedTuple

from relight.domain.search_space import Proposal

MOST_ROWS = 10


class Trial(NamedTuple):
    name: str
    state: str
    value: float | None
    params: Proposal


class Table(NamedTuple):
    heads: list[str]
    rows: list[list[str]]


def ranked(trials: Sequence[Trial], *, maximize: bool) -> list[Trial]:
    """Those that came to their end, the best one first; of equals the first."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    return sorted(complete, key=lambda trial: (-(trial.value or 0.0) if maximize else (trial.value or 0.0), trial.name))


def best_table(best: Sequence[Trial], default: Trial, metric: str) -> Table:
    """The best trials, and params.yaml as it is in the last row."""
    keys = list(best[0].params) if best else []
    shown = [*best[:MOST_ROWS], default]
    heads = ["trial", metric, *_short(keys)]
    rows = [[trial.name, text_of(trial.value), *(text_of(trial.params.get(key)) for key in keys)] for trial in shown]
    return Table(heads, rows)


def counts(trials: Sequence[Trial]) -> str:
    """How many ended how: `40 trials: 31 complete, 8 ended early, 1 failed`."""
    words = {"complete": "complete", "pruned": "ended early", "failed": "failed", "running": "running"}
    found = {state: sum(trial.state == state for trial in trials) for state in words}
    said = ", ".join(f"{count} {words[state]}" for state, count in found.items() if count)
    return f"{len(trials)} trials: {said}" if said else "no trials"


def text_of(value: object) -> str:
    """Few digits: what is to be run again is known by its name."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _short(keys: Sequence[str]) -> list[str]:
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


def differing(old: object, new: object, where: str = "") -> list[str]:
    """The dotted names at which two nested mappings differ."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [] if old == new else [where]
    names = sorted({*old, *new})
    return [
        found
        for name in names
        for found in differing(old.get(name), new.get(name), f"{where}.{name}" if where else name)
    ]
