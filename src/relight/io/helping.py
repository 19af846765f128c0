"""Beside a training, in the processes that are not the first: they hear when it keeps a checkpoint, or stops."""

from relight.io.agreement import Agreement
from relight.io.runner.lifetime import PatientStop, Terminated
from relight.io.watching import Save, State


class Helping:
    """Says what differs in this process, where the first one keeps it."""

    def __init__(self, stop: PatientStop, agreement: Agreement, save: Save) -> None:
        self._stop, self._agreement, self._save = stop, agreement, save

    def after_step(self, state: State) -> None:
        stops, keeps = self._agreement.on(self._stop.requested is not None, False)
        if stops or keeps:
            self._keep(state)
        if stops:
            raise self._stop.requested or Terminated()

    def after_epoch(self, state: State) -> None: ...

    def at_end(self, state: State) -> None:
        if self._agreement.all(True):  # the first one decides
            self._keep(state)

    def _keep(self, state: State) -> None:
        if self._agreement.all(state.is_finite()):
            self._save(state)
