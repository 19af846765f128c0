"""Work on a table's stretches beside each other: reading, encoding and writing keep a core busy each."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

Result = TypeVar("Result")

N_THREADS = 2  # each holds a stretch in memory, and Polars shares the work of one among cores as well


def prefetch(items: Iterable[Item]) -> Generator[Item]:
    """The same items in the same order, each made in another thread while the one before is worked on.

    None ends them. What making one raises, is raised here.
    """
    making = iter(items)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, making, None)
        while (item := coming.result()) is not None:
            coming = maker.submit(next, making, None)
            yield item


def map_ordered(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result]:
    """The result for each item, in the order of the items; two are made at a time, in threads.

    What making one raises, is raised in its turn. One who stops early waits for no more than those two.
    """
    coming: deque[Future[Result]] = deque()
    workers = ThreadPoolExecutor(N_THREADS)
    try:
        for item in items:
            coming.append(workers.submit(work, item))
            if len(coming) > N_THREADS:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        workers.shutdown(cancel_futures=True)
