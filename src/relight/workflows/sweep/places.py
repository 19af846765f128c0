"""Where a sweep keeps what is its own, and its ledger there."""

from pathlib import Path

from relight.domain.sampler import Proposing
from relight.domain.search_space import distributions, n_trials
from relight.io.study import Ledger
from relight.io.study_storage import open_study
from relight.params.sweep import SweepParams

SWEEPS = Path(".dvc/tmp/relight/sweeps")


def folder_of(sweep: SweepParams) -> Path:
    return SWEEPS / sweep.name


def slots_of(sweep: SweepParams) -> Path:
    """One place for each process on this machine; beside it the clone in which it runs experiments."""
    return folder_of(sweep) / "jobs"


def ledger_of(sweep: SweepParams) -> Ledger:
    """
    Raises:
        InputError: when the database cannot be reached.
    """
    folder, direction = folder_of(sweep), sweep.direction or "minimize"
    study = open_study(sweep.storage, folder / "study.journal", sweep.name, direction, Proposing(sweep))
    minutes = sweep.budget.minutes
    return Ledger(study, distributions(sweep), folder / "take.lock", n_trials=n_trials(sweep), minutes=minutes)
