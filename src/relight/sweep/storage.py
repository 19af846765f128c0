"""The storage of the study of a sweep: a journal file of this repository, or a database that machines share."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

import optuna
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from relight.errors import InputError
from relight.repository.remotes import without_password
from relight.runtime.lifetime import exclusive_lock
from relight.runtime.workspace import scratch_folder
from relight.sweep.params import SweepParams
from relight.sweep.proposals import PerTrialSampler, max_trials, search_distributions
from relight.sweep.trial_queue import TrialQueue

RACE_MESSAGES = (
    "already exists",
    "UNIQUE constraint",
    "uplicate",
)  # of two processes that create a table
PACKAGES = {"psycopg": "'psycopg[binary]'"}  # of a driver, if it has another name
MAX_TRIES, SECONDS_BETWEEN_TRIES = 5, 0.5


class CrashSafeJournal(JournalFileBackend):
    """Optuna's journal in a file that stays readable when a writer is killed.

    Optuna's own lock is a link that outlives a killed process by 30 seconds, and a line that was cut short makes every
    later read fail. Here the kernel frees the lock, and the next writer removes such a line. Writes are not flushed to
    the disk: a power cut may lose the last seconds, and their trials run again.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(str(path))
        self._path = path
        self.append_logs([])  # removes a last line that was cut short

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with exclusive_lock(self._path), open(self._path, "r+b", buffering=0) as file:
            file.seek(_complete_length(file.fileno()))
            file.truncate()
            file.write(text.encode())


def _complete_length(file: int) -> int:
    """Return the number of bytes of the complete lines."""
    end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - 65_536)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


optuna.logging.set_verbosity(optuna.logging.ERROR)  # the sweep reports its trials itself


def open_study(url: str | None, file: Path, name: str, direction: str, sampler: BaseSampler) -> Any:
    """Return the study of this name; create it if there is none.

    Args:
        url: of a database; None for the journal `file`.

    Raises:
        InputError: if the database cannot be reached.
    """
    with exclusive_lock(file.with_suffix(".lock")):
        return optuna.create_study(
            storage=JournalStorage(CrashSafeJournal(file)) if url is None else _database(url),
            sampler=sampler,
            pruner=NopPruner(),  # ClaimedTrial.should_prune decides
            study_name=name,
            direction="maximize" if direction == "maximize" else "minimize",
            load_if_exists=True,
        )


def _database(url: str) -> BaseStorage:
    expanded = os.path.expandvars(url)
    if missing := re.search(r"\$\{(\w+)\}", expanded):
        raise InputError(f"storage: {missing[1]} is not set in the environment; set it, and start again")
    options = {"connect_args": {"timeout": 60}} if expanded.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        return _open_storage(expanded, options)
    except Exception as error:  # SQLAlchemy, each driver and Optuna have errors of their own
        problem = _without_values(_database_problem(error), url)
        # The error itself may hold the password, and RELIGHT_DEBUG=1 would show it.
        raise InputError(f"storage: {url} cannot be opened: {problem}, or set it to null for a file") from None


def _without_values(text: str, url: str) -> str:
    """Return the text with `${NAME}` for the values of the variables in a URL: one of them may be the password."""
    for name in re.findall(r"\$\{?(\w+)", url):
        value = os.environ.get(name, "")
        forms = {value, unquote_plus(value), quote_plus(value), quote(value, safe="")}
        forms |= {word for form in forms for word in re.findall(r"\w+", form)}  # a driver may cite a part
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, f"${{{name}}}") if len(form) > 3 else text
    return without_password(text)


def _database_problem(error: BaseException) -> str:
    """Return the reason and the next step; for a missing driver its name, which Optuna leaves out."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ImportError) and cause.name:
            return f"its driver {cause.name} is not installed; run `pip install {PACKAGES.get(cause.name, cause.name)}`"
        cause = cause.__cause__ or cause.__context__
    first_line = str(error).split("\n")[0]
    return f"{first_line}; correct the address"


def _open_storage(url: str, options: dict[str, Any]) -> BaseStorage:
    """Open a database; try again if another machine creates the same tables at this moment."""
    for _ in range(MAX_TRIES):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except Exception as error:
            if not any(words in str(error) for words in RACE_MESSAGES):
                raise
        time.sleep(SECONDS_BETWEEN_TRIES)
    return RDBStorage(url, engine_kwargs=options)


def sweep_folder(sweep: SweepParams) -> Path:
    return scratch_folder() / "sweeps" / sweep.name


def slots_folder(sweep: SweepParams) -> Path:
    """Return the folder of the slots, and of the clones in which their holders run experiments."""
    return sweep_folder(sweep) / "jobs"


def open_trial_queue(sweep: SweepParams) -> TrialQueue:
    """Open the queue of a sweep.

    Raises:
        InputError: if the database cannot be reached.
    """
    folder, direction = sweep_folder(sweep), sweep.direction or "minimize"
    study = open_study(sweep.storage, folder / "study.journal", sweep.name, direction, PerTrialSampler(sweep))
    minutes = sweep.budget.minutes
    return TrialQueue(
        study, search_distributions(sweep), folder / "take.lock", n_trials=max_trials(sweep), minutes=minutes
    )
