"""A worker process of a sweep: claims trials and runs them until the budget is used up.

A trial is a DVC experiment, the whole pipeline recorded under the name of the trial; with `--fast` it only trains.
`relight sweep` starts the worker as `python -m relight.sweep.worker ORDER`.
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
from relight.sweep.params import Scalar
from relight.sweep.processes import Slot, acquire_slot
from relight.sweep.proposals import Proposal
from relight.sweep.scores import trial_value
from relight.sweep.settings import (
    METRICS_PATH,
    PARAMS_PATH,
    SweepSettings,
    experiment_name,
    proposal_problem,
    read_sweep_settings,
    with_proposal,
)
from relight.sweep.storage import open_trial_queue, slots_folder
from relight.sweep.trial_queue import ClaimedTrial, TrialQueue
from relight.sweep.trials import PruningRungs

CURVES_PATH = Path("reports/train/curves.csv")
MAX_FAILURES = 5
TrialRunner = Callable[[str, Proposal, Callable[[Sequence[float]], bool]], float | None]


def run_experiment(
    clone: ExperimentClone,
    name: str,
    proposal: Proposal,
    settings: SweepSettings,
    is_hopeless: Callable[[Sequence[float]], bool],
) -> float | None:
    """Return the value of the trial; None if it was pruned, which makes no experiment.

    Args:
        settings: with the metric of reports/metrics.json, if it is not the validation score.
        is_hopeless: called with the validation scores of all epochs so far, as losses; True prunes the trial.

    Raises:
        RunError: if a stage failed, or there is no such metric.
    """
    (clone.model / CURVES_PATH).unlink(missing_ok=True)  # the curves of the trial before are not those of this one
    overrides = [f"{key}={_hydra_text(value)}" for key, value in proposal.items()]
    as_loss = settings.monitor.as_loss
    if not clone.run(name, overrides, lambda folder: is_hopeless([as_loss(score) for score in _read_scores(folder)])):
        return None
    document = read_yaml(clone.model / PARAMS_PATH)
    if document.value != with_proposal(document, proposal).value:
        raise RunError(f"{name}: dvc wrote other values into params.yaml than these: {', '.join(overrides)}")
    if settings.objective is not None:
        return settings.objective.value(_read_metric(clone.model / METRICS_PATH, settings.objective.metric))
    keeps_best = document.value["train"]["early_stopping"] is not None
    return trial_value(_read_scores(clone.model), settings.monitor, keeps_best=keeps_best)


def _read_metric(path: Path, dotted: str) -> float:
    value: Any = read_json(path)
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, int | float):
        raise RunError(f"sweep.yaml: metric: {dotted} must be a number in {METRICS_PATH} of the trial, got {value}")
    return float(value)


def _read_scores(folder: Path) -> list[float]:
    """Return the validation scores of the epochs so far; the last line may be half written."""
    try:
        complete = (folder / CURVES_PATH).read_text(encoding="utf-8").rpartition("\n")[0]
    except FileNotFoundError:
        return []
    if "\n" not in complete:
        return []
    return pl.read_csv(complete.encode(), columns=["validation_score"])["validation_score"].cast(pl.Float64).to_list()


def _hydra_text(value: Scalar) -> str:
    """Return a value as `dvc exp run -S` reads it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return "'" + value.replace("'", "\\'") + "'"
    return repr(value)


class WorkerOrder(NamedTuple):
    """The argument of a worker process.

    Attributes:
        file: sweep.yaml.
        is_first: whether this process also runs the unmodified params.yaml.
    """

    file: str
    fast: bool
    baseline: Baseline
    is_first: bool


def main(order: WorkerOrder) -> None:
    settings = read_sweep_settings(Path(order.file), fast=order.fast)
    with acquire_slot(slots_folder(settings.sweep)) as slot:
        queue = open_trial_queue(settings.sweep)
        run = build_trial_runner(settings, order.baseline, slot)
        if order.is_first and queue.default_result() is None:
            _run_default(queue, settings, run)
        with queue.heartbeat():
            run_trials(queue, settings, slot, run)


def run_trials(queue: TrialQueue, settings: SweepSettings, slot: Slot, run: TrialRunner) -> None:
    """Run all trials that are left.

    Raises:
        RunError: if the first ones all failed: then it is not the proposals that are wrong.
    """
    while (trial := queue.claim(slot)) is not None:
        _run_trial(trial, settings, run)
        ended = [row for row in queue.records() if row.state != "running"]
        if len(ended) >= MAX_FAILURES and all(row.state == "failed" for row in ended):
            raise RunError(f"relight sweep: the first {len(ended)} trials failed, the last one so: {ended[-1].reason}")


def build_trial_runner(settings: SweepSettings, baseline: Baseline, slot: Slot) -> TrialRunner:
    """Return a function that runs a trial, in this process or as an experiment."""
    if settings.fast:
        from relight.sweep.in_process import InProcessTrainer  # torch

        trainer = InProcessTrainer()
        return lambda _name, proposal, is_hopeless: trainer.train(
            with_proposal(settings.document, proposal), is_hopeless
        )
    clone = ExperimentClone(slot.path.with_suffix(""), baseline)
    return lambda name, proposal, is_hopeless: run_experiment(clone, name, proposal, settings, is_hopeless)


def _run_trial(trial: ClaimedTrial, settings: SweepSettings, run: TrialRunner) -> None:
    name, began = experiment_name(settings.sweep, f"{trial.number:04d}"), time.monotonic()
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


def _run_default(queue: TrialQueue, settings: SweepSettings, run: TrialRunner) -> None:
    name = experiment_name(settings.sweep, "default")
    try:
        value, why = run(name, {}, _never_prune), ""
    except RelightError as error:
        value, why = None, "; ".join(error.problems)
    queue.set_default_result(value, why)
    notify(f"{name}: {why or format(value, '.6g')}")


def _never_prune(_scores: Sequence[float]) -> bool:
    return False


def parse_order(text: str) -> WorkerOrder:
    content: dict[str, Any] = json.loads(text)
    return WorkerOrder(**{**content, "baseline": Baseline(*content["baseline"])})


if __name__ == "__main__":
    end_with_parent()
    os.environ.pop(PARENT_VARIABLE, None)  # it is only for this process
    code = run_for_exit_code(lambda: main(parse_order(sys.argv[1])), "relight sweep")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is about to end anyway
    sys.exit(code)
