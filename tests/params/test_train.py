from typing import Any

import pytest
from pydantic import ValidationError

from relight.params.train import MOST, OptimizerParams, TrainParams

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


@pytest.mark.parametrize("batch_size", ["full", 1, MOST])
def test_a_batch_is_full_or_a_number_of_rows(batch_size: Any) -> None:
    assert TrainParams.model_validate({**WHOLE, "batch_size": batch_size}).batch_size == batch_size


@pytest.mark.parametrize("batch_size", ["half", 0, -1, MOST + 1, 8.0, True, None, [8]])
def test_a_batch_is_nothing_else(batch_size: Any) -> None:
    with pytest.raises(ValidationError, match="must be full or a whole number from 1 to 2147483647"):
        TrainParams.model_validate({**WHOLE, "batch_size": batch_size})


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_momentum_is_for_sgd_alone(name: str) -> None:
    assert OptimizerParams.model_validate(SGD).momentum == 0.9
    assert OptimizerParams.model_validate({**SGD, "name": name, "momentum": 0.0}).name == name
    with pytest.raises(ValidationError, match=rf"momentum must be 0 with {name} \(it is for sgd\), however: 0.9"):
        OptimizerParams.model_validate({**SGD, "name": name})
