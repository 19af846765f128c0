from typing import Any

import pytest
from pydantic import ValidationError

from relight.train.params import MAX_INT32, OptimizerParams, TrainParams

SGD = {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.9}
WHOLE = {
    "seed": 42,
    "epochs": 10,
    "batch_size": "full",
    "loss": "auto",
    "optimizer": SGD,
    "early_stopping": None,
    "device": "cpu",
    "threads": 1,
}


@pytest.mark.parametrize("batch_size", ["auto", "full", 1, MAX_INT32])
def test_a_batch_is_auto_full_or_a_number_of_rows(batch_size: Any) -> None:
    assert TrainParams.model_validate({**WHOLE, "batch_size": batch_size}).batch_size == batch_size


@pytest.mark.parametrize("batch_size", ["half", 0, -1, MAX_INT32 + 1, 8.0, True, None, [8]])
def test_a_batch_is_nothing_else(batch_size: Any) -> None:
    with pytest.raises(ValidationError, match="must be auto, full or a whole number from 1 to 2147483647"):
        TrainParams.model_validate({**WHOLE, "batch_size": batch_size})


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_momentum_is_for_sgd_alone(name: str) -> None:
    assert OptimizerParams.model_validate(SGD).momentum == 0.9
    assert OptimizerParams.model_validate({**SGD, "name": name, "momentum": 0.0}).name == name
    with pytest.raises(ValidationError, match=rf"momentum must be 0 with {name} \(it is for sgd\), got 0.9"):
        OptimizerParams.model_validate({**SGD, "name": name})


def test_a_model_is_compiled_or_its_steps_are_recorded() -> None:
    assert TrainParams.model_validate({**WHOLE, "cuda_graph": True}).cuda_graph
    with pytest.raises(ValidationError, match="cuda_graph must be false if compile is true"):
        TrainParams.model_validate({**WHOLE, "cuda_graph": True, "compile": True})


@pytest.mark.parametrize("class_weights", ["none", "balanced", {"yes": 2.0, "no": 0}])
def test_class_weights_are_a_word_or_a_number_for_each_class(class_weights: Any) -> None:
    assert TrainParams.model_validate({**WHOLE, "class_weights": class_weights}).class_weights == class_weights


def test_classes_that_yaml_reads_as_numbers_are_labels_all_the_same() -> None:
    read = TrainParams.model_validate({**WHOLE, "class_weights": {0: 1, True: 2.5}}).class_weights
    assert read == {"0": 1.0, "true": 2.5}


@pytest.mark.parametrize(
    "class_weights", ["even", {}, {"yes": -1.0}, {"yes": "2"}, {"yes": None}, {"yes": float("inf")}, 2]
)
def test_class_weights_are_nothing_else(class_weights: Any) -> None:
    with pytest.raises(
        ValidationError, match="must be none, balanced or a mapping of classes to weights of at least 0"
    ):
        TrainParams.model_validate({**WHOLE, "class_weights": class_weights})


def test_what_is_new_changes_nothing_where_it_is_not_named() -> None:
    params = TrainParams.model_validate(WHOLE)
    assert (params.seeds, params.label_smoothing, params.class_weights) == (1, 0.0, "none")
    assert (params.schedule.name, params.schedule.warmup) == ("constant", 0)
    assert (params.gradient_clip, params.calibration) == (None, "none")


def stopping(monitor: Any) -> Any:
    return TrainParams.model_validate({**WHOLE, "early_stopping": {"patience": 3, "monitor": monitor}}).early_stopping


@pytest.mark.parametrize("better", ["higher", "lower", 0, 0.9])
def test_an_own_metric_has_a_direction_a_name_and_settings(better: Any) -> None:
    monitor = stopping({"call": "a.b:within", "better": better, "share": 0.1}).monitor
    assert (monitor.better, monitor.score_name, monitor.settings) == (better, "within", {"share": 0.1})
    named = stopping({"call": "a.b:within", "better": better, "name": "near", "share": 0.1}).monitor
    assert (named.score_name, named.settings) == ("near", {"share": 0.1})
    assert stopping(named.model_dump(mode="json")).monitor == named


@pytest.mark.parametrize("better", ["up", True, None, float("inf"), float("nan"), [1]])
def test_a_direction_is_nothing_else(better: Any) -> None:
    with pytest.raises(ValidationError, match="must be higher, lower, or a number to be near"):
        stopping({"call": "a.b:within", "better": better})


def test_what_is_watched_is_a_known_name_or_a_call_with_a_direction() -> None:
    with pytest.raises(ValidationError, match="Input should be 'score', 'loss', 'rmse'"):
        stopping("rsme")
    with pytest.raises(ValidationError, match="Field required"):
        stopping({"call": "a.b:within"})
    with pytest.raises(ValidationError, match="name must be a text, got 3"):
        stopping({"call": "a.b:within", "better": "higher", "name": 3})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"loss": "quantile"}, "quantile is missing; add for example `quantile: 0.9`"),
        ({"loss": "mse", "quantile": 0.9}, r"quantile must be null with mse \(it is for quantile\), got 0.9"),
        ({"loss": {"call": "a:b"}, "quantile": 0.9}, r"quantile must be null with a:b \(it is for quantile\), got 0.9"),
        ({"loss": "bce", "focal_gamma": 1.0}, r"focal_gamma must be null with bce \(it is for focal\), got 1"),
        ({"loss": "quantile", "quantile": 1.0}, "less than 1"),
        ({"loss": "quantile", "quantile": 0.0}, "greater than 0"),
        ({"loss": "focal", "focal_gamma": -1.0}, "greater than or equal to 0"),
    ],
)
def test_a_setting_is_there_for_its_loss_and_only_then(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TrainParams.model_validate({**WHOLE, **changed})


def test_new_settings_are_not_written_where_they_are_not_used() -> None:
    written = TrainParams.model_validate({**WHOLE, "early_stopping": {"patience": 3}}).model_dump(mode="json")
    assert not {"quantile", "focal_gamma"} & set(written)
    assert written["early_stopping"] == {"patience": 3}
    used = TrainParams.model_validate({**WHOLE, "loss": "quantile", "quantile": 0.9}).model_dump(mode="json")
    assert TrainParams.model_validate(used).quantile == 0.9
