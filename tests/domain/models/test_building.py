from typing import Any

import pytest
import torch

from relight.domain.features import CategoricalFeature, Features, NumericFeature
from relight.domain.fitted import Fitted
from relight.domain.models.building import build_model
from relight.domain.models.linear import Linear, LinearParameters
from relight.domain.models.mlp import Mlp
from relight.errors import InputError
from relight.params.model import MlpParams, ModelParams


def model_params(name: Any, numeric: Any = "none") -> ModelParams:
    return ModelParams(name=name, numeric=numeric, mlp=MlpParams(n_blocks=1, d_block=4, dropout=0))


def features(n_numeric: int = 1, gaps: int = 0, levels: int = 0, task: Any = "regression") -> Features:
    classes = {"regression": None, "binary": ["a", "b"], "multiclass": ["a", "b", "c"]}[task]
    return Features(
        task=task,
        target="y",
        classes=classes,
        numeric=[NumericFeature(name=f"x{k}", kind="numeric", mean=1, std=2, gaps=gaps) for k in range(n_numeric)],
        categorical=[CategoricalFeature(name="c", levels=[f"level {k}" for k in range(levels)])] if levels else [],
        target_mean=0.0,
        target_std=1.0,
        n_train=10,
        test_rows_validate=False,
    )


def test_without_a_front_the_keys_are_exactly_the_tutorials() -> None:
    bare = build_model(model_params("linear_parameters"), features())
    layer = build_model(model_params("linear"), features())
    assert list(bare.state_dict()) == ["weights", "bias"]
    assert list(layer.state_dict()) == ["linear_layer.weight", "linear_layer.bias"]


def test_the_keys_say_what_is_front_and_body_and_back() -> None:
    model = build_model(model_params("linear", "standardize"), features())
    front = ["front.mean", "front.shift", "front.scale", "front.with_gaps"]
    body = ["body.linear_layer.weight", "body.linear_layer.bias"]
    assert list(model.state_dict()) == [*front, *body, "back.mean", "back.scale"]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classes_have_no_scale_to_come_back_to(task: str) -> None:
    model = build_model(model_params("linear", "standardize"), features(task=task))
    assert not any(name.startswith("back") for name in model.state_dict())


@pytest.mark.parametrize(("name", "kind"), [("linear_parameters", LinearParameters), ("linear", Linear), ("mlp", Mlp)])
def test_each_name_builds_its_network_with_and_without_a_front(name: str, kind: type) -> None:
    assert isinstance(build_model(model_params(name), features()), kind)
    fronted = build_model(model_params(name, "standardize"), features())
    assert isinstance(fronted, Fitted)
    assert isinstance(fronted.body, kind)


@pytest.mark.parametrize(("task", "d_out"), [("regression", 1), ("binary", 1), ("multiclass", 3)])
@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_there_is_one_output_or_one_for_each_of_three_classes(name: str, task: str, d_out: int) -> None:
    model = build_model(model_params(name), features(n_numeric=2, task=task))
    assert model(torch.zeros(5, 2)).shape == (5, d_out)


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_the_body_is_as_wide_as_the_front_makes_it(name: str) -> None:
    # two numbers, two indicators of gaps, three levels
    model = build_model(model_params(name), features(n_numeric=2, gaps=1, levels=3))
    assert isinstance(model, Fitted)
    assert next(model.body.parameters()).shape[1] == 7
    assert model(torch.zeros(5, 2), torch.zeros(5, 1, dtype=torch.int32)).shape == (5, 1)


def test_a_model_that_cannot_read_the_features_is_refused() -> None:
    with pytest.raises(InputError, match=r"model\.name: linear_parameters must have one numeric column"):
        build_model(model_params("linear_parameters"), features(n_numeric=2))
