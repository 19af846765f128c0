"""The requirements on optimizer and schedule, checked before anything runs; torch is imported only for its classes."""

from typing import Any

from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.loading import argument_names, assert_takes, described, load
from relight.own_code.project import TORCH_MODULES
from relight.train.optim.params import OptimizerCall, OptimizerParams, ScheduleParams

KEY = "train.optimizer"
LOW_FACTOR = 1e-6  # of a learning rate: nothing is learned any more
UNFIT = {  # classes of torch.optim that the training loop cannot call
    "LBFGS": "computes the loss several times in a step, and the training loop computes it once",
    "SparseAdam": "needs sparse gradients, and those of a network are dense",
}
OTHERS = "take sgd, adam, adamw, or another class of torch.optim"


def assert_optimizer_fits(optimizer: OptimizerParams | OptimizerCall, schedule: ScheduleParams | Call) -> None:
    """Check a class of torch.optim by its name, settings and schedule; the user's own code is not run here.

    Raises:
        InputError: if the class is not there, does not fit, or the schedule is no function.
    """
    if isinstance(schedule, Call) and schedule.module in TORCH_MODULES:
        raise InputError(
            f"train.schedule: must be a function (step, n_steps) of this project, got {schedule}; "
            "write one, or take one_cycle, step or cosine"
        )
    if not isinstance(optimizer, OptimizerCall) or optimizer.module not in TORCH_MODULES:
        return
    is_rprop = "Rprop" in _torch_bases(load_optimizer(optimizer))
    if is_rprop and changes_rate(schedule):
        raise InputError(
            f"train.schedule: must be constant without warmup for {optimizer}, which reads the learning rate only in "
            f"its first step, got {schedule if isinstance(schedule, Call) else schedule.name}"
        )


def changes_rate(schedule: ScheduleParams | Call) -> bool:
    """Return whether the learning rate differs between steps."""
    return isinstance(schedule, Call) or schedule.name != "constant" or schedule.warmup > 0


def load_optimizer(call: OptimizerCall) -> Any:
    """Return the class that a call names, or a function that makes an optimizer.

    Raises:
        RelightError: if it is not there, no optimizer, none that the loop can call, or does not take its settings.
    """
    target = load(call, KEY)
    names = _torch_bases(target)
    if isinstance(target, type) and ("Optimizer" not in names or names[0] == "Optimizer"):
        raise InputError(
            f"{KEY}: {described(target, call)} must be a class derived from torch.optim.Optimizer; {OTHERS}"
        )
    unfit = next((name for name in names if name in UNFIT), None)
    if unfit is not None:
        raise InputError(f"{KEY}: {call} {UNFIT[unfit]}; {OTHERS}")
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
