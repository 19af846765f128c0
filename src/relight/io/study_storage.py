"""Where the study of a sweep lies: a file of this repository, or a database that several machines share."""

import os
import re
import time
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage

from relight.errors import InputError
from relight.io.journal import KillableJournal
from relight.io.slots import alone

BEING_MADE = ("already exists", "UNIQUE constraint", "uplicate")  # what databases say of tables made twice at once
MOST_TRIES, SECONDS_BETWEEN_TRIES = 5, 0.5

optuna.logging.set_verbosity(optuna.logging.ERROR)  # the sweep says itself what a person wants to know


def open_study(url: str | None, file: Path, name: str, direction: str, sampler: BaseSampler) -> Any:
    """The study of this name, made where there is none.

    Args:
        url: of a database; None: the journal `file`.

    Raises:
        InputError: when the database cannot be reached.
    """
    with alone(file.with_suffix(".lock")):
        return optuna.create_study(
            storage=JournalStorage(KillableJournal(file)) if url is None else _database(url),
            sampler=sampler,
            pruner=NopPruner(),  # `is_hopeless` decides
            study_name=name,
            direction="maximize" if direction == "maximize" else "minimize",
            load_if_exists=True,
        )


def _database(url: str) -> BaseStorage:
    whole = os.path.expandvars(url)
    if missing := re.search(r"\$\{(\w+)\}", whole):
        raise InputError(f"storage: {missing[1]} is not set in the environment; set it, and start again")
    options = {"connect_args": {"timeout": 60}} if whole.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        return _opened(whole, options)
    except Exception as error:  # of SQLAlchemy, of each driver, of Optuna: all say that it cannot be reached
        raise InputError(f"storage: {url} cannot be opened: {_why(error)}; see docs/sweep.md") from error


def _why(error: BaseException) -> str:
    """A driver that is missing by its name, which Optuna leaves out."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ImportError) and cause.name:
            return f"its driver {cause.name} is not installed"
        cause = cause.__cause__ or cause.__context__
    return str(error).split("\n")[0]


def _opened(url: str, options: dict[str, Any]) -> BaseStorage:
    """Another machine may be making the same tables right now: a moment later they are there."""
    for _ in range(MOST_TRIES):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except Exception as error:
            if not any(words in str(error) for words in BEING_MADE):
                raise
        time.sleep(SECONDS_BETWEEN_TRIES)
    return RDBStorage(url, engine_kwargs=options)
