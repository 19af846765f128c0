"""Whole trainings that watch something else: the epoch that is kept is the best one by an independent computation."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.errors import RelightError
from relight.metrics.scorers import compute_scores
from relight.model.inference import predictions_from_outputs
from relight.train.monitors.choice import METRICS_BY_TASK
from tests.feature_tables import small_table
from tests.in_process import assert_goes_on_after_a_kill
from tests.own_projects import enter
from tests.test_resume_tasks import TASKS
from tests.train.test_train import Trained

OWN = """\
import numpy as np


def within(y_true, y_pred, sample_weight, share=0.1):
    assert y_true.dtype == y_pred.dtype == sample_weight.dtype == np.float64
    inside = np.abs(y_pred - y_true) <= share * np.abs(y_true)
    return np.average(inside, weights=sample_weight)


def above(y_true, y_pred, sample_weight):
    return (y_pred > y_true).mean()


def chance(y_true, y_pred, *, sample_weight):
    assert y_pred.shape == (len(y_true), 2)
    return y_pred[np.arange(len(y_true)), y_true.astype(int)].mean()


def nothing(y_true, y_pred, sample_weight):
    return None


def broken(y_true, y_pred, sample_weight):
    return y_true.total()


def greedy(y_true, y_pred, sample_weight):
    y_true[:] = y_pred
    return 1.0
"""
CLASSES = ("binary", "multiclass", "distribution")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_metrics=OWN)


def watched(folder: Path, task: str, monitor: Any, **changed: Any) -> Trained:
    stopping = {"patience": 3, "monitor": monitor}
    params = {"early_stopping": stopping, "epochs": 8, "calibration": "none", **changed}
    return Trained(folder, small_table(task, n_train=200, weighted=True), {}, params)


def predictions(done: Trained) -> np.ndarray:
    return predictions_from_outputs(done.table.features.task, done.outputs())


@pytest.mark.parametrize(
    ("task", "metric"),
    [(task, metric) for task in ("regression", *CLASSES) for metric in METRICS_BY_TASK[task]],  # type: ignore[index]
)
def test_the_epoch_that_is_kept_is_the_best_by_the_metric_of_the_reports(
    task: str, metric: str, tmp_path: Path
) -> None:
    done = watched(tmp_path / "run", task, metric)
    scores, kept = pl.read_csv(done.curves)["validation_score"], done.description.best_epoch
    rises = metric in ("r2", "accuracy", "balanced_accuracy", "auc", "average_precision", "top_1")
    assert kept == (scores.arg_max() if rises else scores.arg_min())
    assert scores.n_unique() > 2
    assert done.description.monitor.model_dump() == {"name": metric, "better": "higher" if rises else "lower"}
    rows = done.table.validation
    true = rows["target"] if task == "distribution" else rows["target"].reshape(-1)
    true = true.astype(np.int64) if task in ("binary", "multiclass") else true
    expected = compute_scores(done.table.features.task, true, predictions(done), rows["weight"])
    assert scores[kept] == pytest.approx(expected[metric], rel=1e-6)


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        *(("a forecast", metric) for metric in METRICS_BY_TASK["forecast"]),
        *(("pairs", metric) for metric in METRICS_BY_TASK["similarity"]),
        *(("a ranking", metric) for metric in METRICS_BY_TASK["ranking"]),
        ("sequences", "auc"),
    ],
)
def test_other_kinds_of_data_are_watched_and_resumed_as_well(task: str, metric: str, tmp_path: Path) -> None:
    table, asked, model = TASKS[task]
    params = {
        "seed": 3, "epochs": 4, "batch_size": 24, "loss": "auto", "device": "cpu", "threads": 1,
        "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.01, "momentum": 0.0},
        "checkpoint_seconds": 1e-9, "early_stopping": {"patience": 2, "monitor": metric},
    }  # fmt: skip
    whole = assert_goes_on_after_a_kill(tmp_path, table, asked, model, params)
    scores = pl.read_csv(whole / "curves.csv")["validation_score"]
    description = json.loads((whole / "model.json").read_text())
    rises = description["monitor"]["better"] == "higher"
    assert description["best_epoch"] == (scores.arg_max() if rises else scores.arg_min())


@pytest.mark.parametrize(
    ("task", "call", "better"),
    [("regression", "within", "higher"), ("regression", "above", 0.9), ("binary", "chance", "higher")],
)
def test_an_own_metric_chooses_the_epoch(task: str, call: str, better: Any, tmp_path: Path) -> None:
    settings = {"share": 0.3} if call == "within" else {}
    monitor = {"call": f"own_metrics:{call}", "better": better, **settings}
    done, again = (watched(tmp_path / name, task, monitor) for name in ("one", "other"))
    assert (tmp_path / "one/model.pth").read_bytes() == (tmp_path / "other/model.pth").read_bytes()
    scores = pl.read_csv(done.curves)["validation_score"]
    distance = -scores if better == "higher" else (scores - better).abs()
    assert again.description.best_epoch == done.description.best_epoch == distance.arg_min()
    assert done.description.monitor.model_dump() == {"name": call, "better": better}
    true, weight = done.table.validation["target"].reshape(-1), done.table.validation["weight"]
    told = predictions(done)
    expected = {
        "within": lambda: np.average(np.abs(told - true) <= 0.3 * np.abs(true), weights=weight),
        "above": lambda: (told > true).mean(),
        "chance": lambda: told[np.arange(len(true)), true.astype(int)].mean(),
    }[call]()
    assert scores[done.description.best_epoch] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("nothing", {}, "own_metrics:nothing (own_metrics.py:19) must return one number, got None; it has no `ret"),
        ("broken", {}, "own_metrics.py:24: in broken: AttributeError: 'numpy.ndarray' object has no attribute 'total'"),
        ("greedy", {}, "own_metrics.py:28: in greedy: ValueError: assignment destination is read-only"),
        ("within", {"shar": 1}, "train.early_stopping.monitor.shar: is unknown to own_metrics:within (own_metrics.py"),
        ("missing", {}, "own_metrics.py must have missing, got none; known are within, above, chance, nothing,"),
    ],
)  # fmt: skip
def test_an_own_metric_that_breaks_the_contract_is_named_before_the_first_step(
    name: str, settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(RelightError) as caught:
        watched(tmp_path / "run", "regression", {"call": f"own_metrics:{name}", "better": "higher", **settings})
    (problem,) = caught.value.problems
    assert problem.removeprefix("train.early_stopping.monitor: ").startswith(said)
    assert not (tmp_path / "run/live.csv").exists()


def test_a_metric_without_a_meaning_on_the_validation_rows_is_told_before_the_first_step(tmp_path: Path) -> None:
    table = small_table("binary", n_train=60)
    table.validation["target"][:] = 1
    with pytest.raises(RelightError, match="monitor: auc is not defined: some class has no validation row, or all of"):
        Trained(tmp_path / "run", table, {}, {"early_stopping": {"patience": 3, "monitor": "auc"}})


def test_a_metric_of_another_task_is_refused_with_those_of_this_one(tmp_path: Path) -> None:
    with pytest.raises(RelightError) as caught:
        watched(tmp_path / "run", "regression", "auc")
    assert caught.value.problems == (
        "train.early_stopping.monitor: must be one of score, loss, rmse, mae, r2 for regression, got auc",
    )


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_the_usual_score_by_its_name_is_the_usual_score(task: str, tmp_path: Path) -> None:
    metric = "rmse" if task == "regression" else "log_loss"
    usual, named = (watched(tmp_path / name, task, name) for name in ("score", metric))
    assert usual.curves.read_bytes() == named.curves.read_bytes()
    assert usual.weights.read_bytes() == named.weights.read_bytes()
    assert "monitor" not in json.loads((tmp_path / "score/model.json").read_text())


def test_the_loss_may_be_watched(tmp_path: Path) -> None:
    done = watched(tmp_path / "run", "regression", "loss")
    curves = pl.read_csv(done.curves)
    assert curves["validation_score"].to_list() == curves["validation_loss"].to_list()
    assert done.description.best_epoch == curves["validation_loss"].arg_min()


def test_the_progress_names_what_is_watched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = watched(tmp_path / "run", "binary", "accuracy")
    scores = pl.read_csv(done.curves)["validation_score"]
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch ")]
    best = [float(line.split("best accuracy ")[1].split(",")[0]) for line in lines]
    assert best == pytest.approx(scores.cum_max().to_list(), rel=1e-3)
