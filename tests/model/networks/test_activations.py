from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn import functional

from relight.model import params
from relight.model.networks.mlp import Activation, activation_module

THEIRS = {
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
}


@pytest.mark.parametrize("name", get_args(Activation))
def test_each_name_is_the_function_of_that_name(name: Activation) -> None:
    x = torch.linspace(-3, 3, 13)
    module = activation_module(name)
    assert isinstance(module, nn.Module)
    assert torch.equal(module(x), THEIRS[name](x))


def test_the_params_offer_these_activations() -> None:
    assert get_args(params.Activation) == get_args(Activation)
