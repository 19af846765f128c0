"""An optimizer of the user's own: tried before the first step, named with its line if it breaks the contract."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from relight.errors import InputError, RelightError, RunError
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.params import OptimizerCall
from relight.train.optim.torch_optimizer import Closure, TorchOptimizer
from tests.own_projects import SIGNS, enter, line_of

OPTIMIZERS = (
    SIGNS
    + """

class Doubles(Signs):
    def move(self, weight, lr):
        total = self.state[weight].setdefault("total", torch.zeros(weight.shape, dtype=torch.float64))
        total.add_(weight.grad, alpha=0.1)
        weight.sub_((lr * total).float())


class Langevin(Signs):
    def move(self, weight, lr):
        weight.sub_(lr * (weight.grad + torch.randn_like(weight)))


class SlowBiases(SGD):
    def __init__(self, params, lr):
        params = list(params)
        matrices = [weight for weight in params if weight.ndim > 1]
        others = [weight for weight in params if weight.ndim < 2]
        super().__init__([{"params": matrices}, {"params": others, "lr": 0.5 * lr}], lr=lr)


class Throws(Signs):
    def move(self, weight, lr):
        weight.sub_(lr * torch.as_tensor(numpy.random.randn(*weight.shape)))


class Stuck(Signs):
    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.lr = lr

    def move(self, weight, lr):
        weight.sub_(self.lr * weight.grad)


class Waits(Stuck):
    pass


class OwnRprop(Rprop):
    pass


class NoRate(Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"rate": lr})

    def step(self):
        pass


class Again(Signs):
    def step(self, closure):
        closure()


class Breaks(Signs):
    def move(self, weight, lr):
        weight.sub_(lr * weight.grad[:, :9] @ weight)  # Breaks raises


class BreaksLater(Signs):
    def move(self, weight, lr):
        done = self.state[weight].setdefault("step", torch.zeros(()))
        done += 1
        if done > 9:
            raise ValueError("nine steps\\nand no more")  # BreaksLater raises
        weight.sub_(lr * weight.grad)


class Refuses(Signs):
    def __init__(self, params, lr):
        raise ValueError("not today")  # Refuses raises


class Names(Optimizer):
    def __init__(self, params, learning_rate):
        super().__init__(params, {"lr": learning_rate})


class Newton(LBFGS):
    pass


class Sharp(Signs):
    # Sharpness-aware: the gradient at a place nearby, where the loss is higher (Foret et al. 2021).

    def step(self, closure):
        with torch.enable_grad():
            loss = closure()
        nearby = [0.5 * weight.grad.sign() for group in self.param_groups for weight in group["params"]]
        self.add(nearby, 1)
        closure()
        self.add(nearby, -1)
        super().step()
        return loss

    @torch.no_grad()
    def add(self, parts, share):
        weights = [weight for group in self.param_groups for weight in group["params"]]
        for weight, part in zip(weights, parts, strict=True):
            weight.add_(part, alpha=share)


class Idle(Signs):
    def step(self, closure):
        pass


class Lists(Signs):
    def move(self, weight, lr):
        seen = self.state[weight].setdefault("seen", [])
        seen.append(weight.grad.double() / 3)
        weight.sub_((lr * sum(seen)).float())


def no_optimizer(params, lr):
    return 5


class NoClass:
    def __init__(self, params, lr):
        self.param_groups = []


number = 3
"""
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_optim=OPTIMIZERS)


def at(pattern: str) -> str:
    """File and line of the first match in the user's code."""
    return f"own_optim.py:{line_of(OPTIMIZERS, pattern)}"


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))


def built(name: str, model: nn.Module, **settings: Any) -> TorchOptimizer:
    call = OptimizerCall.model_validate({"call": f"own_optim:{name}", "learning_rate": 0.25, **settings})
    optimizer = build_optimizer(call, model, rate_changes=name != "Waits")
    assert isinstance(optimizer, TorchOptimizer)
    return optimizer


def weights(model: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def loss_of(model: nn.Module, optimizer: TorchOptimizer, x: Tensor) -> Closure:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = (model(x) - x.sum(dim=1, keepdim=True)).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    return closure


def take_steps(model: nn.Module, optimizer: TorchOptimizer, steps: range) -> Tensor:
    for step in steps:
        torch.manual_seed(step)
        optimizer.step(loss_of(model, optimizer, torch.randn(8, 4)))
    return weights(model)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # the slope is 1, 2 or 3 and its sign 1: two steps of 1/4, and one of 1/8
        ("Signs", -0.625),
        # the same from the gradient half a unit further, of which the slope is no other
        ("Sharp", -0.625),
    ],
)
def test_it_takes_its_steps_by_hand(name: str, expected: float) -> None:
    model = nn.ParameterList([nn.Parameter(torch.zeros(3))])
    optimizer = built(name, model)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (model[0] * torch.tensor([1.0, 2.0, 3.0])).sum()
        loss.backward()
        return loss

    for rate in (0.25, 0.25, 0.125):
        optimizer.learning_rate = rate
        optimizer.step(closure)
    assert model[0].tolist() == [expected] * 3


def test_a_step_that_calls_the_closure_twice_returns_the_loss_before_it() -> None:
    # w² at 1 is 1; the slope there is 2, and half a unit further 3: both go down by a quarter; at 3/4 it is 9/16
    model = nn.ParameterList([nn.Parameter(torch.ones(1))])
    optimizer, slopes = built("Sharp", model), []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = model[0].square().sum()
        loss.backward()
        slopes.append(float(model[0].grad))
        return loss.detach()

    assert [float(optimizer.step(closure)) for _ in range(2)] == [1, 0.5625]
    assert slopes == [2, 3, 1.5, 2.5]


@pytest.mark.parametrize(
    "name",
    ["Signs", "Waits", "Doubles", "Langevin", "SlowBiases", "decayed", "BreaksLater", "Newton", "Sharp", "Lists"],
)
def test_continued_it_takes_the_same_steps(name: str) -> None:
    """Also with a state of float64, and with noise from torch."""
    model = network()
    optimizer = built(name, model)
    take_steps(model, optimizer, range(4))
    buffer = io.BytesIO()
    torch.save([optimizer.save(), model.state_dict()], buffer)
    whole = take_steps(model, optimizer, range(4, 8))
    buffer.seek(0)
    saved, values = torch.load(buffer, weights_only=True)
    other = network()
    other.load_state_dict(values)
    again = built(name, other)
    again.restore(saved)
    assert torch.equal(take_steps(other, again, range(4, 8)), whole)


def test_groups_keep_their_share_of_the_learning_rate() -> None:
    # by hand: matrices with the rate, biases with half of it
    model, by_hand = network(), network()
    optimizer = built("SlowBiases", model)
    for rate in (0.25, 0.125):
        optimizer.learning_rate = rate
        take_steps(model, optimizer, range(1))
        torch.manual_seed(0)
        x = torch.randn(8, 4)
        by_hand.zero_grad()
        (by_hand(x) - x.sum(dim=1, keepdim=True)).square().mean().backward()
        with torch.no_grad():
            for weight in by_hand.parameters():
                assert weight.grad is not None
                weight -= (rate if weight.ndim > 1 else rate / 2) * weight.grad
    torch.testing.assert_close(weights(model), weights(by_hand))


@pytest.mark.parametrize("given", [[2, 3], (2, 3)])
def test_a_list_is_a_tuple_where_the_default_is_one(given: Any) -> None:
    assert built("Signs", network(), powers=given).optimizer.param_groups[0]["powers"] == (2, 3)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("Counts", {}, "train.optimizer: own_optim:Counts (AT) must keep all that a step depends on in"),
        ("Throws", {}, "train.optimizer: own_optim:Throws (AT) must keep all that a step depends on in"),
        ("Deque", {}, "train.optimizer: own_optim:Deque (AT) must keep only tensors, numbers, texts, "
         "lists and dicts in its state, which a checkpoint saves, got deque"),
        ("Stuck", {}, "train.optimizer: own_optim:Stuck (AT) must read lr from its param_groups in each"),
        ("OwnRprop", {}, "train.optimizer: own_optim:OwnRprop (AT) must read lr from its param_groups in each"),
        ("Falls", {}, "train.optimizer: own_optim:Falls (AT) must leave lr in its param_groups as it is"),
        ("NoRate", {}, "train.optimizer: own_optim:NoRate (AT) must keep lr in its param_groups, where"),
        ("Again", {}, "train.optimizer: own_optim:Again (AT) must change the weights in its steps, got the same"),
        ("Idle", {}, "train.optimizer: own_optim:Idle (AT) must call the closure in each step, because its step"),
        ("Breaks", {}, "train.optimizer: RAISED: in move: "),
        ("Refuses", {}, "train.optimizer: RAISED: in __init__: ValueError: not today"),
        ("Names", {}, "train.optimizer: own_optim:Names (AT) must take lr, as the classes of torch.optim, got"),
        ("no_optimizer", {}, "train.optimizer: own_optim:no_optimizer (AT) must make a torch.optim.Opti"),
        ("NoClass", {}, "train.optimizer: own_optim:NoClass (AT) must be a class derived from torch.op"),
        ("number", {}, "train.optimizer: own_optim:number must be a function or a class, got int 3 in own_optim.py"),
        ("Sings", {}, "train.optimizer: own_optim.py must have Sings, got none; did you mean Signs?"),
        ("Signs", {"power": 1}, "train.optimizer.power: is unknown to own_optim:Signs (AT); did you mean"),
        ("decayed", {"lr_": 1}, "train.optimizer.lr_: is unknown to own_optim:decayed (AT)"),
    ],
)  # fmt: skip
def test_one_that_breaks_the_contract_is_named_with_its_line(name: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(RelightError) as error:
        built(name, network(), **settings)
    (problem,) = error.value.problems
    assert problem.startswith(said.replace("AT", at(rf"(class|def) {name}\b")).replace("RAISED", at(f"{name} raises")))


@pytest.mark.parametrize("learning_rate", [1e-30, 1e-12, 100.0])
def test_the_trial_accepts_every_learning_rate(learning_rate: float) -> None:
    assert built("Signs", network(), learning_rate=learning_rate).learning_rate == learning_rate


def test_an_exception_in_a_later_step_has_its_line_and_ends_the_run_as_a_failed_one() -> None:
    """A RunError gets the note on the last good checkpoint."""
    model = network()
    optimizer = built("BreaksLater", model)
    take_steps(model, optimizer, range(9))
    with pytest.raises(RunError) as error:
        take_steps(model, optimizer, range(1))
    assert error.value.problems == (f"train.optimizer: {at('BreaksLater raises')}: in move: ValueError: nine steps",)


def test_a_missing_file_and_a_syntax_error_are_said(project: Path) -> None:
    (project / "own_broken.py").write_text("import torch\n\ndef decayed(params, lr:\n    pass\n")
    for module, said in (
        ("own_missing", "train.optimizer: own_missing: must be a module of this project, got no file own_missing.py"),
        ("own_broken", "train.optimizer: own_broken.py:3: is not valid Python: "),
    ):
        with pytest.raises(InputError) as error:
            build_optimizer(OptimizerCall(call=f"{module}:decayed", learning_rate=0.1), network())
        assert error.value.problems[0].startswith(said)
