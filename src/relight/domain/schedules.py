"""The learning rate of each epoch: pure functions, so that a run can go on where it was cut off."""

import math
from collections.abc import Callable

from relight.params.train import ScheduleParams

Schedule = Callable[[int], float]


def schedule_for(params: ScheduleParams, *, peak: float, epochs: int) -> Schedule:
    """Epoch, counted from 0 → its learning rate.

    The first `warmup` epochs rise in even steps and stay below the peak; then the rate stays there, or falls as half
    a cosine that would reach 0 after the last epoch (Loshchilov and Hutter 2017, "SGDR", without restarts).
    """

    def rate(epoch: int) -> float:
        if epoch < params.warmup:
            return peak * (epoch + 1) / (params.warmup + 1)
        match params.name:
            case "constant":
                return peak
            case "cosine":
                passed = (epoch - params.warmup) / max(1, epochs - params.warmup)
                return peak * (1 + math.cos(math.pi * passed)) / 2

    return rate
