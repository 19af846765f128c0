"""Worker process running trials.

Trials that are DVC experiments: each the whole pipeline, recorded under the trial's name.

One process of a sweep: takes trials and runs them until the budget is used up.

`relight sweep` starts it as `python -m relight.sweep.worker ORDER`.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from relight.errors import RelightError, RunError
from relight.runtime.files import read_json
from relight.runtime.lifetime import PARENT_VARIABLE, end_with_parent
from relight.runtime.messages import notify, run_for_exit_code
from relight.runtime.strict_yaml import read_yaml
from relight.sweep.clone import Baseline, ExperimentClone
from relight.sweep.ledger import ClaimedTrial, TrialQueue
from relight.sweep.params import Scalar
from relight.sweep.processes import Slot, acquire_slot
from relight.sweep.proposals import Proposal
from relight.sweep.settings import (
    METRICS_PATH,
    PARAMS_PATH,
    SweepSettings,
    proposal_problem,
    read_sweep_settings,
    with_proposal,
)
from relight.sweep.storage import open_trial_queue, slots_folder
from relight.sweep.trials import PruningRungs, trial_value

CURVES_PATH = Path("reports/train/curves.csv")
MAX_FAILURES = 5
TrialRunner = Callable[[str, Proposal, Callable[[Sequence[float]], bool]], float | None]


def run_experiment(
    side: ExperimentClone,
    name: str,
    proposal: Proposal,
    metric: str | None,
    is_hopeless: Callable[[Sequence[float]], bool],
) -> float | None:
    """The value that the trial reaches; None: it was hopeless, and no experiment is made.

    Raises:
        RunError: when a stage failed, or there is no such metric.
    """
    (side.folder / CURVES_PATH).unlink(missing_ok=True)  # of the trial before: it would be taken for this one's
    overrides = [f"{key}={_hydra_text(value)}" for key, value in proposal.items()]
    if not side.run(name, overrides, lambda folder: is_hopeless(_read_scores(folder))):
        return None
    document = read_yaml(side.folder / PARAMS_PATH)
    if document.value != with_proposal(document, proposal).value:
        raise RunError(f"{name}: dvc wrote other values into params.yaml than these: {', '.join(overrides)}")
    if metric is not None:
        return _read_metric(side.folder / METRICS_PATH, metric)
    return trial_value(_read_scores(side.folder), keeps_best=document.value["train"]["early_stopping"] is not None)


def _read_metric(path: Path, dotted: str) -> float:
    value: Any = read_json(path)
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, int | float):
        raise RunError(f"sweep.yaml: metric: {dotted} is no number in {METRICS_PATH} of the trial, got {value}")
    return float(value)


def _read_scores(folder: Path) -> list[float]:
    """Of the epochs that the curves hold by now; a last line may be half written."""
    try:
        whole = (folder / CURVES_PATH).read_text(encoding="utf-8").rpartition("\n")[0]
    except FileNotFoundError:
        return []
    if "\n" not in whole:
        return []
    return pl.read_csv(whole.encode(), columns=["validation_score"])["validation_score"].cast(pl.Float64).to_list()


def _hydra_text(value: Scalar) -> str:
    """As `dvc exp run -S` reads it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return "'" + value.replace("'", "\\'") + "'"
    return repr(value)


class WorkerOrder(NamedTuple):
    """
    Attributes:
        is_first: whether this process also runs what params.yaml itself says.
    """

    file: str
    fast: bool
    baseline: Baseline
    is_first: bool


def main(order: WorkerOrder) -> None:
    settings = read_sweep_settings(Path(order.file), fast=order.fast)
    with acquire_slot(slots_folder(settings.sweep)) as claimed_slot:
        ledger = open_trial_queue(settings.sweep)
        run = build_trial_runner(settings, order.baseline, claimed_slot)
        if order.is_first and ledger.default_result() is None:
            _run_default(ledger, settings, run)
        with ledger.heartbeat():
            run_trials(ledger, settings, claimed_slot, run)


def run_trials(ledger: TrialQueue, settings: SweepSettings, claimed_slot: Slot, run: TrialRunner) -> None:
    """All that are left.

    Raises:
        RunError: when the first ones failed and none came to its end: then it is not the proposals that are wrong.
    """
    while (trial := ledger.claim(claimed_slot)) is not None:
        _run_trial(trial, settings, run)
        ended = [row for row in ledger.records() if row.state != "running"]
        if len(ended) >= MAX_FAILURES and all(row.state == "failed" for row in ended):
            raise RunError(f"relight sweep: the first {len(ended)} trials failed, the last one so: {ended[-1].reason}")


def build_trial_runner(settings: SweepSettings, baseline: Baseline, claimed_slot: Slot) -> TrialRunner:
    """What runs a trial: in this process, or as an experiment."""
    if settings.fast:
        from relight.sweep.in_process import InProcessTrainer  # torch

        trainer = InProcessTrainer()
        return lambda _name, proposal, is_hopeless: trainer.train(
            with_proposal(settings.document, proposal), is_hopeless
        )
    side = ExperimentClone(claimed_slot.path.with_suffix(""), baseline)
    metric = settings.sweep.metric
    return lambda name, proposal, is_hopeless: run_experiment(side, name, proposal, metric, is_hopeless)


def _run_trial(trial: ClaimedTrial, settings: SweepSettings, run: TrialRunner) -> None:
    name, began = f"{settings.sweep.name}-{trial.number:04d}", time.monotonic()
    rungs = PruningRungs(trial.should_prune) if settings.sweep.prune else None
    why, value = proposal_problem(settings.document, trial.proposal), None
    if why is None:
        try:
            value = run(name, trial.proposal, rungs.update if rungs else _never_prune)
        except RelightError as error:
            why = "; ".join(error.problems)
    seconds = time.monotonic() - began
    if why is not None:
        trial.fail(why, seconds)
        outcome = f"failed: {why}"
    elif value is None:
        trial.prune(seconds)
        outcome = "ended early: its validation curve was in the worst quarter"
    else:
        trial.complete(value, seconds)
        outcome = f"{value:.6g}"
    notify(f"{name}: {outcome} ({seconds:.1f} s)")


def _run_default(ledger: TrialQueue, settings: SweepSettings, run: TrialRunner) -> None:
    name = f"{settings.sweep.name}-default"
    try:
        value, why = run(name, {}, _never_prune), ""
    except RelightError as error:
        value, why = None, "; ".join(error.problems)
    ledger.set_default_result(value, why)
    notify(f"{name}: {why or format(value, '.6g')}")


def _never_prune(_scores: Sequence[float]) -> bool:
    return False


def parse_order(text: str) -> WorkerOrder:
    content: dict[str, Any] = json.loads(text)
    return WorkerOrder(**{**content, "baseline": Baseline(*content["baseline"])})


if __name__ == "__main__":
    end_with_parent()
    os.environ.pop(PARENT_VARIABLE, None)  # it is that of this process alone
    code = run_for_exit_code(lambda: main(parse_order(sys.argv[1])), "relight sweep")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is about to end anyway
    sys.exit(code)
