import io
import re
import sys
import time

import pytest

from relight.data.schema import Task
from relight.model.monitor import USUAL_SCORE, Monitor
from relight.train import callbacks
from relight.train.callbacks import Progress, ending_notes
from relight.train.monitors.choice import score_title
from relight.train.state import EpochRecord
from tests.train.test_compatibility import params


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the module sees: the last entry."""
    times = [100.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: times[-1])
    return times


@pytest.mark.parametrize(
    ("epochs", "done"),
    [
        (1000, range(100, 1001, 100)),
        (10, range(1, 11)),
        (3, [1, 2, 3]),
        (25, [3, 6, 9, 12, 15, 18, 21, 24, 25]),  # every ceil(25 / 10) = 3, and the last
    ],
)
def test_a_pipe_gets_at_most_ten_plain_lines(epochs: int, done: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress(epochs, n_rows=40)
    for epoch in range(1, epochs + 1):
        shown.update(epoch, loss=0.5, best=0.25, score="RMSE")
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.err.splitlines()] == [f"epoch {k} of {epochs}" for k in done]
    assert said.out == ""


def test_a_line_says_loss_best_speed_and_time_left(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress(20, n_rows=1000)
    clock.append(104.0)
    shown.update(2, loss=0.123456, best=0.1, score="RMSE")  # 2000 rows in 4 s; 18 epochs of 2 s are left
    assert capsys.readouterr().err == "epoch 2 of 20: validation loss 0.1235, best RMSE 0.1, 500 rows/s, 36 s left\n"


def test_epochs_of_a_checkpoint_are_done_but_not_fast(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress(100, n_rows=1000, done=89)
    clock.append(102.0)
    shown.update(90, loss=1, best=1, score="RMSE")  # one epoch in 2 s
    assert capsys.readouterr().err == "epoch 90 of 100: validation loss 1, best RMSE 1, 500 rows/s, 20 s left\n"


@pytest.mark.parametrize(("seconds", "said"), [(119, "119 s"), (120, "2 min"), (7199, "120 min"), (9000, "2.5 h")])
def test_long_times_are_said_in_minutes_and_hours(
    seconds: float, said: str, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Progress(2, n_rows=1)
    clock.append(100.0 + seconds)
    shown.update(1, loss=1, best=1, score="RMSE")
    assert capsys.readouterr().err.endswith(f", {said} left\n")


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    shown = Progress(5, n_rows=40, done=1)
    for epoch in range(2, 6):
        time.sleep(0.11)  # a bar is drawn ten times a second
        shown.update(epoch, loss=0.5, best=0.25, score="RMSE")
    shown.close()
    assert "1/5" in terminal.getvalue()
    assert re.search(r"validation loss=0\.5, best RMSE=0\.25, rows/s=[0-9,]+", terminal.getvalue())
    assert terminal.getvalue().endswith("\r")
    assert "\n" not in terminal.getvalue()


def history(*losses: float) -> list[EpochRecord]:
    return [EpochRecord(epoch, loss, 1.0, 1.0, 0.5) for epoch, loss in enumerate(losses)]


def test_a_training_that_ends_as_it_should_needs_no_words() -> None:
    assert ending_notes(history(2.0, 1.0), 2, params(epochs=2)) == []
    assert ending_notes(history(2.0), 1, params(epochs=1)) == []


def test_a_loss_that_grew_is_said_with_the_next_step() -> None:
    assert ending_notes(history(1.0, 0.5, 1234567.0), 3, params(epochs=3)) == [
        "note: the train loss grew from 1 to 1.235e+06; a smaller train.optimizer.learning_rate may help, as a tenth "
        "of 0.5"
    ]


def test_early_stopping_says_which_weights_are_kept() -> None:
    stopping = params(epochs=9, early_stopping={"patience": 2})
    assert ending_notes(history(3.0, 2.0, 1.0), 0, stopping) == [
        "train: stopped after 3 of 9 epochs, because 2 brought no better score; the weights are those after 1 epoch"
    ]
    assert ending_notes(history(*[1.0] * 9), 1, stopping) == []


@pytest.mark.parametrize(
    ("monitor", "loss", "task", "title"),
    [
        (USUAL_SCORE, "mse", "regression", "RMSE"),
        (USUAL_SCORE, "l1", "regression", "MAE"),
        (USUAL_SCORE, "huber", "forecast", "RMSE"),
        (USUAL_SCORE, "bce", "binary", "log loss"),
        (USUAL_SCORE, "cross_entropy", "multiclass", "log loss"),
        (USUAL_SCORE, "kl_div", "distribution", "log loss"),
        (USUAL_SCORE, "listwise", "ranking", "1 - NDCG@10"),
        (USUAL_SCORE, "hinge_embedding", "similarity", "1 - AUC"),
        (Monitor(name="accuracy", better="higher"), "bce", "binary", "accuracy"),
        (Monitor(name="loss", better="lower"), "quantile", "regression", "loss"),
    ],
)
def test_the_score_is_shown_by_its_name(monitor: Monitor, loss: str, task: Task, title: str) -> None:
    assert score_title(monitor, loss, task) == title
