"""The learning rate of each step: a pure function of epoch and step, so that a training continues after a checkpoint.

`constant` and `cosine` change it between epochs; `one_cycle`, `step` and those of the user's own in each step.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from relight.own_code.calls import Call
from relight.train.optim.own_schedule import own_schedule
from relight.train.optim.params import ScheduleParams

Factor = Callable[[int, int], float]  # step, counted from 0 over all epochs, and the number of all → factor of the rate


class Schedule(NamedTuple):
    """The number of epochs, and the learning rate of each step.

    Attributes:
        epochs: at most; early stopping may end a training before.
        learning_rate: epoch, and step of this epoch, both counted from 0 → the learning rate.
    """

    epochs: int
    learning_rate: Callable[[int, int], float]


def build_schedule(
    params: ScheduleParams | Call, *, peak: float, epochs: int, n_steps: Callable[[int], int]
) -> Schedule:
    """Return the learning rate of each step.

    Args:
        peak: the highest rate of the built-in schedules.
        n_steps: a number of first epochs → the number of their steps.

    Raises:
        RelightError: if a function of the user's own does not return a factor for each step.
    """
    if isinstance(params, Call):
        factor = own_schedule(params, n_steps(epochs))
    elif params.name in ("constant", "cosine"):
        return Schedule(epochs, lambda epoch, _step: epoch_rate(params, epoch, peak=peak, epochs=epochs))
    else:
        factor = step_factor(params)
    n_all = n_steps(epochs)
    return Schedule(epochs, lambda epoch, step: peak * factor(n_steps(epoch) + step, n_all))


def depends_on_epochs(params: ScheduleParams | Call) -> bool:
    """Return whether another number of epochs changes the learning rate of the first ones."""
    return isinstance(params, Call) or params.name in ("cosine", "one_cycle")


def epoch_rate(params: ScheduleParams, epoch: int, *, peak: float, epochs: int) -> float:
    """Return the learning rate of an epoch.

    In the first `warmup` epochs it rises in even steps and stays below the peak; then it stays there, or falls as half
    a cosine that would reach 0 after the last epoch (Loshchilov and Hutter 2017, "SGDR", without restarts).
    """
    if epoch < params.warmup:
        return peak * (epoch + 1) / (params.warmup + 1)
    if params.name == "constant":
        return peak
    passed = (epoch - params.warmup) / max(1, epochs - params.warmup)
    return peak * (1 + math.cos(math.pi * passed)) / 2


def step_factor(params: ScheduleParams) -> Factor:
    """Return the function of a schedule by step."""
    if params.name == "one_cycle":
        settings = (params.pct_start, params.div_factor, params.final_div_factor)
        return partial(one_cycle, pct_start=settings[0], div_factor=settings[1], final_div_factor=settings[2])
    assert params.step_size is not None
    return partial(step_decay, step_size=params.step_size, gamma=params.gamma)


def one_cycle(step: int, n_steps: int, *, pct_start: float, div_factor: float, final_div_factor: float) -> float:
    """Return the factor of a step: a rise from 1 / div_factor to 1, and a fall far below it, each as half a cosine.

    Smith and Topin 2018, "Super-Convergence"; as torch.optim.lr_scheduler.OneCycleLR without its cycle of momenta.
    """
    first, last = 1 / div_factor, 1 / (div_factor * final_div_factor)
    top = pct_start * n_steps - 1  # the step of the peak; it may lie between two
    if step < top:
        return _half_cosine(first, 1.0, step / top)
    return _half_cosine(1.0, last, (step - top) / (n_steps - 1 - top) if n_steps - 1 > top else 0.0)


def _half_cosine(start: float, end: float, passed: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * passed)) / 2


def step_decay(step: int, _n_steps: int, *, step_size: int, gamma: float) -> float:
    """Return the factor of a step: gamma for each `step_size` steps before it, as torch.optim.lr_scheduler.StepLR."""
    return float(gamma ** (step // step_size))
