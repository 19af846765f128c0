import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.model.rows import row_numbers
from relight.train.batches import N_BLOCKS, WINDOW_BYTES, RowOrder, rows_per_window


@settings(deadline=None)
@given(n_rows=st.integers(1, 3000), window=st.integers(N_BLOCKS, 4000), seed=st.integers(0, 5))
def test_every_row_comes_once(n_rows: int, window: int, seed: int) -> None:
    assert RowOrder(n_rows, window).whole(seed).sort().values.tolist() == list(range(n_rows))


def test_a_table_that_fits_is_one_permutation() -> None:
    for n_rows in (1, 999, 1000):
        expected = torch.randperm(n_rows, generator=torch.Generator().manual_seed(7))
        assert torch.equal(RowOrder(n_rows, 1000).whole(7), expected)


def test_a_larger_one_is_read_block_by_block_and_shuffled_within_windows() -> None:
    order = RowOrder(10_000, window=640)  # blocks of 10 rows, 64 of them in a window
    windows = list(order.windows(3))
    assert [len(window.blocks) for window in windows] == [64] * 15 + [40]
    for window in windows:
        assert all(block.start % 10 == 0 and len(block) == 10 for block in window.blocks)
        assert window.order.sort().values.tolist() == list(range(10 * len(window.blocks)))
    first = [block.start for window in windows for block in window.blocks]
    assert sorted(first) == list(range(0, 10_000, 10))
    assert first != sorted(first)


def test_the_last_block_may_be_shorter() -> None:
    blocks = [block for window in RowOrder(1003, window=640).windows(0) for block in window.blocks]
    assert sorted(map(len, blocks)) == [3, *[10] * 100]


def test_seeds_give_other_orders_and_draw_nothing_from_the_weights_generator() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again, other = (RowOrder(5000, 640).whole(seed).tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_of_blocks_are_one_after_the_other() -> None:
    assert row_numbers([range(4, 6), range(0, 2)]).tolist() == [4, 5, 0, 1]


def test_wide_rows_make_small_windows() -> None:
    assert rows_per_window(128) == WINDOW_BYTES // 128
    assert rows_per_window(WINDOW_BYTES) == N_BLOCKS  # at least a row a block
