"""One step ahead: reading, encoding and writing a table keep a core busy each."""

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Generator[Item]:
    """The same items in the same order, each made in another thread while the one before is worked on.

    None ends them. What making one raises, is raised here.
    """
    making = iter(items)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, making, None)
        while (item := coming.result()) is not None:
            coming = maker.submit(next, making, None)
            yield item
