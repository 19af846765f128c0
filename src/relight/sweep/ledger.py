"""A sweep's trials in Optuna's storage: taken, kept alive, finished; those of the dead are taken up again.

A trial that was under way when its process died stays RUNNING in the storage. Whoever looks for work next takes it
over with the same number and the same params: none is lost, none is counted twice.
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

MAX_SILENT_SECONDS = 90.0  # without a beat, for a process of another machine

MIN_OTHER_TRIALS = 5  # that a curve is compared with

MAX_ATTEMPTS = 3  # a trial that ends its process so often, for want of memory say, is left alone

OWNER_KEY, HEARTBEAT_KEY, SECONDS_KEY, REASON_KEY, IDENTITY_KEY, DEFAULT_KEY = (
    "owner",
    "beat",
    "seconds",
    "why",
    "about",
    "default",
)


class TrialRecord(NamedTuple):
    """A trial of the ledger.

    Attributes:
        state: running, complete, pruned or failed.
        value: of a complete one; for a pruned one the last it reached.
        why: it failed.
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
        lock: held while a trial is chosen, by one process of this machine at a time.
        n_trials: how many there may be; None: as many as `minutes` let.
        minutes: of all finished trials together.
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
        self._beats: dict[int, tuple[Any, float]] = {}

    def identity(self) -> dict[str, Any] | None:
        return self._study.user_attrs.get(IDENTITY_KEY)

    def set_identity(self, about: dict[str, Any]) -> None:
        self._study.set_user_attr(IDENTITY_KEY, about)

    def default_result(self) -> dict[str, Any] | None:
        """What params.yaml itself reaches: its value, or why there is none. None: nobody has tried."""
        return self._study.user_attrs.get(DEFAULT_KEY)

    def set_default_result(self, value: float | None, why: str) -> None:
        self._study.set_user_attr(DEFAULT_KEY, {"value": value, "why": why})

    def records(self) -> list[TrialRecord]:
        return [_trial_record(trial) for trial in self._all()]

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Within the block other machines can see that the process of the trial that was taken last is alive."""
        over = threading.Event()

        def beat() -> None:
            count = 0
            while not over.wait(HEARTBEAT_SECONDS):
                count += 1
                if self._last is not None:
                    with suppress(UpdateFinishedTrialError):
                        self._last.set_user_attr(HEARTBEAT_KEY, count)

        beating = threading.Thread(target=beat, daemon=True)
        beating.start()
        try:
            yield
        finally:
            over.set()
            beating.join()

    def has_work(self) -> bool:
        """Whether a trial may be begun, or is not known to have ended."""
        trials = self._all()
        return not self._is_used_up(trials) or any(trial.state == TrialState.RUNNING for trial in trials)

    def claim(self, slot: Slot) -> "ClaimedTrial | None":
        """The next trial to run: one whose process is gone, or else a new one; None when the budget is used up."""
        while True:
            with exclusive_lock(self._lock):
                trials = self._all()
                states = {
                    trial.number: self._owner_state(trial) for trial in trials if trial.state == TrialState.RUNNING
                }
                for trial in trials:
                    if states.get(trial.number) == "dead" and (taken := self._reclaim(trial, slot)) is not None:
                        return taken
                if not self._is_used_up(trials):
                    return self._new(slot)
            if "unknown" not in states.values():
                return None
            time.sleep(1)  # a process of another machine may be dead, or slow

    def _all(self) -> list[FrozenTrial]:
        """Those within the budget: two machines may begin more at once, which wait for a larger one."""
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
        taken = self._begin(trial, slot, attempt)
        if attempt > MAX_ATTEMPTS:
            taken.fail(f"it ended its process {MAX_ATTEMPTS} times", None)
            return None
        return taken

    def _begin(self, trial: Trial, slot: Slot, attempt: int) -> "ClaimedTrial":
        trial.set_user_attr(OWNER_KEY, {**slot.owner(), "attempt": attempt})
        self._last = trial
        return ClaimedTrial(
            self._study, trial, {key: _suggest(trial, key, space) for key, space in self._space.items()}
        )

    def _owner_state(self, trial: FrozenTrial) -> str:
        """dead, alive, or unknown for a while."""
        owner = trial.user_attrs.get(OWNER_KEY, {"host": None})
        if owner is None:
            return "dead"
        seen = owner_liveness(owner) if owner["host"] is not None else "unknown"
        if seen != "unknown":
            return seen
        beat, now = (owner, trial.user_attrs.get(HEARTBEAT_KEY)), time.monotonic()
        before, since = self._beats.setdefault(trial.number, (beat, now))
        if before != beat:
            self._beats[trial.number] = (beat, now)
            return "alive"
        if now - since >= (MAX_SILENT_SECONDS if owner["host"] is not None else HEARTBEAT_SECONDS):
            return "dead"
        return "unknown"


class ClaimedTrial:
    """A trial that this process runs.

    Attributes:
        proposal: its params, by dotted key.
    """

    def __init__(self, study: optuna.Study, trial: Trial, proposal: dict[str, Any]) -> None:
        self._study, self._trial, self.proposal = study, trial, proposal
        self.number = trial.number
        self._sign = 1.0 if study.direction == optuna.study.StudyDirection.MINIMIZE else -1.0
        self._reported = set(study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def should_prune(self, step: int, score: float) -> bool:
        """Whether the best score so far lies in the worst quarter of the others at the same step. Lower is better.

        Of all others, those that ended early or still run included: Optuna's pruners look at the complete ones alone,
        which are the better ones, and so end more and more.
        """
        if step not in self._reported:
            self._reported.add(step)
            self._trial.report(self._sign * score, step)
        trials = [trial for trial in self._study.get_trials(deepcopy=False) if trial.number != self.number]
        others = [self._sign * trial.intermediate_values[step] for trial in trials if step in trial.intermediate_values]
        return len(others) >= MIN_OTHER_TRIALS and score > float(np.percentile(others, 75))

    def complete(self, value: float, seconds: float) -> None:
        self._finish(TrialState.COMPLETE, value, seconds)

    def prune(self, seconds: float) -> None:
        self._finish(TrialState.PRUNED, None, seconds)

    def fail(self, why: str, seconds: float | None) -> None:
        self._trial.set_user_attr(REASON_KEY, why)
        self._finish(TrialState.FAIL, None, seconds)

    def _finish(self, state: TrialState, value: float | None, seconds: float | None) -> None:
        if seconds is not None:
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
