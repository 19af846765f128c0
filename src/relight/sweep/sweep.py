"""sweep: propose params, run them, and say which are best. What was begun before goes on."""

import sys
from pathlib import Path
from typing import Any

from relight.errors import InputError, RunError
from relight.repository.dvc import dvc
from relight.runtime.nested import differing_keys
from relight.sweep.clone import Baseline, SideRepository, baseline_here, experiments_here
from relight.sweep.ledger import Ledger
from relight.sweep.params import SweepParams
from relight.sweep.processes import Jobs, alone, gpu_of, slot, visible_gpus
from relight.sweep.settings import Settings, about, read_settings, remarks
from relight.sweep.storage import folder_of, ledger_of, slots_of
from relight.sweep.trials import Trial, best_table, counts, ranked, trials_table
from relight.sweep.worker import Order, run_experiment

WORKER = "relight.sweep.worker"

SCORE = "validation score"


def sweep(file: Path, *, jobs: int | None, fast: bool, keep: int) -> str:
    """The table of the best trials.

    Args:
        jobs: processes side by side; None: one for each GPU, or one.
        keep: how many of the best become experiments, with `fast`.

    Raises:
        InputError: when sweep.yaml or params.yaml is wrong, or the study was begun with others.
        RunError: when no trial can run.
    """
    settings = read_settings(file, fast=fast)
    baseline = baseline_here()
    for remark in remarks(settings):
        _say(f"note: {remark}")
    if fast:
        with alone(folder_of(settings.sweep) / "split.lock"):
            dvc("repro", "--quiet", "split")
    ledger = ledger_of(settings.sweep)
    _agree(ledger, settings)
    if ledger.has_work():
        _run_jobs(file, baseline, jobs=jobs, fast=fast)
    trials, default = _trials(ledger, settings.sweep), _default(ledger, settings)
    best = ranked(trials, maximize=settings.sweep.direction == "maximize")
    if not best:
        raise RunError(f"relight sweep: {counts(trials)}, so none is the best; {_last_failure(ledger)}")
    if fast:
        _keep(settings, baseline, best[:keep])
    table = best_table(best, default, settings.sweep.metric or SCORE)
    return f"{counts(trials)}\n\n{trials_table(*table)}{_next(best[0].name, baseline, fast=fast)}"


def _agree(ledger: Ledger, settings: Settings) -> None:
    """
    Raises:
        InputError: when the trials that are there would not be comparable with new ones.
    """
    now, before = about(settings), ledger.about()
    if before is None:
        ledger.set_about(now)
    elif changed := differing_keys(before, now):
        raise InputError(
            f"sweep.yaml: name: the trials of {settings.sweep.name} were begun with other values of "
            f"{', '.join(changed)}; take these back, or give the sweep a new name"
        )


def _run_jobs(file: Path, baseline: Baseline, *, jobs: int | None, fast: bool) -> None:
    gpus = visible_gpus()
    n_jobs = jobs or max(1, len(gpus))
    orders = [Order(str(file), fast, baseline, is_first=job == 0)._asdict() for job in range(n_jobs)]
    Jobs(WORKER, orders, [gpu_of(job, gpus) for job in range(n_jobs)]).run()


def _trials(ledger: Ledger, sweep_params: SweepParams) -> list[Trial]:
    name = sweep_params.name
    return [Trial(f"{name}-{row.number:04d}", row.state, row.value, row.params) for row in ledger.rows()]


def _default(ledger: Ledger, settings: Settings) -> Trial:
    said = ledger.default() or {"value": None}
    params = {key: _value_at(settings.document.value, key) for key in settings.sweep.params}
    return Trial("params.yaml", "complete", said["value"], params)


def _value_at(value: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        value = value[key] if isinstance(value, dict) else None
    return value


def _last_failure(ledger: Ledger) -> str:
    why = [row.why for row in ledger.rows() if row.why]
    return f"the last one: {why[-1]}" if why else "give it a larger budget"


def _keep(settings: Settings, baseline: Baseline, best: list[Trial]) -> None:
    """Make experiments of the best."""
    there = experiments_here([trial.name for trial in best], baseline.commit)
    new = [trial for trial in best if trial.name not in there]
    if not new:
        return
    with slot(slots_of(settings.sweep)) as held:
        side = SideRepository(held.path.with_suffix(""), baseline)
        for trial in new:
            value = run_experiment(side, trial.name, trial.params, None, lambda _scores: False)
            _say(f"{trial.name}: is an experiment now")
            if value != trial.value:
                _say(f"note: {trial.name} reaches {value:.6g} as an experiment, {trial.value:.6g} in the sweep")


def _next(name: str, baseline: Baseline, *, fast: bool) -> str:
    """The command that comes next."""
    if experiments_here([name], baseline.commit):
        return f"\nTake the best one over with\n  dvc exp apply {name}\n"
    if fast:
        return f"\n`relight sweep --fast` makes an experiment of {name}\n"
    return f"\nThe best one ran elsewhere: there `dvc exp push origin {name}`, here `dvc exp pull origin {name}`\n"


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")
