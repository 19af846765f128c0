from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from relight.domain.features import Features, NumericFeature
from relight.domain.learned import learned_line
from relight.domain.models.building import build_model
from relight.params.model import MlpParams, ModelParams


def build(name: Any, numeric: Any = "none", n_numeric: int = 1, gaps: int = 0) -> nn.Module:
    features = Features(
        task="regression",
        target="y",
        classes=None,
        numeric=[NumericFeature(name=f"x{k}", kind="numeric", mean=3, std=4, gaps=gaps) for k in range(n_numeric)],
        categorical=[],
        target_mean=10.0,
        target_std=2.0,
        n_train=10,
        test_rows_validate=False,
    )
    torch.manual_seed(1)
    return build_model(
        ModelParams(name=name, numeric=numeric, mlp=MlpParams(n_blocks=1, d_block=2, dropout=0)), features
    )


@pytest.mark.parametrize("name", ["linear_parameters", "linear"])
def test_a_plain_line_is_its_own_weight_and_bias(name: str) -> None:
    model = build(name)
    weight, bias = (value.item() for value in model.parameters())
    assert learned_line(model) == {"weight": weight, "bias": bias}


def test_scaling_is_taken_back_by_hand() -> None:
    # (8 * (x - 3) / 4 + 5) * 2 + 10 = 4 x + 8
    model = build("linear_parameters", "standardize")
    model.load_state_dict({**model.state_dict(), "body.weights": torch.tensor([8.0]), "body.bias": torch.tensor([5.0])})
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


@pytest.mark.parametrize(
    "model",
    [build("mlp"), build("mlp", "standardize"), build("linear", n_numeric=2), build("linear", gaps=1)],
    ids=["mlp", "mlp behind a front", "two columns", "gaps"],
)
def test_what_is_no_line_of_one_column_has_none(model: nn.Module) -> None:
    assert learned_line(model) is None
