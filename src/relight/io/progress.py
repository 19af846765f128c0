"""A progress bar for a person at a terminal, a few plain lines for a pipe or a log."""

import sys
from collections.abc import Iterable, Iterator

from tqdm import tqdm

LINES = 10


def progress(steps: range, unit: str) -> Iterable[int]:
    """Pass the steps through and show how far they are, on standard error."""
    if sys.stderr.isatty():
        bar: Iterable[int] = tqdm(steps, unit=unit, leave=False)
        return bar
    return _plain_lines(steps, unit)


def _plain_lines(steps: range, unit: str) -> Iterator[int]:
    every = max(1, -(-len(steps) // LINES))
    for done, step in enumerate(steps, start=1):
        yield step
        if done % every == 0 or done == len(steps):
            sys.stderr.write(f"{unit} {done} of {len(steps)}\n")
