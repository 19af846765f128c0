"""The contract of an optimizer: what training, schedules and checkpoints need, tried on a linear regression."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from relight.contracts.facts import Fact, try_facts
from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.loading import described
from relight.train.optim.checks import KEY, load_optimizer
from relight.train.optim.params import OptimizerCall
from relight.train.optim.torch_optimizer import TorchOptimizer, make_torch_optimizer
from relight.train.optim.trial import saved_and_loaded

N_ROWS, D_IN, D_OUT = 64, 6, 2
N_STEPS = 40
USUAL_RATE = 0.01


class Regression(NamedTuple):
    """Weights, a matrix (2, 6) and a vector (2,), and the optimizer that changes them."""

    model: nn.Linear
    optimizer: TorchOptimizer

    def take_steps(self, n_steps: int, mean: float = 3.0) -> list[float]:
        """Return the mean squared error before each step, which is a convex function of the weights.

        Args:
            mean: of the targets.
        """
        return [float(self.optimizer.step(lambda: self._compute_gradients(mean))) for _ in range(n_steps)]

    def _compute_gradients(self, mean: float) -> Tensor:
        draw = torch.Generator().manual_seed(7)
        x, target = torch.randn(N_ROWS, D_IN, generator=draw), torch.randn(N_ROWS, D_OUT, generator=draw)
        self.optimizer.zero_grad()
        loss: Tensor = (self.model(x) - target - mean).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def bits(self) -> bytes:
        """Return the bytes of all weights."""
        return b"".join(weight.detach().numpy().tobytes() for weight in self.model.parameters())


Begin = Callable[[], Regression]


def optimizer_facts(call: Call, root: Path = Path()) -> list[Fact]:
    """Return the facts of an optimizer: a class derived from torch.optim.Optimizer, or a function that makes one.

    If it cannot be made, that is the only one. The random numbers of torch are as before afterwards.

    Raises:
        InputError: if it is not found, or does not take `lr` and its settings.
    """
    optimizer = _with_rate(call)
    what = described(load_optimizer(optimizer, root), optimizer)

    def begin() -> Regression:
        torch.manual_seed(0)
        model = nn.Linear(D_IN, D_OUT)
        return Regression(model, make_torch_optimizer(optimizer, list(model.parameters()), project=root))

    checks = {
        "its steps lower a convex loss": lambda: _lowers(begin()),
        "its steps leave lr as it is": lambda: _keeps_rate(begin()),
        "another lr, which a schedule sets, changes its steps": lambda: _reads_rate(begin),
        "its state_dict comes back from a checkpoint": lambda: _is_saved(begin()),
        "the same seed gives the same bits": lambda: _same_bits(begin),
        "a training that is resumed in the middle ends with the same bits": lambda: _resume(begin),
    }
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        made = try_facts({"it is made with the weights, lr and its settings": lambda: _made(begin)}, root)
        return made if made[0].problem else [*made, *try_facts(checks, root, what)]


def _with_rate(call: Call) -> OptimizerCall:
    try:
        return OptimizerCall.model_validate({"learning_rate": USUAL_RATE, **call.model_dump()})
    except ValidationError as error:
        raise InputError(f"{KEY}: {error.errors()[0]['msg']}") from error


def _made(begin: Begin) -> str:
    begin()
    return ""


def _lowers(tried: Regression) -> str:
    before = tried.bits()
    losses = [*tried.take_steps(N_STEPS), *tried.take_steps(1)]
    if tried.bits() == before:
        return f"no weight has changed after {N_STEPS} steps; change them in place, under torch.no_grad"
    if losses[-1] < losses[0]:
        return ""
    rate = tried.optimizer.learning_rate
    return (
        f"with learning_rate {rate:g} it goes from {losses[0]:.4g} to {losses[-1]:.4g} in {N_STEPS} steps; "
        "subtract lr times the gradient, or take a smaller learning_rate"
    )


def _keeps_rate(tried: Regression) -> str:
    rates = [group["lr"] for group in tried.optimizer.optimizer.param_groups]
    tried.take_steps(2)
    after = [group["lr"] for group in tried.optimizer.optimizer.param_groups]
    return "" if rates == after else f"lr was {rates} and is {after}; keep a factor of its own in another place"


def _reads_rate(begin: Begin) -> str:
    ends = []
    for share in (1.0, 0.5):
        tried = begin()
        tried.take_steps(2)
        tried.optimizer.learning_rate *= share
        for mean in (-3.0, 5.0, -7.0):  # LBFGS has found the weights for the first one
            tried.take_steps(1, mean)
        ends.append(tried.bits())
    problem = "it takes the same steps at half of it; read lr from param_groups in each step, or keep train.schedule"
    return "" if ends[0] != ends[1] else f"{problem} constant"


def _is_saved(tried: Regression) -> str:
    tried.take_steps(N_STEPS)
    saved_and_loaded(tried.optimizer)
    return ""


def _same_bits(begin: Begin) -> str:
    ends = []
    for _ in range(2):
        tried = begin()
        tried.take_steps(N_STEPS)
        ends.append(tried.bits())
    return "" if ends[0] == ends[1] else "two runs differ; draw random numbers from torch, and count in self.state only"


def _resume(begin: Begin) -> str:
    """Train in one go, and again with a new optimizer that goes on from what a checkpoint holds."""
    whole = begin()
    whole.take_steps(N_STEPS)
    first = begin()
    first.take_steps(N_STEPS // 2)
    state: dict[str, Any] = saved_and_loaded(first.optimizer)
    random_state = torch.get_rng_state()
    second = begin()
    second.model.load_state_dict(first.model.state_dict())
    second.optimizer.restore(state)
    torch.set_rng_state(random_state)
    second.take_steps(N_STEPS - N_STEPS // 2)
    return "" if whole.bits() == second.bits() else "the weights differ; keep all that a step needs in self.state"
