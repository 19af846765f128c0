"""What a training costs the process that it runs in. On Linux: elsewhere memory cannot be told."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

WARM_UP_STEPS = 10_000


class Pace(NamedTuple):
    """Windows that a training loop takes in a second, and in a second of the processor: this one says more where
    something else runs."""

    by_clock: float
    by_cpu: float


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self.start, self.cpu_start = time.perf_counter(), time.process_time()

    def pace(self, n_windows: int) -> Pace:
        """Of so many windows up to now."""
        return Pace(n_windows / (time.perf_counter() - self.start), n_windows / (time.process_time() - self.cpu_start))


class Cost(NamedTuple):
    pace: float  # windows per second
    cpu_pace: float  # windows per second of the processor
    peak: float  # MB above what was there before the series


Contender = Callable[[int], Pace]  # makes a series of so many steps and its windows, and trains


def cost_of(contender: Contender, n_steps: int) -> Cost:
    """After a short training, which imports what is imported late."""
    import torch

    torch.set_num_threads(1)
    contender(WARM_UP_STEPS)
    before = held("VmRSS")
    forget_the_peak()
    pace = contender(n_steps)
    return Cost(*pace, held("VmHWM") - before)


def forget_the_peak() -> None:
    """The peak is what is held now (man 5 proc, clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def held(what: str) -> float:
    """MB that this process holds (VmRSS), or held at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024
