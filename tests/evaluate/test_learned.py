from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from relight.evaluate.scores import learned_line
from relight.model.build import build_model
from relight.model.params import MlpParams, ModelParams
from tests.feature_tables import features_of, number


def build(
    name: Any, numeric: Any = "none", n_numeric: int = 1, gaps: int = 0, target_scale: Any = None, seeds: int = 1
) -> nn.Module:
    """Columns of mean 3 and deviation 4, a target of mean 10 and deviation 2."""
    columns = [number(f"x{k}", [-1, 7], gaps=gaps) for k in range(n_numeric)]
    target_scale = target_scale or ("none" if numeric == "none" else "standardize")
    params = ModelParams(name=name, numeric=numeric, mlp=MlpParams(n_blocks=1, d_block=2, dropout=0))
    torch.manual_seed(1)
    return build_model(params, features_of(columns, target=[8, 12]), target_scale=target_scale, seeds=seeds)


@pytest.mark.parametrize("name", ["linear_parameters", "linear"])
def test_a_plain_line_is_its_own_weight_and_bias(name: str) -> None:
    model = build(name)
    weight, bias = (value.item() for value in model.parameters())
    assert learned_line(model) == {"weight": weight, "bias": bias}


def test_scaling_is_taken_back_by_hand() -> None:
    # (8 * (x - 3) / 4 + 5) * 2 + 10 = 4 x + 8
    model = build("linear_parameters", "standardize")
    model.load_state_dict(
        {
            **model.state_dict(),
            "network.network.weights": torch.tensor([8.0]),
            "network.network.bias": torch.tensor([5.0]),
        }
    )
    assert learned_line(model) == {"weight": 4, "bias": 8}


@pytest.mark.parametrize("name", ["linear_parameters", "linear"])
@pytest.mark.parametrize("numeric", ["none", "standardize"])
def test_the_line_says_what_the_model_says(name: str, numeric: str) -> None:
    model = build(name, numeric)
    x = torch.linspace(-5, 5, 11).unsqueeze(1)
    inputs = (x,) if numeric == "none" else (x, torch.empty(11, 0, dtype=torch.int32))
    learned = learned_line(model)
    assert learned is not None
    expected = learned["weight"] * x.numpy() + learned["bias"]
    np.testing.assert_allclose(model(*inputs).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_a_target_that_is_scaled_alone_is_a_line_too() -> None:
    # (8 x + 5) * 2 + 10 = 16 x + 20
    model = build("linear_parameters", target_scale="standardize")
    weights = {"network.network.weights": torch.tensor([8.0]), "network.network.bias": torch.tensor([5.0])}
    model.load_state_dict({**model.state_dict(), **weights})
    assert learned_line(model) == {"weight": 16, "bias": 20}


@pytest.mark.parametrize(
    "model",
    [
        build("mlp"),
        build("mlp", "standardize"),
        build("linear", n_numeric=2),
        build("linear", gaps=1),
        build("linear", "quantile_normal"),
        build("linear", target_scale="log"),
        build("linear", seeds=2),
    ],
    ids=["mlp", "mlp behind a front", "two columns", "gaps", "quantiles", "a logarithm", "several"],
)
def test_what_is_no_line_of_one_column_has_none(model: nn.Module) -> None:
    assert learned_line(model) is None
