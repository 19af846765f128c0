"""Run contenders in turn, and print the table of their speeds."""

import io
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from typing import NamedTuple

Run = Callable[[], float]  # trains, and returns how many seconds that took
Seconds = dict[str, list[float]]  # of each contender in each round

RELIGHT = "Relight"


class Job(NamedTuple):
    """Contenders that do the same work.

    Attributes:
        contenders: name → run; the first is the one that the others are compared with.
        needs: name → the package that a contender needs.
        goal: the speed that Relight must reach, in words; empty if there is none.
    """

    title: str
    contenders: dict[str, Run]
    needs: dict[str, str]
    goal: str


def measure(job: Job, rounds: int) -> Seconds:
    """Return the seconds of each installed contender, after one round that warms caches up."""
    installed = installed_contenders(job)
    seconds: Seconds = {name: [] for name in installed}
    for round_number in range(rounds + 1):
        for name, run in installed.items():
            with quiet():
                spent = run()
            if round_number > 0:
                seconds[name].append(spent)
    return seconds


def installed_contenders(job: Job) -> dict[str, Run]:
    """Return the contenders that are installed; print the names of the others."""
    installed = {}
    for name, run in job.contenders.items():
        package = job.needs.get(name, "torch")
        if find_spec(package) is None:
            print(f"{name}: skipped, {package} is not installed")
        else:
            installed[name] = run
    return installed


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the output and the warnings of contenders."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def report(job: Job, seconds: Seconds) -> None:
    """Print a line for each contender, with Relight's speed relative to it if Relight takes part."""
    first, *_ = seconds.values()
    ours = seconds.get(RELIGHT)
    print(f"\n{job.title}")
    print(f"{'':34}{'seconds':>9}{'speed':>7}{'from':>7}{'to':>7}{f'{RELIGHT} to it' if ours else '':>15}".rstrip())
    for name, spent in seconds.items():
        speeds = ratios(first, spent)
        spread = f"{statistics.median(speeds):7.2f}{min(speeds):7.2f}{max(speeds):7.2f}"
        to_it = f"{statistics.median(ratios(spent, ours)):15.2f}" if ours else ""
        print(f"{name:34}{statistics.median(spent):9.2f}{spread}{to_it}")
    if job.goal:
        print(job.goal)
    sys.stdout.flush()


def ratios(one: list[float], other: list[float]) -> list[float]:
    """Return how many times as fast the other was in each round."""
    return [a / b for a, b in zip(one, other, strict=True)]


def timed(train: Callable[[], object]) -> float:
    """Return the seconds that `train` takes."""
    start = time.perf_counter()
    train()
    return time.perf_counter() - start
