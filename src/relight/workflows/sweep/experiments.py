"""Trials that are DVC experiments: each the whole pipeline, recorded under the trial's name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from relight.domain.search_space import Proposal
from relight.domain.sweeping import value_of
from relight.errors import RunError
from relight.io.artifacts import read_json
from relight.io.side_repository import SideRepository
from relight.io.yaml12 import read_yaml
from relight.params.sweep import Scalar
from relight.workflows.sweep.settings import METRICS, PARAMS, with_proposal

CURVES = Path("reports/train/curves.csv")


def run_experiment(
    side: SideRepository,
    name: str,
    proposal: Proposal,
    metric: str | None,
    is_hopeless: Callable[[Sequence[float]], bool],
) -> float | None:
    """The value that the trial reaches; None: it was hopeless, and no experiment is made.

    Raises:
        RunError: when a stage failed, or there is no such metric.
    """
    (side.folder / CURVES).unlink(missing_ok=True)  # of the trial before: it would be taken for this one's
    overrides = [f"{key}={_in_hydra(value)}" for key, value in proposal.items()]
    if not side.run(name, overrides, lambda folder: is_hopeless(_scores(folder))):
        return None
    document = read_yaml(side.folder / PARAMS)
    if document.value != with_proposal(document, proposal).value:
        raise RunError(f"{name}: dvc wrote other values into params.yaml than these: {', '.join(overrides)}")
    if metric is not None:
        return _metric(side.folder / METRICS, metric)
    return value_of(_scores(side.folder), keeps_best=document.value["train"]["early_stopping"] is not None)


def _metric(path: Path, dotted: str) -> float:
    value: Any = read_json(path)
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, int | float):
        raise RunError(f"sweep.yaml: metric: {dotted} is no number in {METRICS} of the trial, however: {value}")
    return float(value)


def _scores(folder: Path) -> list[float]:
    """Of the epochs that the curves hold by now; a last line may be half written."""
    try:
        whole = (folder / CURVES).read_text(encoding="utf-8").rpartition("\n")[0]
    except FileNotFoundError:
        return []
    if "\n" not in whole:
        return []
    return pl.read_csv(whole.encode(), columns=["validation_score"])["validation_score"].cast(pl.Float64).to_list()


def _in_hydra(value: Scalar) -> str:
    """As `dvc exp run -S` reads it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return "'" + value.replace("'", "\\'") + "'"
    return repr(value)
