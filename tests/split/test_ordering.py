import numpy as np
import pytest

from relight.split.folds import ROWS_PER_CHUNK, assign_round_robin, indices_where, mask_of_smallest, permutation_int32


@pytest.mark.parametrize("n_rows", [0, 1, 2, 1000, ROWS_PER_CHUNK + 3])
def test_four_bytes_a_row_are_shuffled_as_a_permutation_is_drawn(n_rows: int) -> None:
    order = permutation_int32(n_rows, np.random.default_rng(7))
    assert order.dtype == np.int32
    np.testing.assert_array_equal(order, np.random.default_rng(7).permutation(n_rows))
    np.testing.assert_array_equal(order, np.random.default_rng(7).permutation(np.arange(n_rows, dtype=np.int32)))


def test_groups_are_assigned_beyond_the_first_chunk() -> None:
    order = permutation_int32(2 * ROWS_PER_CHUNK + 5, np.random.default_rng(0))
    groups = np.zeros(len(order), dtype=np.int32)
    assign_round_robin(groups, order, 3, first=2)
    np.testing.assert_array_equal(groups[order], (np.arange(len(order)) + 2) % 3)


@pytest.mark.parametrize("n_rows", [0, 1, 137, 999, 1000])
@pytest.mark.parametrize("n_keys", [1, 5, 10**6])
def test_the_smallest_are_those_that_a_stable_sort_puts_first(n_rows: int, n_keys: int) -> None:
    keys = np.random.default_rng(3).integers(n_keys, size=1000, dtype=np.uint32)
    first = np.argsort(keys, kind="stable")[:n_rows]
    np.testing.assert_array_equal(np.flatnonzero(mask_of_smallest(keys, n_rows)), np.sort(first))


def test_places_are_where_it_is_true() -> None:
    chosen = np.random.default_rng(0).random(ROWS_PER_CHUNK + 10) < 0.5
    np.testing.assert_array_equal(indices_where(chosen), np.flatnonzero(chosen))
    assert indices_where(chosen).dtype == np.int32
