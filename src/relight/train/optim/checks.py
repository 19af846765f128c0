"""The requirements on optimizer and schedule, checked before anything runs; torch is imported only for its classes."""

import inspect
from pathlib import Path
from typing import Any

from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.loading import argument_names, assert_takes, described, load
from relight.own_code.project import TORCH_MODULES
from relight.train.optim.params import OptimizerCall, OptimizerParams, ScheduleParams
from relight.train.params import TrainParams

KEY = "train.optimizer"
BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
LOW_FACTOR = 1e-6  # of a learning rate: nothing is learned any more
OTHERS = "take sgd, adam, adamw, or another class of torch.optim"


def assert_optimizer_fits(params: TrainParams, *, own_network: bool) -> None:
    """Check a class of torch.optim by its name, settings and schedule; the user's own code is not run here.

    Args:
        own_network: whether the network is the user's own, which may have sparse gradients.

    Raises:
        InputError: if the class is not there, does not fit, or the schedule is no function.
    """
    optimizer, schedule = params.optimizer, params.schedule
    if isinstance(schedule, Call) and schedule.module in TORCH_MODULES:
        raise InputError(
            f"train.schedule: must be a function (step, n_steps) of this project, got {schedule}; "
            "write one, or take one_cycle, step or cosine"
        )
    if not isinstance(optimizer, OptimizerCall) or optimizer.module not in TORCH_MODULES:
        return
    target = load_optimizer(optimizer)
    if "Rprop" in _torch_bases(target) and changes_rate(schedule):
        raise InputError(
            f"train.schedule: must be constant without warmup for {optimizer}, which reads the learning rate only in "
            f"its first step, got {schedule if isinstance(schedule, Call) else schedule.name}"
        )
    if needs_sparse(target) and not own_network:
        raise InputError(f"{KEY}: {optimizer} does not support dense gradients, and this model has no others; {OTHERS}")
    if needs_closure(target):
        assert_closure_fits(optimizer, n_networks=params.seeds, gradient_clip=params.gradient_clip)


def needs_sparse(target: Any) -> bool:
    """Return whether a class is, or is derived from, that of torch.optim which reads only sparse gradients."""
    return "SparseAdam" in _torch_bases(target)


def needs_closure(optimizer: Any) -> bool:
    """Return whether `step` of a class, or of an optimizer, must be given a closure, as that of LBFGS."""
    parameters = list(inspect.signature(optimizer.step).parameters.values())
    of_step = parameters[1:] if isinstance(optimizer, type) else parameters
    return any(parameter.default is parameter.empty and parameter.kind in BY_PLACE for parameter in of_step)


def compares_steps(optimizer: OptimizerParams | OptimizerCall) -> bool:
    """Return whether an optimizer of torch.optim is one that computes loss and gradients several times in a step."""
    if not isinstance(optimizer, OptimizerCall) or optimizer.module not in TORCH_MODULES:
        return False
    return needs_closure(load_optimizer(optimizer))


def assert_closure_fits(
    call: OptimizerCall, *, n_networks: int, gradient_clip: float | None, processes: int = 1
) -> None:
    """Check what an optimizer meets that computes loss and gradients several times in a step, and compares them.

    Raises:
        InputError: with everything that would make it compare what does not belong together.
    """
    problems = [
        (n_networks > 1, f"train.seeds: must be 1 with {call}, whose step compares the losses of one network, got "
         f"{n_networks}; set it to 1, or {OTHERS}"),
        (gradient_clip is not None, f"train.gradient_clip: must be null with {call}, whose step compares losses and "
         f"gradients, and a clipped gradient is not that of the loss, got {gradient_clip}; set it to null"),
        (processes > 1, f"{KEY}: {call} must be trained in one process, because its step compares losses, and each of "
         f"{processes} processes computes that of its own rows; {OTHERS}"),
    ]  # fmt: skip
    wrong = [problem for is_wrong, problem in problems if is_wrong]
    if wrong:
        raise InputError(*wrong)


def changes_rate(schedule: ScheduleParams | Call) -> bool:
    """Return whether the learning rate differs between steps."""
    return isinstance(schedule, Call) or schedule.name != "constant" or schedule.warmup > 0


def load_optimizer(call: OptimizerCall, project: Path = Path()) -> Any:
    """Return the class that a call names, or a function that makes an optimizer.

    Args:
        project: the folder below which the user's own code lies.

    Raises:
        RelightError: if it is not there, no optimizer, none that the loop can call, or does not take its settings.
    """
    target = load(call, KEY, project)
    names = _torch_bases(target)
    if isinstance(target, type) and ("Optimizer" not in names or names[0] == "Optimizer"):
        raise InputError(
            f"{KEY}: {described(target, call)} must be a class derived from torch.optim.Optimizer; {OTHERS}"
        )
    if call.settings.get("differentiable"):
        raise InputError(f"{KEY}.differentiable: must be false, because no gradient is taken through a step")
    if "learning_rate" in argument_names(target):
        what = described(target, call)
        raise InputError(f"{KEY}: {what} must take lr, as the classes of torch.optim, got learning_rate; rename it")
    assert_takes(target, call, KEY, ("params",), {"lr": call.learning_rate})
    return target


def _torch_bases(target: Any) -> list[str]:
    """Return the names of a class and its bases in their order; "" for those that are not of torch.optim."""
    bases = getattr(target, "__mro__", ())
    return [base.__name__ if base.__module__.startswith("torch.optim.") else "" for base in bases]


def schedule_warnings(params: ScheduleParams, epochs: int, n_steps: int) -> list[str]:
    """Return what is probably a mistake in a schedule, but works.

    Args:
        n_steps: optimizer steps of the training.
    """
    if params.warmup >= epochs:
        return [
            f"train.schedule.warmup: {params.warmup} is not less than the {epochs} epochs; "
            "the learning rate never reaches its full height"
        ]
    if params.step_size is None:
        return []
    head = f"train.schedule.step_size: {params.step_size}"
    if params.step_size >= n_steps:
        return [f"{head} is not less than the {n_steps} optimizer steps; the learning rate never falls"]
    last = params.gamma ** ((n_steps - 1) // params.step_size)
    if last < LOW_FACTOR:
        return [
            f"{head} optimizer steps (not epochs), of {n_steps}, are so few that the learning rate falls to {last:.0e} "
            "of its height"
        ]
    return []
