from collections.abc import Sequence

import numpy as np
import pytest
import torch

from relight.errors import InputError
from relight.model.networks.mlp import Linear
from relight.model.rows import Arrays, Rows, StoredRows
from relight.model.table import build_rows
from relight.train.datasets import FileDataset, MemoryDataset, load_dataset


class Store:
    """Arrays in memory, as if they were in a file."""

    def __init__(self, **arrays: np.ndarray) -> None:
        self.arrays = {"categories": np.empty((3, 0), np.int32), "row": np.arange(3), **arrays}
        self.names = list(self.arrays)
        self.n_rows = 3
        self.row_bytes = 400_000_000

    def read(self, blocks: Sequence[range], names: Sequence[str]) -> Arrays:
        places = [row for block in blocks for row in block]
        return {name: self.arrays[name][places] for name in names}


def load(
    store: Store, memory_gb: float | None, class_weights: list[float] | None = None
) -> MemoryDataset | FileDataset:
    def build(arrays: Arrays) -> Rows:
        return build_rows(Linear(1, 1), arrays, "the train rows")

    return load_dataset(store, build, class_weights, "the train rows", memory_gb)


NUMERIC, TARGET = np.array([[1], [2], [4]], np.float32), np.array([[0], [1], [1]], np.float32)


def test_a_part_stays_in_its_file_when_it_takes_more_than_the_params_say() -> None:
    store = Store(numeric=NUMERIC, target=TARGET)  # 1.2 GB
    for memory_gb, kind in ((None, Rows), (1.2, Rows), (1.1, StoredRows)):
        part = load(store, memory_gb)
        assert isinstance(part.rows, kind)
        assert torch.equal(part.rows.target, torch.from_numpy(TARGET))
        assert part.total_weight == 3


def test_a_row_weighs_what_its_class_and_its_own_weight_make() -> None:
    store = Store(numeric=NUMERIC, target=TARGET, weight=np.array([1, 2, 0.5], np.float32))
    for memory_gb in (None, 1.0):
        part = load(store, memory_gb, [3.0, 10.0])
        assert part.rows.weight is not None
        assert part.rows.weight.tolist() == [3, 20, 5]
        assert part.total_weight == 28


@pytest.mark.parametrize("memory_gb", [None, 1.0])
def test_rows_that_all_weigh_nothing_are_refused(memory_gb: float | None) -> None:
    store = Store(numeric=NUMERIC, target=TARGET, weight=np.zeros(3, np.float32))
    with pytest.raises(InputError, match=r"the train rows: all of them weigh 0; look at prepare\.weight"):
        load(store, memory_gb)
