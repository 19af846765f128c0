import numpy as np
import pytest

from relight.domain.ordering import AT_ONCE, deal, mark, places, shuffled


@pytest.mark.parametrize("n_rows", [0, 1, 2, 1000, AT_ONCE + 3])
def test_four_bytes_a_row_are_shuffled_as_a_permutation_is_drawn(n_rows: int) -> None:
    order = shuffled(n_rows, np.random.default_rng(7))
    assert order.dtype == np.int32
    np.testing.assert_array_equal(order, np.random.default_rng(7).permutation(n_rows))
    np.testing.assert_array_equal(order, np.random.default_rng(7).permutation(np.arange(n_rows, dtype=np.int32)))


def test_rows_are_marked_and_dealt_beyond_the_first_piece() -> None:
    order = shuffled(2 * AT_ONCE + 5, np.random.default_rng(0))
    marked, dealt = np.zeros(len(order), dtype=np.int8), np.zeros(len(order), dtype=np.int32)
    mark(marked, order[: AT_ONCE + 2], 1)
    deal(dealt, order, 3, first=2)
    np.testing.assert_array_equal(marked[order], np.arange(len(order)) < AT_ONCE + 2)
    np.testing.assert_array_equal(dealt[order], (np.arange(len(order)) + 2) % 3)


def test_places_are_where_it_is_true() -> None:
    chosen = np.random.default_rng(0).random(AT_ONCE + 10) < 0.5
    np.testing.assert_array_equal(places(chosen), np.flatnonzero(chosen))
    assert places(chosen).dtype == np.int32
