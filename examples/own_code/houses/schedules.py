"""Schedules that params.yaml names."""

import math


def one_cycle(step: int, n_steps: int, *, peak: float = 0.3) -> float:
    """Return the factor of the learning rate: it rises to 1 until the share `peak` of the steps, then falls to 0."""
    done = (step + 1) / n_steps
    if done < peak:
        return done / peak
    return 0.5 * (1 + math.cos(math.pi * (done - peak) / (1 - peak)))
