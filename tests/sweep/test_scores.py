"""The validation score of trials follows what early stopping watches: its name, its direction, what changes it."""

from typing import Any

import pytest

from relight.model.monitor import USUAL_SCORE, Better, Monitor
from relight.sweep.params import SweepParams
from relight.sweep.scores import direction_of, keys_with_other_scores, score_name, trial_value

ACCURACY = Monitor(name="accuracy", better="higher")
COVERAGE = Monitor(name="coverage", better=0.9)
LOSS = Monitor(name="loss", better="lower")
SCORES = [0.5, 0.97, 0.8]


@pytest.mark.parametrize(
    ("monitor", "kept", "last"),
    [(USUAL_SCORE, 0.5, 0.8), (ACCURACY, 0.97, 0.8), (COVERAGE, pytest.approx(0.07), pytest.approx(0.1))],
)
def test_the_value_is_that_of_the_weights_that_are_kept(monitor: Monitor, kept: float, last: float) -> None:
    assert trial_value(SCORES, monitor, keeps_best=True) == kept
    assert trial_value(SCORES, monitor, keeps_best=False) == last


@pytest.mark.parametrize(
    ("monitor", "name", "direction"),
    [
        (USUAL_SCORE, "validation score", "minimize"),
        (ACCURACY, "validation accuracy", "maximize"),
        (COVERAGE, "validation coverage, distance from 0.9", "minimize"),
        (LOSS, "validation loss", "minimize"),
    ],
)
def test_name_and_direction(monitor: Monitor, name: str, direction: str) -> None:
    assert (score_name(monitor), direction_of(monitor)) == (name, direction)


def incomparable(key: str, values: list[Any], monitor: Monitor) -> bool:
    sweep = SweepParams.model_validate({"params": {key: values}})
    return keys_with_other_scores(sweep, monitor) == [key]


@pytest.mark.parametrize(
    ("key", "values", "usual", "metric", "loss"),
    [
        ("train.loss", ["l1", "mse"], True, False, True),
        ("train.loss", ["cross_entropy", "nll"], False, False, True),
        ("train.loss", ["cross_entropy", "focal"], True, False, True),
        ("train.loss", ["mse"], False, False, False),
        ("train.loss.quantile", [0.1, 0.9], False, False, True),
        ("train.quantile", [0.1, 0.9], False, False, True),
        ("model.target", ["none", "log"], False, False, True),
        ("train.early_stopping.monitor", ["rmse", "mae"], True, True, True),
        ("train.early_stopping.monitor.share", [0.1, 0.2], True, True, True),
        ("train.early_stopping.patience", [4, 8], False, False, False),
        ("train.optimizer.learning_rate", [0.1, 0.2], False, False, False),
    ],
)
def test_params_that_change_what_the_score_means(
    key: str, values: list[Any], usual: bool, metric: bool, loss: bool
) -> None:
    found = [incomparable(key, values, monitor) for monitor in (USUAL_SCORE, ACCURACY, LOSS)]
    assert found == [usual, metric, loss]


@pytest.mark.parametrize(("better", "best"), [("lower", 0.5), ("higher", 0.97), (0.9, 0.97)])
def test_the_best_is_the_one_with_the_lowest_loss(better: Better, best: float) -> None:
    assert min(SCORES, key=Monitor(name="m", better=better).as_loss) == best
