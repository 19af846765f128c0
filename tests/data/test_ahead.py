import threading
from collections.abc import Iterator

import pytest

from relight.data.prefetch import map_ordered, prefetch


def test_all_items_come_in_their_order() -> None:
    assert list(prefetch(range(100))) == list(range(100))
    assert list(prefetch([])) == []


def test_the_next_item_is_made_while_one_is_worked_on() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    coming = prefetch(items())
    assert next(coming) == 1
    assert made.wait(10)  # though nothing has asked for it yet
    assert list(coming) == [2]


def test_what_making_an_item_raises_reaches_the_one_who_asks() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second cannot be made")

    coming = prefetch(items())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="the second cannot be made"):
        next(coming)


def test_one_who_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    coming = prefetch(iter(range(10)))
    assert next(coming) == 0
    coming.close()
    assert threading.active_count() == before


def test_two_are_worked_on_side_by_side_and_come_in_order() -> None:
    both = threading.Barrier(2)

    def work(item: int) -> int:
        both.wait(10)  # passes only when two are at it
        return item * item

    assert list(map_ordered(work, range(10))) == [k * k for k in range(10)]
    assert list(map_ordered(work, [])) == []


def test_work_that_fails_is_raised_in_its_turn() -> None:
    coming = map_ordered(lambda item: 6 // item, [3, 0, 2])
    assert next(coming) == 2
    with pytest.raises(ZeroDivisionError):
        next(coming)


def test_one_who_stops_early_waits_for_no_more_work() -> None:
    before, done = threading.active_count(), []
    coming = map_ordered(done.append, range(1000))
    next(coming)
    coming.close()
    assert threading.active_count() == before
    assert len(done) < 10
