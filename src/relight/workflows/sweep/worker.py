"""One process of a sweep: takes trials and runs them until the budget is used up.

`relight sweep` starts it as `python -m relight.workflows.sweep.worker ORDER`.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from relight.domain.search_space import Proposal
from relight.domain.sweeping import Rungs
from relight.errors import RelightError, RunError
from relight.io.runner.failures import exit_code
from relight.io.runner.lifetime import PARENT, end_with_parent
from relight.io.side_repository import Baseline, SideRepository
from relight.io.slots import Slot, slot
from relight.io.study import Ledger, Taken
from relight.workflows.sweep.experiments import run_experiment
from relight.workflows.sweep.places import ledger_of, slots_of
from relight.workflows.sweep.settings import Settings, read_settings, why_invalid, with_proposal

MOST_FAILURES = 5

Run = Callable[[str, Proposal, Callable[[Sequence[float]], bool]], float | None]


class Order(NamedTuple):
    """
    Attributes:
        is_first: whether this process also runs what params.yaml itself says.
    """

    file: str
    fast: bool
    baseline: Baseline
    is_first: bool


def main(order: Order) -> None:
    settings = read_settings(Path(order.file), fast=order.fast)
    with slot(slots_of(settings.sweep)) as held:
        ledger = ledger_of(settings.sweep)
        run = runner(settings, order.baseline, held)
        if order.is_first and ledger.default() is None:
            _run_default(ledger, settings, run)
        with ledger.beating():
            run_trials(ledger, settings, held, run)


def run_trials(ledger: Ledger, settings: Settings, held: Slot, run: Run) -> None:
    """All that are left.

    Raises:
        RunError: when the first ones failed and none came to its end: then it is not the proposals that are wrong.
    """
    while (taken := ledger.take(held)) is not None:
        _run_trial(taken, settings, run)
        ended = [row for row in ledger.rows() if row.state != "running"]
        if len(ended) >= MOST_FAILURES and all(row.state == "failed" for row in ended):
            raise RunError(f"relight sweep: the first {len(ended)} trials failed, the last one so: {ended[-1].why}")


def runner(settings: Settings, baseline: Baseline, held: Slot) -> Run:
    """What runs a trial: in this process, or as an experiment."""
    if settings.fast:
        from relight.workflows.sweep.fast import FastTrainer  # torch

        trainer = FastTrainer()
        return lambda _name, proposal, is_hopeless: trainer.train(
            with_proposal(settings.document, proposal), is_hopeless
        )
    side = SideRepository(held.path.with_suffix(""), baseline)
    metric = settings.sweep.metric
    return lambda name, proposal, is_hopeless: run_experiment(side, name, proposal, metric, is_hopeless)


def _run_trial(taken: Taken, settings: Settings, run: Run) -> None:
    name, began = f"{settings.sweep.name}-{taken.number:04d}", time.monotonic()
    rungs = Rungs(taken.is_hopeless) if settings.sweep.prune else None
    why, value = why_invalid(settings.document, taken.proposal), None
    if why is None:
        try:
            value = run(name, taken.proposal, rungs.see if rungs else _never)
        except RelightError as error:
            why = "; ".join(error.problems)
    seconds = time.monotonic() - began
    if why is not None:
        taken.fail(why, seconds)
        said = f"failed: {why}"
    elif value is None:
        taken.prune(seconds)
        said = "ended early: its validation curve was in the worst quarter"
    else:
        taken.complete(value, seconds)
        said = f"{value:.6g}"
    _say(f"{name}: {said} ({seconds:.1f} s)")


def _run_default(ledger: Ledger, settings: Settings, run: Run) -> None:
    name = f"{settings.sweep.name}-default"
    try:
        value, why = run(name, {}, _never), ""
    except RelightError as error:
        value, why = None, "; ".join(error.problems)
    ledger.set_default(value, why)
    _say(f"{name}: {why or format(value, '.6g')}")


def _never(_scores: Sequence[float]) -> bool:
    return False


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


def order_of(text: str) -> Order:
    said: dict[str, Any] = json.loads(text)
    return Order(**{**said, "baseline": Baseline(*said["baseline"])})


if __name__ == "__main__":
    end_with_parent()
    os.environ.pop(PARENT, None)  # it is that of this process alone
    code = exit_code(lambda: main(order_of(sys.argv[1])), "relight sweep")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is about to end anyway
    sys.exit(code)
