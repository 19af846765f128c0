"""Beside a training, in the processes that are not the first: they hear when it keeps a checkpoint, or stops."""

from relight.io.runner.lifetime import PatientStop, Terminated
from relight.io.watching import Agreement, Group, State


class Helping:
    """Says what differs in this process, where the first one keeps it."""

    def __init__(self, stop: PatientStop, group: Group, agreement: Agreement) -> None:
        self._stop, self._group, self._agreement = stop, group, agreement

    def after_step(self, state: State) -> None:
        stops, keeps = self._agreement.on(self._stop.requested is not None, False)
        if stops or keeps:
            self._keep(state)
        if stops:
            raise self._stop.requested or Terminated()

    def after_epoch(self, state: State) -> None: ...

    def at_end(self, state: State) -> None:
        if self._group.all(True):  # the first one decides
            self._keep(state)

    def _keep(self, state: State) -> None:
        if self._group.all(state.is_finite()):
            self._group.save(state)
