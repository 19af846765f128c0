from typing import Literal

import pytest
import torch

from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches


def batches(rows: Rows, batch_size: int, seed: int) -> list[Rows]:
    """Those of the first epoch."""
    return [batch.rows for batch in InMemoryBatches(rows, batch_size, seed).epoch_batches(0)]


def numbered(n_rows: int) -> Rows:
    numbers = torch.arange(n_rows)
    return Rows((numbers.unsqueeze(1).float(), numbers.unsqueeze(1).int()), numbers)


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (5, [5, 5]), (1, [1] * 10), (10, [10]), (99, [10])])
def test_batches_are_a_permutation_of_all_rows_and_the_last_may_be_shorter(batch_size: int, sizes: list[int]) -> None:
    made = list(batches(numbered(10), batch_size, 3))
    assert [len(batch.target) for batch in made] == sizes
    assert sorted(torch.cat([batch.target for batch in made]).tolist()) == list(range(10))
    for batch in made:
        assert batch.inputs[0].flatten().tolist() == batch.inputs[1].flatten().tolist() == batch.target.tolist()


def test_batches_depend_on_the_seed_alone() -> None:
    def order(seed: int, noise: int) -> list[int]:
        torch.manual_seed(noise)
        return torch.cat([batch.target for batch in batches(numbered(100), 7, seed)]).tolist()

    assert order(3, noise=0) == order(3, noise=1)
    assert order(3, noise=0) != order(4, noise=0)
    assert order(3, noise=0) != list(range(100))


def test_batches_draw_nothing_from_the_generator_of_the_weights() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(batches(numbered(10), 3, 1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_full_batch_is_the_rows_as_they_are() -> None:
    rows = numbered(10)
    (only,) = InMemoryBatches(rows, "full", seed=3).epoch_batches(5)
    assert only.rows is rows
    assert only.weight_fraction == 1


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "sizes"), [(9, 4, [4, 5]), (10, 4, [4, 4, 2]), (3, 1, [1, 1, 1]), (1, 4, [1]), (5, 4, [5])]
)
def test_a_row_that_is_left_over_joins_the_batch_before(n_rows: int, batch_size: int, sizes: list[int]) -> None:
    assert [len(batch.target) for batch in batches(numbered(n_rows), batch_size, 3)] == sizes


@pytest.mark.parametrize("first", range(5))
def test_the_rest_of_an_epoch_are_its_last_batches(first: int) -> None:
    made = InMemoryBatches(numbered(10), 3, seed=3)
    whole, rest = list(made.epoch_batches(7)), list(made.epoch_batches(7, first))
    assert [batch.rows.target.tolist() for batch in rest] == [batch.rows.target.tolist() for batch in whole[first:]]
    assert [batch.weight_fraction for batch in rest] == [batch.weight_fraction for batch in whole[first:]]


def test_a_full_batch_that_is_done_leaves_nothing() -> None:
    assert list(InMemoryBatches(numbered(10), "full", seed=3).epoch_batches(2, 1)) == []


def test_shares_are_those_of_the_weights_where_there_are_some() -> None:
    plain = InMemoryBatches(numbered(5), 3, seed=0)
    assert [batch.weight_fraction for batch in plain.epoch_batches(0)] == [0.6, 0.4]
    weighted = InMemoryBatches(numbered(5)._replace(weight=torch.tensor([1.0, 1, 2, 0, 4])), 3, seed=0)
    for batch in weighted.epoch_batches(0):
        assert float(batch.weight_fraction) == sum([1, 1, 2, 0, 4][row] for row in batch.rows.target.tolist()) / 8


@pytest.mark.parametrize("batch_size", ["full", 1, 2, 3, 4, 9, 10, 11])
@pytest.mark.parametrize("n_rows", [1, 2, 9, 10])
def test_steps_are_counted_without_taking_them(n_rows: int, batch_size: Literal["full"] | int) -> None:
    batches = InMemoryBatches(numbered(n_rows), batch_size, seed=3)
    assert batches.n_steps(3) == sum(len(list(batches.epoch_batches(epoch))) for epoch in range(3))
