from typing import Any

import pytest

from relight.train.auto import resolve_batch_size


@pytest.mark.parametrize(
    ("n_train", "rows"),
    [
        (1, 1), (33, 32), (2799, 32), (2800, 64), (4499, 64), (4500, 128), (6399, 128),
        (6400, 256), (31_999, 256), (32_000, 512), (107_999, 512), (108_000, 1024), (10_000_000, 1024),
    ],
)  # fmt: skip
def test_auto_grows_with_the_train_rows(n_train: int, rows: int) -> None:
    assert resolve_batch_size("auto", n_train) == rows


@pytest.mark.parametrize(("batch_size", "rows"), [("full", 40), (7, 7), (41, 40)])
def test_other_sizes_are_what_they_say_and_at_most_all_rows(batch_size: Any, rows: int) -> None:
    assert resolve_batch_size(batch_size, 40) == rows
