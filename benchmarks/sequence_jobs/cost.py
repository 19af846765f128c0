"""Time and memory of a training in its process. Linux only: memory is read from /proc."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

WARM_UP_STEPS = 10_000


class Pace(NamedTuple):
    """Windows that a training loop takes per second, by the clock and by CPU time, which other load changes less."""

    by_clock: float
    by_cpu: float


class Stopwatch:
    """Measures from its creation."""

    def __init__(self) -> None:
        self.start, self.cpu_start = time.perf_counter(), time.process_time()

    def pace(self, n_windows: int) -> Pace:
        """Return the pace of `n_windows` since the start."""
        return Pace(n_windows / (time.perf_counter() - self.start), n_windows / (time.process_time() - self.cpu_start))


class Cost(NamedTuple):
    pace: float  # windows per second
    cpu_pace: float  # windows per second of the processor
    peak: float  # MB above the memory held before the series was made


Contender = Callable[[int], Pace]  # n_steps → the pace of a training on a series of that length


def cost_of(contender: Contender, n_steps: int) -> Cost:
    """Return the cost of a training, after a short one that does the late imports."""
    import torch

    torch.set_num_threads(1)
    contender(WARM_UP_STEPS)
    before = memory_mb("VmRSS")
    reset_peak()
    pace = contender(n_steps)
    return Cost(*pace, memory_mb("VmHWM") - before)


def reset_peak() -> None:
    """Set the peak to the memory held now (man 5 proc, clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def memory_mb(field: str) -> float:
    """Return the MB that this process holds (VmRSS), or held at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024
