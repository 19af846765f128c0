"""Looks at a training from outside, for tests."""

from relight.train.state import TrainingState


class Unwatched:
    """No watcher looks."""

    def after_step(self, state: TrainingState) -> None: ...

    def after_epoch(self, state: TrainingState) -> None: ...

    def at_end(self, state: TrainingState) -> None: ...
