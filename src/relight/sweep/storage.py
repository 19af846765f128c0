"""The storage of the study of a sweep: a journal file of this repository, or a database that machines share."""

import io
import json
import os
import re
import time
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

import optuna
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from relight.errors import InputError
from relight.repository.addresses import without_password
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

    Each line ends with a CRC-32 of all lines up to it, so that none can be changed, added or missing unnoticed.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(str(path))
        self._path = path
        self._ends = [(0, 0)]  # of the lines that were read: the place in the file, and the CRC
        self.append_logs([])  # removes a last line that was cut short

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yield the complete lines.

        Raises:
            InputError: at the first line that this class has not written.
        """
        start, checksum = self._ends[log_number_from]
        with open(self._path, "rb") as file:
            file.seek(start)
            content = file.read(os.fstat(file.fileno()).st_size - start)  # others write at the same time
        for number, line in enumerate(io.BytesIO(content), log_number_from + 1):
            if not line.endswith(b"\n"):
                return
            log, checksum = self._checked(line, number, checksum)
            start += len(line)
            self._ends[number:] = [(start, checksum)]
            yield log

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines behind the complete ones.

        Raises:
            InputError: if this class has not written the last one.
        """
        with exclusive_lock(self._path), open(self._path, "r+b", buffering=0) as file:
            end = _complete_length(file.fileno())
            text, checksum = b"", self._checksum_before(file.fileno(), end) if logs else 0
            for log in logs:
                text += (line := _signed_line(log, checksum))
                checksum = _checksum_of(line) or 0
            file.seek(end)
            file.truncate()
            file.write(text)

    def _checked(self, line: bytes, number: int, checksum: int) -> tuple[dict[str, Any], int]:
        written = _checksum_of(line)
        if written is None or zlib.crc32(line[:-_N_CHECKSUM], checksum) != written:
            raise InputError(self._problem(f"line {number}"))
        return dict(json.loads(line)), written

    def _checksum_before(self, file: int, end: int) -> int:
        checksum = _checksum_of(os.pread(file, _N_CHECKSUM, max(0, end - _N_CHECKSUM))) if end > 0 else 0
        if checksum is None:
            raise InputError(self._problem("the last line"))
        return checksum

    def _problem(self, line: str) -> str:
        return (
            f"{self._path}: {line} is damaged, or something else wrote it, or one before it is missing; remove what "
            "something else wrote, or give the sweep a new `name` in sweep.yaml"
        )


_CHECKSUM = re.compile(rb',"crc":"([0-9a-f]{8})"}\n')
_N_CHECKSUM = len(b',"crc":"01234567"}\n')


def _signed_line(log: dict[str, Any], checksum: int) -> bytes:
    """Return the line of a log, with the checksum of all lines up to it.

    Args:
        checksum: of the lines before it.
    """
    text = json.dumps(log, separators=(",", ":")).encode()[:-1]
    return b'%s,"crc":"%08x"}\n' % (text, zlib.crc32(text, checksum))


def _checksum_of(line: bytes) -> int | None:
    """Return the checksum at the end of a line; None if there is none."""
    found = _CHECKSUM.fullmatch(line[-_N_CHECKSUM:])
    return int(found[1], 16) if found else None


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
