from typing import Any

import pytest

from relight.data.features import Features, SequenceFeatures
from relight.data.schema import SequenceParams, Task
from relight.errors import InputError
from relight.model.params import ModelParams
from relight.train.auto import resolve_loss
from relight.train.checks import (
    assert_can_capture_cuda_graph,
    assert_can_distribute,
    assert_can_stop_early,
    assert_single_seed,
    assert_train_params_fit,
    train_warnings,
)
from relight.train.params import TrainParams
from tests.feature_tables import features_of, number


def features(*, task: Task = "regression", test_rows_validate: bool = False, n_train: int = 40) -> Features:
    return features_of(
        [number("x", [0, 1])], task=task, target=[0, 1], n_train=n_train, test_rows_validate=test_rows_validate
    )


def params(**changed: Any) -> TrainParams:
    optimizer = {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0}
    usual = {"seed": 1, "epochs": 1, "batch_size": "full", "loss": "auto", "early_stopping": None, "device": "cpu"}
    return TrainParams.model_validate({**usual, "threads": 1, "optimizer": optimizer, **changed})


@pytest.mark.parametrize(("task", "loss"), [
    ("regression", "mse"), ("binary", "bce"), ("multiclass", "cross_entropy"), ("distribution", "kl_div"),
    ("similarity", "hinge_embedding"),
])  # fmt: skip
def test_auto_is_the_first_loss_of_the_task(task: Task, loss: str) -> None:
    assert resolve_loss("auto", task) == loss


@pytest.mark.parametrize(
    ("name", "suited"),
    [
        ("l1", {"regression"}),
        ("mse", {"regression"}),
        ("huber", {"regression"}),
        ("bce", {"binary"}),
        ("cross_entropy", {"multiclass"}),
        ("nll", {"multiclass"}),
        ("kl_div", {"distribution"}),
    ],
)
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass", "distribution"])
def test_a_loss_is_for_its_own_tasks_alone(name: str, suited: set[str], task: Task) -> None:
    if task in suited:
        assert resolve_loss(name, task) == name
    else:
        with pytest.raises(InputError, match=rf"train\.loss: must be one of auto, .* for {task}, got {name}"):
            resolve_loss(name, task)


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
    assert train_warnings(params(batch_size=41, threads=4, schedule={"warmup": 1}), features(), cores=2) == [
        "train.batch_size: 41 is more than the 40 train rows; every batch holds all of them",
        "train.schedule.warmup: 1 is not less than the 1 epochs; the learning rate never reaches its full height",
        "train.threads: 4 is more than the 2 cores of this machine",
    ]


def test_what_is_usual_needs_no_word() -> None:
    assert train_warnings(params(batch_size=40, threads=2), features(), cores=2) == []
    assert train_warnings(params(), features(), cores=2) == []


LINEAR = ModelParams(name="linear", numeric="none")
NORMALISED = ModelParams.model_validate(
    {"name": "mlp", "numeric": "none", "mlp": {"n_blocks": 1, "d_block": 2, "dropout": 0.0, "batch_norm": True}}
)


def problems(asked: TrainParams, model: ModelParams, seen: Features) -> list[str]:
    try:
        assert_train_params_fit(asked, model, seen)
    except InputError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize("task", ["binary", "multiclass", "distribution"])
def test_a_temperature_is_for_classes_and_needs_rows_of_its_own(task: Task) -> None:
    asked = params(calibration="temperature")
    assert problems(asked, LINEAR, features(task=task)) == []
    borrowed = ["train.calibration: needs validation rows; set split.validation above 0"]
    assert problems(asked, LINEAR, features(task=task, test_rows_validate=True)) == borrowed
    number = ["train.calibration: must be none for regression, got temperature"]
    assert problems(asked, LINEAR, features()) == number


@pytest.mark.parametrize("task", ["regression", "distribution"])
def test_only_labels_can_be_smoothed(task: Task) -> None:
    said = f"train.label_smoothing: must be 0 for {task}, got 0.1; it is for binary and multiclass"
    assert problems(params(label_smoothing=0.1), LINEAR, features(task=task)) == [said]
    assert problems(params(label_smoothing=0.1), LINEAR, features(task="binary")) == []


@pytest.mark.parametrize(("batch_size", "n_train"), [(1, 40), ("full", 1), ("auto", 1)])
def test_batch_normalisation_needs_two_rows(batch_size: Any, n_train: int) -> None:
    seen = features(n_train=n_train)
    (said,) = problems(params(batch_size=batch_size), NORMALISED, seen)
    assert said.startswith("train.batch_size: must be at least 2 rows with model.mlp.batch_norm, got ")
    assert problems(params(batch_size=batch_size), LINEAR, seen) == []
    assert problems(params(batch_size=2), NORMALISED, features()) == []


def test_batches_of_sequences_have_no_one_shape_to_record() -> None:
    sequence = SequenceFeatures(columns=SequenceParams(id="who", time="t"), n_steps=100, longest=7)
    model = ModelParams(name="gru", numeric="none")
    (said,) = problems(params(cuda_graph=True), model, features().model_copy(update={"sequence": sequence}))
    assert said.startswith("train.cuda_graph: must be false for sequences")
    assert problems(params(cuda_graph=True), LINEAR, features()) == []


def test_each_of_several_processes_would_normalise_by_its_own_sequences() -> None:
    with pytest.raises(InputError, match=r"model.name: convolution has batch normalisation"):
        assert_can_distribute(ModelParams(name="convolution", numeric="none"), "multiclass")
    assert_can_distribute(ModelParams(name="gru", numeric="none"), "multiclass")


def test_all_problems_are_said_at_once() -> None:
    asked = params(loss="bce", early_stopping={"patience": 1}, calibration="temperature", class_weights="balanced")
    keys = [said.split(":")[0] for said in problems(asked, LINEAR, features(test_rows_validate=True))]
    assert keys == ["train.loss", "train.early_stopping", "train.calibration", "train.class_weights"]


def test_the_scale_of_the_target_is_looked_at_too() -> None:
    log = ModelParams(name="linear", numeric="none", target="log")
    (said,) = problems(params(), log, features())
    assert said.startswith("model.target: log must have targets above 0")


def test_a_batch_in_words_is_never_odd() -> None:
    assert train_warnings(params(batch_size="auto"), features(n_train=1), cores=2) == []


@pytest.mark.parametrize(
    ("device", "processes", "said"),
    [
        ("cpu", 1, "train.cuda_graph: needs a CUDA device, and this training runs on cpu; set it to false"),
        ("cuda", 2, "train.cuda_graph: must be false with several processes, which talk to each other in a step"),
    ],
)
def test_a_cuda_graph_is_for_one_process_on_cuda(device: str, processes: int, said: str) -> None:
    assert_can_capture_cuda_graph("cuda", 1)
    with pytest.raises(InputError) as caught:
        assert_can_capture_cuda_graph(device, processes)
    assert caught.value.problems == (said,)


def test_a_ranking_is_trained_in_one_process() -> None:
    with pytest.raises(InputError, match=r"prepare\.task: ranking is trained in one process"):
        assert_can_distribute(ModelParams(name="linear", numeric="none"), "ranking")


@pytest.mark.parametrize("task", ["similarity", "forecast"])
def test_one_model_alone_where_several_have_no_mean(task: Task) -> None:
    with pytest.raises(InputError, match=rf"train\.seeds: must be 1 for {task}, got 2"):
        assert_single_seed(params(seeds=2), features().model_copy(update={"task": task}))
    assert_single_seed(params(seeds=2), features())
