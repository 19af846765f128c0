import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from relight.train.optim.optimizers import build_optimizer
from relight.train.params import OptimizerParams

STEPS = 50

WITHOUT_DYNAMO = """
import sys
import torch
from torch import nn
from relight.train.optim.optimizers import build_optimizer
from relight.train.params import OptimizerParams

for name in ("sgd", "adam", "adamw"):
    params = OptimizerParams(name=name, learning_rate=0.01, weight_decay=0.1, momentum=0.5 if name == "sgd" else 0.0)
    model = nn.Linear(3, 1)
    optimizer = build_optimizer(params, model)
    optimizer.zero_grad()
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step(lambda: torch.zeros(()))
print("torch.optim.sgd" in sys.modules, "torch._dynamo" in sys.modules)
"""


def params(name: Any, *, weight_decay: float = 0.0, momentum: float = 0.0) -> OptimizerParams:
    return OptimizerParams(name=name, learning_rate=0.01, weight_decay=weight_decay, momentum=momentum)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))


def train(model: nn.Module, optimizer: Any) -> list[bytes]:
    """The weights after each of 50 steps, as bytes."""
    generator = torch.Generator().manual_seed(1)
    seen = []
    for _ in range(STEPS):
        x = torch.randn(32, 5, generator=generator)
        optimizer.zero_grad()
        ((model(x) - x.sum(dim=1, keepdim=True)) ** 2).mean().backward()
        optimizer.step(lambda: torch.zeros(()))
        seen.append(b"".join(weight.detach().numpy().tobytes() for weight in model.parameters()))
    return seen


@pytest.mark.parametrize(("weight_decay", "momentum"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.9), (0.1, 0.9)])
def test_sgd_gives_the_very_weights_of_torch(weight_decay: float, momentum: float) -> None:
    ours, theirs = network(), network()
    expected = torch.optim.SGD(theirs.parameters(), lr=0.01, weight_decay=weight_decay, momentum=momentum)
    settings = params("sgd", weight_decay=weight_decay, momentum=momentum)
    assert train(ours, build_optimizer(settings, ours)) == train(theirs, expected)


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_and_adamw_give_the_very_weights_of_torch(name: str, kind: Any, weight_decay: float) -> None:
    ours, theirs = network(), network()
    expected = kind(theirs.parameters(), lr=0.01, weight_decay=weight_decay, fused=True)
    assert train(ours, build_optimizer(params(name, weight_decay=weight_decay), ours)) == train(theirs, expected)


class Forgetful(nn.Module):
    """Has a layer that no output depends on, and another one that some steps leave out."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten, self.first, self.last = nn.Linear(3, 3), nn.Linear(5, 4), nn.Linear(4, 1)
        self.sometimes = nn.Linear(5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.last(self.first(x))
        return out + self.sometimes(x) if x[0, 0] > 0 else out


@pytest.mark.parametrize(
    ("settings", "kind", "given"),
    [
        (params("sgd"), torch.optim.SGD, {}),
        (params("sgd", momentum=0.9), torch.optim.SGD, {"momentum": 0.9}),
        (params("adam"), torch.optim.Adam, {"fused": True}),
        (params("adamw", weight_decay=0.1), torch.optim.AdamW, {"weight_decay": 0.1, "fused": True}),
    ],
    ids=str,
)
def test_weights_without_a_gradient_stay_as_with_torch(
    settings: OptimizerParams, kind: Any, given: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    ours, theirs = Forgetful(), Forgetful()
    theirs.load_state_dict(ours.state_dict())
    expected = kind(theirs.parameters(), lr=0.01, **given)
    assert train(ours, build_optimizer(settings, ours)) == train(theirs, expected)


def test_each_setting_changes_the_weights() -> None:
    settings = [
        params("sgd"),
        params("sgd", weight_decay=0.1),
        params("sgd", momentum=0.9),
        params("adam"),
        params("adam", weight_decay=0.1),
        params("adamw", weight_decay=0.1),
    ]
    ends = []
    for setting in settings:
        model = network()
        ends.append(train(model, build_optimizer(setting, model))[-1])
    assert len(set(ends)) == len(settings)


def test_sgd_with_momentum_by_hand() -> None:
    # f(w) = w, slope 1, learning rate 0.25, momentum 0.5: velocities 1, 1.5, 1.75; w = -0.25 * (1 + 1.5 + 1.75)
    model = nn.ParameterList([nn.Parameter(torch.zeros(1))])
    optimizer = build_optimizer(OptimizerParams(name="sgd", learning_rate=0.25, weight_decay=0.0, momentum=0.5), model)
    for _ in range(3):
        optimizer.zero_grad()
        model[0].sum().backward()
        optimizer.step(lambda: torch.zeros(()))
    assert model[0].item() == -1.0625


def test_weights_that_do_not_learn_are_left_alone() -> None:
    model = network()
    model[0].requires_grad_(requires_grad=False)
    before = model[0].weight.clone()
    train(model, build_optimizer(params("adamw", weight_decay=0.1), model))
    assert torch.equal(model[0].weight, before)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_zero_grad_forgets_the_slopes_of_the_step_before(name: str) -> None:
    model = network()
    optimizer = build_optimizer(params(name), model)
    model(torch.ones(1, 5)).sum().backward()
    optimizer.zero_grad()
    assert all(weight.grad is None for weight in model.parameters())


def test_importing_making_and_stepping_them_does_not_import_dynamo() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_DYNAMO], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
