from typing import Any

import pytest

from relight.domain.compatibility import assert_can_stop_early, remarks, settle_loss
from relight.domain.features import Features, NumericFeature
from relight.domain.schema import Task
from relight.errors import InputError
from relight.params.train import TrainParams


def features(*, task: Task = "regression", test_rows_validate: bool = False) -> Features:
    return Features(
        task=task,
        target="y",
        classes=None if task == "regression" else ["a", "b"],
        numeric=[NumericFeature(name="x", kind="numeric", mean=0, std=1, gaps=0)],
        categorical=[],
        target_mean=0.0,
        target_std=1.0,
        n_train=40,
        test_rows_validate=test_rows_validate,
    )


def params(**changed: Any) -> TrainParams:
    optimizer = {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0}
    usual = {"seed": 1, "epochs": 1, "batch_size": "full", "loss": "auto", "early_stopping": None, "device": "cpu"}
    return TrainParams.model_validate({**usual, "threads": 1, "optimizer": optimizer, **changed})


@pytest.mark.parametrize(("task", "loss"), [("regression", "mse"), ("binary", "bce"), ("multiclass", "cross_entropy")])
def test_auto_is_the_first_loss_of_the_task(task: Task, loss: str) -> None:
    assert settle_loss("auto", task) == loss


@pytest.mark.parametrize(
    ("name", "suited"),
    [("l1", {"regression"}), ("mse", {"regression"}), ("bce", {"binary"}), ("cross_entropy", {"multiclass"})],
)
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_loss_is_for_its_own_tasks_alone(name: str, suited: set[str], task: Task) -> None:
    if task in suited:
        assert settle_loss(name, task) == name
    else:
        with pytest.raises(InputError, match=rf"train\.loss: must be one of auto, .* for {task}, however: {name}"):
            settle_loss(name, task)


def test_the_test_rows_must_not_choose_the_weights() -> None:
    with pytest.raises(
        InputError, match=r"train\.early_stopping: needs validation rows; set split\.validation above 0"
    ):
        assert_can_stop_early(params(early_stopping={"patience": 3}), features(test_rows_validate=True))


@pytest.mark.parametrize(("patience", "borrowed"), [(None, True), (3, False), (None, False)])
def test_other_runs_may_stop_when_they_like(patience: int | None, borrowed: bool) -> None:
    stopping = {"patience": patience} if patience else None
    assert_can_stop_early(params(early_stopping=stopping), features(test_rows_validate=borrowed))


def test_what_is_odd_is_said() -> None:
    assert remarks(params(batch_size=41, threads=4), features(), cores=2) == [
        "train.batch_size: 41 is more than the 40 train rows; every batch holds all of them",
        "train.threads: 4 is more than the 2 cores of this machine",
    ]


def test_what_is_usual_needs_no_word() -> None:
    assert remarks(params(batch_size=40, threads=2), features(), cores=2) == []
    assert remarks(params(), features(), cores=2) == []
