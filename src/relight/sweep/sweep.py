"""`relight sweep`: run trials with proposed params, and rank them. An interrupted sweep goes on."""

from pathlib import Path

from relight.errors import InputError, RunError
from relight.repository.dvc_command import run_dvc
from relight.runtime.dependencies import read_declaration
from relight.runtime.installed import assert_installed
from relight.runtime.lifetime import exclusive_lock
from relight.runtime.messages import notify
from relight.runtime.nested import differing_keys, value_at
from relight.sweep.clone import Baseline, ExperimentClone, current_baseline, existing_experiments
from relight.sweep.params import SweepParams
from relight.sweep.processes import SweepJobs, acquire_slot, gpu_environment, visible_gpus
from relight.sweep.scores import score_name
from relight.sweep.settings import (
    SweepSettings,
    experiment_name,
    read_sweep_settings,
    study_identity,
    sweep_warnings,
)
from relight.sweep.storage import open_trial_queue, slots_folder, sweep_folder
from relight.sweep.trial_queue import TrialQueue
from relight.sweep.trials import SweepTrial, best_trials_table, format_trials, rank_trials, trial_counts_text
from relight.sweep.worker import WorkerOrder, run_experiment

WORKER_MODULE = "relight.sweep.worker"


def sweep(file: Path, *, jobs: int | None, fast: bool, keep: int) -> str:
    """Run the sweep and return the table of its best trials.

    Args:
        file: sweep.yaml.
        jobs: number of parallel processes; None for one per GPU, or one.
        keep: number of the best trials that become experiments, with `fast`.

    Raises:
        InputError: if sweep.yaml or params.yaml is wrong, the study was begun with other ones, or another Relight is
            installed than that of the project.
        RunError: if no trial is complete.
    """
    settings = read_sweep_settings(file, fast=fast)
    if fast:  # without it the stages themselves refuse
        assert_installed(read_declaration("train", settings.document))
    baseline = current_baseline()
    for warning in sweep_warnings(settings):
        notify(f"note: {warning}")
    if fast:
        with exclusive_lock(sweep_folder(settings.sweep) / "split.lock"):
            run_dvc("repro", "--quiet", "split")
    queue = open_trial_queue(settings.sweep)
    _assert_same_study(queue, settings)
    if queue.has_work():
        _run_jobs(file, baseline, jobs=jobs, fast=fast)
    trials, default = _read_trials(queue, settings.sweep), _default_trial(queue, settings)
    best = rank_trials(trials, maximize=settings.sweep.direction == "maximize")
    if not best:
        raise RunError(f"relight sweep: {trial_counts_text(trials)}, so none is the best; {_last_failure(queue)}")
    if fast:
        _make_experiments(settings, baseline, best[:keep])
    label = settings.objective.label if settings.objective is not None else score_name(settings.monitor)
    table = best_trials_table(best, default, label)
    return f"{trial_counts_text(trials)}\n\n{format_trials(*table)}{_next_command(best[0].name, baseline, fast=fast)}"


def _assert_same_study(queue: TrialQueue, settings: SweepSettings) -> None:
    """Record the identity of a new study; compare that of an older one.

    Raises:
        InputError: if the trials of the study would not be comparable with new ones.
    """
    now, before = study_identity(settings), queue.identity()
    if before is None:
        queue.set_identity(now)
    elif changed := differing_keys(before, now):
        raise InputError(
            f"sweep.yaml: name: the trials of {settings.sweep.name} were begun with other values of "
            f"{', '.join(changed)}; restore these, or give the sweep a new name"
        )


def _run_jobs(file: Path, baseline: Baseline, *, jobs: int | None, fast: bool) -> None:
    gpus = visible_gpus()
    n_jobs = jobs or max(1, len(gpus))
    orders = [WorkerOrder(str(file), fast, baseline, is_first=job == 0)._asdict() for job in range(n_jobs)]
    SweepJobs(WORKER_MODULE, orders, [gpu_environment(job, gpus) for job in range(n_jobs)]).run()


def _read_trials(queue: TrialQueue, sweep_params: SweepParams) -> list[SweepTrial]:
    return [
        SweepTrial(experiment_name(sweep_params, f"{row.number:04d}"), row.state, row.value, row.params)
        for row in queue.records()
    ]


def _default_trial(queue: TrialQueue, settings: SweepSettings) -> SweepTrial:
    result = queue.default_result() or {"value": None}
    params = {key: value_at(settings.document.value, key) for key in settings.sweep.params}
    return SweepTrial("params.yaml", "complete", result["value"], params)


def _last_failure(queue: TrialQueue) -> str:
    why = [row.reason for row in queue.records() if row.reason]
    return f"the last one: {why[-1]}" if why else "give it a larger budget"


def _make_experiments(settings: SweepSettings, baseline: Baseline, best: list[SweepTrial]) -> None:
    """Run those of the best trials that are no experiments yet as experiments."""
    existing = existing_experiments([trial.name for trial in best], baseline.commit)
    new = [trial for trial in best if trial.name not in existing]
    if not new:
        return
    with acquire_slot(slots_folder(settings.sweep)) as slot:
        clone = ExperimentClone(slot.path.with_suffix(""), baseline)
        for trial in new:
            value = run_experiment(clone, trial.name, trial.params, settings, lambda _scores: False)
            notify(f"{trial.name}: is an experiment now")
            if value != trial.value:
                notify(f"note: {trial.name} reaches {value:.6g} as an experiment, {trial.value:.6g} in the sweep")


def _next_command(name: str, baseline: Baseline, *, fast: bool) -> str:
    """Return the command with which the best trial can be used."""
    if existing_experiments([name], baseline.commit):
        return f"\nApply the best one with\n  dvc exp apply {name}\n"
    if fast:
        return f"\n`relight sweep --fast` makes an experiment of {name}\n"
    return f"\nThe best one ran elsewhere: there `dvc exp push origin {name}`, here `dvc exp pull origin {name}`\n"
