"""The trials of a sweep as a queue in Optuna's storage: claimed, kept alive by a heartbeat, finished.

The trial of a process that died stays RUNNING in the storage. The next process that looks for work reclaims it with the
same number and the same params: none is lost, none is counted twice.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from relight.runtime.lifetime import exclusive_lock
from relight.sweep.processes import Slot, owner_liveness

HEARTBEAT_SECONDS = 20.0

MAX_SILENT_SECONDS = 90.0  # without a heartbeat, until a process of another machine counts as dead

MIN_OTHER_TRIALS = 5  # with fewer curves to compare with, no trial is pruned

MAX_ATTEMPTS = 3  # a trial that kills its process so often, by lack of memory for instance, is failed

OWNER_KEY, HEARTBEAT_KEY, SECONDS_KEY, REASON_KEY, IDENTITY_KEY, DEFAULT_KEY = (
    "owner",
    "beat",
    "seconds",
    "why",
    "about",
    "default",
)


class TrialRecord(NamedTuple):
    """A trial as the storage has it.

    Attributes:
        state: running, complete, pruned or failed.
        value: the metric of a complete trial, or the last validation score of a pruned one.
        reason: why it failed; else "".
    """

    number: int
    state: str
    params: dict[str, Any]
    value: float | None
    seconds: float | None
    reason: str


class TrialQueue:
    """The study of one sweep, as one process sees it.

    Args:
        lock: file that one process of this machine at a time holds while it claims a trial.
        n_trials: largest number of trials; None if only `minutes` limits them.
        minutes: budget for the time of all finished trials together.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: Mapping[str, BaseDistribution],
        lock: Path,
        *,
        n_trials: int | None,
        minutes: float | None,
    ) -> None:
        self._study, self._space, self._lock = study, dict(space), lock
        self._n_trials, self._minutes = n_trials, minutes
        self._last: Trial | None = None
        self._heartbeats: dict[int, tuple[Any, float]] = {}

    def identity(self) -> dict[str, Any] | None:
        """Return what makes the trials comparable, as it was when the study was begun; None for a new study."""
        return self._study.user_attrs.get(IDENTITY_KEY)

    def set_identity(self, identity: dict[str, Any]) -> None:
        self._study.set_user_attr(IDENTITY_KEY, identity)

    def default_result(self) -> dict[str, Any] | None:
        """Return the result of the unmodified params.yaml, `value` or `why` there is none; None if not yet run."""
        return self._study.user_attrs.get(DEFAULT_KEY)

    def set_default_result(self, value: float | None, why: str) -> None:
        self._study.set_user_attr(DEFAULT_KEY, {"value": value, "why": why})

    def records(self) -> list[TrialRecord]:
        return [_trial_record(trial) for trial in self._all()]

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Within the block, show other machines that the process of the last claimed trial is alive."""
        over = threading.Event()

        def beat() -> None:
            count = 0
            while not over.wait(HEARTBEAT_SECONDS):
                count += 1
                if self._last is not None:
                    with suppress(UpdateFinishedTrialError):
                        self._last.set_user_attr(HEARTBEAT_KEY, count)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def has_work(self) -> bool:
        """Return whether a trial may be begun, or is still running."""
        trials = self._all()
        return not self._is_used_up(trials) or any(trial.state == TrialState.RUNNING for trial in trials)

    def claim(self, slot: Slot) -> "ClaimedTrial | None":
        """Return the next trial to run: one whose process is dead, or else a new one; None if the budget is used up."""
        while True:
            with exclusive_lock(self._lock):
                trials = self._all()
                states = {
                    trial.number: self._owner_state(trial) for trial in trials if trial.state == TrialState.RUNNING
                }
                for trial in trials:
                    if states.get(trial.number) == "dead" and (claimed := self._reclaim(trial, slot)) is not None:
                        return claimed
                if not self._is_used_up(trials):
                    return self._new(slot)
            if "unknown" not in states.values():
                return None
            time.sleep(1)  # a process of another machine may be dead, or slow

    def _all(self) -> list[FrozenTrial]:
        """Return the trials within the budget; if two machines began more at once, those wait for a larger budget."""
        trials = self._study.get_trials(deepcopy=False)
        return trials if self._n_trials is None else trials[: self._n_trials]

    def _is_used_up(self, trials: list[FrozenTrial]) -> bool:
        used = sum(trial.user_attrs.get(SECONDS_KEY, 0.0) for trial in trials) / 60
        too_many = self._n_trials is not None and len(trials) >= self._n_trials
        return too_many or (self._minutes is not None and used >= self._minutes)

    def _new(self, slot: Slot) -> "ClaimedTrial | None":
        trial = self._study.ask()
        if self._n_trials is not None and trial.number >= self._n_trials:
            trial.set_user_attr(OWNER_KEY, None)
            return None
        return self._begin(trial, slot, 1)

    def _reclaim(self, frozen: FrozenTrial, slot: Slot) -> "ClaimedTrial | None":
        trial = Trial(self._study, frozen._trial_id)
        attempt = 1 + (frozen.user_attrs.get(OWNER_KEY) or {"attempt": 0})["attempt"]
        try:
            claimed = self._begin(trial, slot, attempt)
        except UpdateFinishedTrialError:  # its process finished it, and ended, after the trials were read
            return None
        if attempt > MAX_ATTEMPTS:
            claimed.fail(f"it ended its process {MAX_ATTEMPTS} times", None)
            return None
        return claimed

    def _begin(self, trial: Trial, slot: Slot, attempt: int) -> "ClaimedTrial":
        trial.set_user_attr(OWNER_KEY, {**slot.owner(), "attempt": attempt})
        self._last = trial
        return ClaimedTrial(
            self._study, trial, {key: _suggest(trial, key, space) for key, space in self._space.items()}
        )

    def _owner_state(self, trial: FrozenTrial) -> str:
        """Return dead or alive; or unknown, until the heartbeat of another machine has been watched long enough."""
        owner = trial.user_attrs.get(OWNER_KEY, {"host": None})
        if owner is None:
            return "dead"
        liveness = owner_liveness(owner) if owner["host"] is not None else "unknown"
        if liveness != "unknown":
            return liveness
        heartbeat, now = (owner, trial.user_attrs.get(HEARTBEAT_KEY)), time.monotonic()
        before, since = self._heartbeats.setdefault(trial.number, (heartbeat, now))
        if before != heartbeat:
            self._heartbeats[trial.number] = (heartbeat, now)
            return "alive"
        if now - since >= (MAX_SILENT_SECONDS if owner["host"] is not None else HEARTBEAT_SECONDS):
            return "dead"
        return "unknown"


class ClaimedTrial:
    """A trial that this process runs; if another one took it for dead and finished it first, that result stays.

    Attributes:
        proposal: its params by dotted key.
    """

    def __init__(self, study: optuna.Study, trial: Trial, proposal: dict[str, Any]) -> None:
        self._study, self._trial, self.proposal = study, trial, proposal
        self.number = trial.number
        self._sign = 1.0 if study.direction == optuna.study.StudyDirection.MINIMIZE else -1.0
        self._reported = set(study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def should_prune(self, step: int, score: float) -> bool:
        """Return whether the best score so far is in the worst quarter of the other trials at the same step.

        All other trials count, pruned and running ones too: Optuna's pruners compare only with complete ones, which are
        the better ones, and so prune more and more.

        Args:
            score: lower is better.
        """
        if step not in self._reported:
            self._reported.add(step)
            with suppress(UpdateFinishedTrialError):
                self._trial.report(self._sign * score, step)
        trials = [trial for trial in self._study.get_trials(deepcopy=False) if trial.number != self.number]
        others = [self._sign * trial.intermediate_values[step] for trial in trials if step in trial.intermediate_values]
        return len(others) >= MIN_OTHER_TRIALS and score > float(np.percentile(others, 75))

    def complete(self, value: float, seconds: float) -> None:
        self._finish(TrialState.COMPLETE, value, seconds)

    def prune(self, seconds: float) -> None:
        self._finish(TrialState.PRUNED, None, seconds)

    def fail(self, reason: str, seconds: float | None) -> None:
        with suppress(UpdateFinishedTrialError):
            self._trial.set_user_attr(REASON_KEY, reason)
        self._finish(TrialState.FAIL, None, seconds)

    def _finish(self, state: TrialState, value: float | None, seconds: float | None) -> None:
        if seconds is not None:
            with suppress(UpdateFinishedTrialError):
                self._trial.set_user_attr(SECONDS_KEY, seconds)
        self._study.tell(self._trial, value, state=state, skip_if_finished=True)


def _suggest(trial: Trial, key: str, space: BaseDistribution) -> Any:
    match space:
        case FloatDistribution():
            return trial.suggest_float(key, space.low, space.high, log=space.log, step=space.step)
        case IntDistribution():
            return trial.suggest_int(key, space.low, space.high, log=space.log, step=space.step)
        case CategoricalDistribution():
            return trial.suggest_categorical(key, space.choices)
    raise AssertionError(space)


def _trial_record(trial: FrozenTrial) -> TrialRecord:
    state = {TrialState.FAIL: "failed", TrialState.WAITING: "running"}.get(trial.state, trial.state.name.lower())
    attributes = trial.user_attrs
    return TrialRecord(
        trial.number,
        state,
        dict(trial.params),
        trial.value,
        attributes.get(SECONDS_KEY),
        attributes.get(REASON_KEY, ""),
    )
