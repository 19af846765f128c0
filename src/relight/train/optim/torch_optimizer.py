"""An optimizer class of PyTorch, or of the user's own derived from it, with the interface of `Sgd` and `Adam`.

It is made over the weights with `lr` and its settings.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from relight.errors import InputError, RelightError, RunError
from relight.own_code.calls import Call
from relight.own_code.loading import described
from relight.runtime.tracebacks import blame_own_code
from relight.train.optim.checks import KEY, OTHERS, load_optimizer, needs_closure
from relight.train.optim.clipping import GradientClip
from relight.train.optim.params import OptimizerCall

Closure = Callable[[], Tensor]  # computes the loss, (), and the gradients of the weights


@dataclass
class TorchOptimizer:
    """An optimizer by its class.

    Attributes:
        name: for messages.
        learning_rate: of the next step; a schedule may set it.
        shares: of each group of weights: its learning rate as a multiple of `learning_rate`.
    """

    optimizer: torch.optim.Optimizer
    name: str
    learning_rate: float
    gradient_clip: GradientClip | None = None
    project: Path = Path()
    shares: list[float] = field(init=False)
    calls_closure: bool = field(init=False)

    def __post_init__(self) -> None:
        self.shares = [group["lr"] / self.learning_rate for group in self.optimizer.param_groups]
        self.calls_closure = needs_closure(self.optimizer)

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()

    def clip_gradients(self) -> None:
        if self.gradient_clip:
            self.gradient_clip()

    def step(self, closure: Closure) -> Tensor:
        """Change the weights by the gradients that the closure computes; return the loss before the step.

        Raises:
            RunError: if the user's own optimizer raises an exception, or needs the closure and does not call it.
        """
        for group, share in zip(self.optimizer.param_groups, self.shares, strict=True):
            group["lr"] = self.learning_rate * share
        if self.calls_closure:
            return self._step_with(closure)
        loss = closure()
        with blame_own_code(self.project, KEY):
            self.optimizer.step()
        return loss

    def _step_with(self, closure: Closure) -> Tensor:
        losses: list[Tensor] = []

        def recorded() -> Tensor:
            with torch.enable_grad(), blame_own_code(self.project):
                losses.append(closure())
            return losses[-1]

        with blame_own_code(self.project, KEY):
            self.optimizer.step(recorded)  # type: ignore[arg-type]  # LBFGS makes a float of it
        if not losses:
            raise RunError(f"{KEY}: {self.name} must call the closure in each step, because its step takes one")
        return losses[0]

    def save(self) -> dict[str, Any]:
        """Return what the next step depends on."""
        return self.optimizer.state_dict()

    def restore(self, saved: dict[str, Any]) -> None:
        """Go back to what `save` returned; `load_state_dict` changes the type of numbers, and here it stays."""
        self.optimizer.load_state_dict(saved)
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        for index, state in saved.get("state", {}).items():
            if isinstance(index, int) and isinstance(state, dict):
                _keep_dtypes(self.optimizer.state[weights[index]], state)


def _keep_dtypes(loaded: dict[Any, Any], saved: dict[Any, Any]) -> None:
    for key, value in loaded.items():
        loaded[key] = _with_dtypes(value, saved[key])


def _with_dtypes(loaded: Any, saved: Any) -> Any:
    """Return what was loaded, with the numbers of what was saved where their type differs."""
    match saved:
        case Tensor():
            return loaded if loaded.dtype == saved.dtype else saved.to(loaded.device)
        case dict():
            return {key: _with_dtypes(loaded[key], value) for key, value in saved.items()}
        case list() | tuple():
            return type(saved)(_with_dtypes(*pair) for pair in zip(loaded, saved, strict=True))
        case _:
            return loaded


def make_torch_optimizer(
    call: OptimizerCall,
    weights: Sequence[Tensor],
    gradient_clip: GradientClip | None = None,
    project: Path = Path(),
) -> TorchOptimizer:
    """Return a new optimizer over the weights.

    Args:
        project: the folder below which the user's own code lies.

    Raises:
        RelightError: if its class refuses its settings or these weights, or it keeps no learning rate.
    """
    target = load_optimizer(call, project)
    with explain_refusal(call, "refuses its settings or the weights of this network", project=project):
        made = target(weights, lr=call.learning_rate, **_settings(target, call))
    what = described(target, call)
    if not isinstance(made, torch.optim.Optimizer):
        raise InputError(f"{KEY}: {what} must make a torch.optim.Optimizer, got {type(made).__name__}")
    if not all(isinstance(group.get("lr"), float) for group in made.param_groups):
        raise InputError(
            f"{KEY}: {what} must keep lr in its param_groups, where the schedule sets it; "
            "give `{'lr': lr}` to the defaults of torch.optim.Optimizer"
        )
    return TorchOptimizer(made, what, call.learning_rate, gradient_clip, project)


def _settings(target: Any, call: OptimizerCall) -> dict[str, Any]:
    """Return the settings; a list is a tuple where the default is one, as betas."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(target).parameters.items()}
    return {
        name: tuple(value) if isinstance(value, list) and isinstance(defaults.get(name), tuple) else value
        for name, value in call.settings.items()
    }


@contextmanager
def explain_refusal(call: Call, what: str, others: str = OTHERS, project: Path = Path()) -> Iterator[None]:
    """Raise what PyTorch or the user's own code raises as an error that names the optimizer, or the line of their code.

    Raises:
        RelightError: for every exception, but for memory that is full.
    """
    try:
        with blame_own_code(project, KEY):
            yield
    except (RelightError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # PyTorch checks settings, weights and gradients with exceptions of every kind
        text = str(error).split("\n")[0].rstrip(".") or type(error).__name__
        raise InputError(f"{KEY}: {call} {what}: {text}; correct its settings, or {others}") from error
