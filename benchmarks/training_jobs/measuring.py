"""Contenders in turn, and the table of their speeds."""

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
    """
    Attributes:
        contenders: name → run; the first is what the others are compared to.
        needs: name → the package that a contender needs.
        goal: what must be reached, in words; empty where nothing must.
    """

    title: str
    contenders: dict[str, Run]
    needs: dict[str, str]
    goal: str


def measure(job: Job, rounds: int) -> Seconds:
    """The seconds of each contender that is there, after a round that warms caches up."""
    there = runs_that_can(job)
    seconds: Seconds = {name: [] for name in there}
    for place in range(rounds + 1):
        for name, run in there.items():
            with quiet():
                spent = run()
            if place > 0:
                seconds[name].append(spent)
    return seconds


def runs_that_can(job: Job) -> dict[str, Run]:
    """The contenders that are installed; the others are named."""
    there = {}
    for name, run in job.contenders.items():
        package = job.needs.get(name, "torch")
        if find_spec(package) is None:
            print(f"{name}: skipped, {package} is not installed")
        else:
            there[name] = run
    return there


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing of what contenders say."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def report(job: Job, seconds: Seconds) -> None:
    """A line for each contender; how Relight compares to it where Relight is one of several."""
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
    """How many times as fast the other was, round by round."""
    return [a / b for a, b in zip(one, other, strict=True)]


def timed(train: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    train()
    return time.perf_counter() - start
