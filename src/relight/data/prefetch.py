"""Work on several chunks of a table at once: reading, encoding and writing keep a core busy each."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

Result = TypeVar("Result")

N_THREADS = 2  # each holds a chunk in memory, and Polars divides the work on one among cores as well


def prefetch(items: Iterable[Item]) -> Generator[Item]:
    """Yield the same items in the same order, each made in another thread while the one before is worked on.

    None ends them. An error in making an item is raised here.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(next, iterator, None)
        while (item := future.result()) is not None:
            future = executor.submit(next, iterator, None)
            yield item


def map_ordered(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result]:
    """Yield the result for each item, in the order of the items; two are made at a time, in threads.

    An error in making a result is raised in its turn. A caller that stops early waits only for those two.
    """
    futures: deque[Future[Result]] = deque()
    executor = ThreadPoolExecutor(N_THREADS)
    try:
        for item in items:
            futures.append(executor.submit(work, item))
            if len(futures) > N_THREADS:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)
