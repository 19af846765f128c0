from pathlib import Path
from typing import Any, NamedTuple

import pytest

from relight.runtime.lifetime import DeferredStop, Terminated
from relight.train import callbacks
from relight.train.callbacks import LiveCurves, MainProcessCallback, Progress
from relight.train.checkpoints import Checkpoints


class Row(NamedTuple):
    validation_loss: float
    validation_score: float


class State:
    """The outputs of a training that does nothing but count."""

    def __init__(self) -> None:
        self.epoch, self.step, self.finite = 0, 0, True
        self.history: list[Row] = []

    def is_finite(self) -> bool:
        return self.finite

    def save(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "step": self.step}


class Run:
    """Watched by a clock that goes by hand."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(callbacks.time, "monotonic", lambda: self.now)
        self.checkpoints, self.stop, self.state = Checkpoints(root / "kept", {}), DeferredStop(), State()
        curves = LiveCurves(root / "curves.csv", Row._fields)
        self.watch = MainProcessCallback(self.checkpoints, Progress(3, 1), curves, self.stop, seconds=10, score="RMSE")

    def step(self, at: float) -> tuple[int, int] | None:
        """One step; where the newest checkpoint is then."""
        self.now = at
        self.state.step += 1
        self.watch.after_step(self.state)
        return self.checkpoints.last_position

    def end_epoch(self) -> None:
        self.state.history.append(Row(1.0, 1.0))
        self.state.epoch, self.state.step = self.state.epoch + 1, 0
        self.watch.after_epoch(self.state)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def test_a_checkpoint_is_kept_when_its_time_has_come(run: Run) -> None:
    with run.checkpoints:
        assert [run.step(at) for at in (1, 9.9, 10, 11, 19.9, 25, 26, 35)] == [
            None, None, (0, 3), (0, 3), (0, 3), (0, 6), (0, 6), (0, 8),
        ]  # fmt: skip


def test_what_is_no_number_never_takes_the_place_of_a_good_one(run: Run) -> None:
    with run.checkpoints:
        assert run.step(10) == (0, 1)
        run.state.finite = False
        assert run.step(30) == run.step(50) == (0, 1)
        run.watch.at_end(run.state)
        assert run.checkpoints.last_position == (0, 1)
        run.stop.requested = Terminated()
        with pytest.raises(Terminated):
            run.step(51)
        assert run.checkpoints.last_position == (0, 1)


def test_a_stop_that_is_asked_for_keeps_a_checkpoint_after_the_step(run: Run) -> None:
    run.stop.requested = Terminated()
    with run.checkpoints:
        with pytest.raises(Terminated):
            run.step(1)
        assert run.checkpoints.last_position == (0, 1)


def test_or_after_the_look_at_the_validation_rows_even_in_the_last_epoch(run: Run) -> None:
    with run.checkpoints:
        run.step(1)
        run.stop.requested = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            run.end_epoch()
        assert run.checkpoints.last_position == (1, 0)


def test_a_run_that_has_kept_something_keeps_its_end_too_and_a_short_one_nothing(run: Run) -> None:
    with run.checkpoints:
        run.step(1)
        run.end_epoch()
        run.watch.at_end(run.state)
        assert run.checkpoints.last_position is None
        run.step(10)
        run.end_epoch()
        assert run.checkpoints.last_position == (1, 1)
        run.watch.at_end(run.state)
        assert run.checkpoints.last_position == (2, 0)


def test_an_end_that_is_kept_already_is_not_written_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with run.checkpoints:
        run.step(10)
        run.end_epoch()
        run.watch.at_end(run.state)
        monkeypatch.setattr(run.checkpoints, "write", lambda _: pytest.fail("written again"))
        run.watch.at_end(run.state)
