"""Optimizers whose step calls the closure: LBFGS learns, and what it cannot be combined with is said."""

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from relight.errors import InputError
from relight.model.params import ModelParams
from relight.model.pipeline import DeepEnsemble
from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.checks import assert_train_params_fit, train_warnings
from relight.train.loop import Validation, fit
from relight.train.losses.losses import mse
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.params import OptimizerCall
from relight.train.optim.schedules import Schedule
from relight.train.params import TrainParams
from relight.train.state import TrainingState
from tests.feature_tables import small_table

LBFGS = {"call": "torch.optim:LBFGS", "learning_rate": 1.0, "line_search_fn": "strong_wolfe"}
USUAL = {
    "seed": 3, "epochs": 3, "batch_size": "full", "loss": "auto", "early_stopping": None, "device": "cpu", "threads": 1,
    "optimizer": LBFGS,
}  # fmt: skip


def rows(*, weighted: bool = False) -> Rows:
    draw = torch.Generator().manual_seed(1)
    x, noise = torch.randn(60, 3, generator=draw), torch.randn(60, 1, generator=draw)
    weight = torch.rand(60, generator=draw) if weighted else None
    return Rows((x,), x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 3 + noise, weight)


def fitted(table: Rows, epochs: int, autocast: AbstractContextManager[Any] | None = None) -> nn.Linear:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    state = TrainingState(model, build_optimizer(OptimizerCall.model_validate(LBFGS), model))
    fit(
        state,
        InMemoryBatches(table, "full", 0),
        Validation(table, None),
        loss_fn=mse,
        schedule=Schedule(epochs, lambda _epoch, _step: 1.0),
        autocast=autocast or nullcontext(),
    )
    return model


@pytest.mark.parametrize("weighted", [False, True])
def test_two_steps_find_the_least_squares(weighted: bool) -> None:
    """Those that NumPy solves for; weights of rows count."""
    table = rows(weighted=weighted)
    root = np.ones(60) if table.weight is None else table.weight.double().sqrt().numpy()
    design = np.c_[table.inputs[0].double().numpy(), np.ones(60)] * root[:, None]
    expected = np.linalg.lstsq(design, table.target[:, 0].double().numpy() * root, rcond=None)[0]
    model = fitted(table, 2)
    found = np.r_[model.weight.detach().numpy()[0], model.bias.detach().numpy()]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_bfloat16_is_near() -> None:
    one, other = (fitted(rows(), 2, context) for context in (None, torch.autocast("cpu", torch.bfloat16)))
    assert not torch.equal(one.weight, other.weight)
    torch.testing.assert_close(one.weight, other.weight, rtol=0.05, atol=0.05)


def params(**changes: Any) -> TrainParams:
    return TrainParams.model_validate({**USUAL, **changes})


def test_what_does_not_belong_together_is_said_at_once() -> None:
    with pytest.raises(InputError) as error:
        assert_train_params_fit(
            params(seeds=3, gradient_clip=0.5), ModelParams(name="linear", numeric="none"), small_table().features
        )
    assert [said.split(" with torch.optim:LBFGS")[0] for said in error.value.problems] == [
        "train.seeds: must be 1",
        "train.gradient_clip: must be null",
    ]


@pytest.mark.parametrize(
    ("model", "how", "said"),
    [
        (DeepEnsemble([nn.Linear(2, 1), nn.Linear(2, 1)]), {}, "train.seeds: must be 1 with torch.optim:LBFGS, whose "
         "step compares the losses of one network, got 2; set it to 1, or take sgd, adam, adamw, or another class"),
        (nn.Linear(2, 1), {"gradient_clip": 0.5}, "train.gradient_clip: must be null with torch.optim:LBFGS, whose "
         "step compares losses and gradients, and a clipped gradient is not that of the loss, got 0.5; set it to null"),
        (nn.Linear(2, 1), {"processes": 2}, "train.optimizer: torch.optim:LBFGS must be trained in one process, because"
         " its step compares losses, and each of 2 processes computes that of its own rows; take sgd, adam, adamw"),
    ],
)  # fmt: skip
def test_each_is_said_before_the_first_step(model: nn.Module, how: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match="^" + re.escape(said)):
        build_optimizer(OptimizerCall.model_validate(LBFGS), model, **how)


def test_batches_that_differ_are_probably_a_mistake() -> None:
    features = small_table().features
    (said,) = train_warnings(params(batch_size=8), features, cores=2)
    assert said == (
        "train.batch_size: torch.optim:LBFGS compares losses and gradients of different rows, got 8 of "
        f"{features.n_train} train rows in a step; set it to full, and dropout to 0"
    )
    assert train_warnings(params(), features, cores=2) == []
    assert train_warnings(params(batch_size=features.n_train), features, cores=2) == []
