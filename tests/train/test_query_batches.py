import pytest
import torch

from relight.model.rows import Rows
from relight.train.ranking import QueryBatches, informative_queries, pack_queries


def rows_of(n_queries: int = 50) -> Rows:
    """Scattered candidates; query 0 has one, query 1 has equal ones."""
    draw = torch.Generator().manual_seed(3)
    query = torch.cat([torch.tensor([0, 1, 1]), torch.randint(2, n_queries, (400,), generator=draw)])
    relevance = torch.cat([torch.tensor([2, 1, 1]), torch.randint(0, 3, (400,), generator=draw)])
    order = torch.randperm(403, generator=draw)
    return Rows((torch.arange(403.0).unsqueeze(1),), torch.stack([relevance, query], dim=1).float()[order])


def test_each_teaching_query_is_whole_in_one_batch_of_each_epoch() -> None:
    rows = rows_of()
    batches = list(QueryBatches(rows, 64, seed=1).epoch_batches(0))
    queries = [batch.rows.target[:, 1].unique().tolist() for batch in batches]
    assert sorted(query for some in queries for query in some) == list(range(2, 50))
    assert sum(len(batch.rows.target) for batch in batches) == 400
    for batch in batches:
        places = batch.rows.inputs[0][:, 0].long()
        assert torch.equal(rows.target[places], batch.rows.target)
        assert batch.weight_fraction == pytest.approx(len(batch.rows.target[:, 1].unique()) / 48)
    assert all(len(batch.rows.target) >= 64 for batch in batches[:-1])


def test_an_epoch_is_a_pure_function_of_seed_and_number_and_can_be_entered_in_the_middle() -> None:
    def order(seed: int, epoch: int, first: int = 0) -> list[list[float]]:
        batches = QueryBatches(rows_of(), 64, seed).epoch_batches(epoch, first)
        return [batch.rows.inputs[0][:, 0].tolist() for batch in batches]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0)[2:] == order(1, 0, first=2)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_full_is_one_batch_of_all_rows_in_their_order() -> None:
    rows = rows_of()
    (batch,) = QueryBatches(rows, "full", seed=1).epoch_batches(3)
    assert torch.equal(batch.rows.target, rows.target)
    assert list(QueryBatches(rows, "full", seed=1).epoch_batches(3, first_batch=1)) == []


def test_the_steps_of_epochs_are_counted_without_taking_them_in_any_order() -> None:
    """Epochs differ in their number of batches."""
    batches = QueryBatches(rows_of(), 30, seed=1)
    sizes = [len(list(batches.epoch_batches(epoch))) for epoch in range(12)]
    assert len(set(sizes)) > 1
    asked = [12, 0, 5, 1]
    assert [batches.n_steps(epochs) for epochs in asked] == [sum(sizes[:epochs]) for epochs in asked]
    assert QueryBatches(rows_of(), "full", seed=1).n_steps(12) == 12


def test_queries_are_packed_until_the_batch_is_full() -> None:
    # 3 + 3 + 2 reach 8; 9 alone is beyond it; 1 + 7 is exactly full; 2 is left over.
    assert pack_queries(torch.tensor([3, 3, 2, 9, 1, 7, 2]), 8) == [3, 1, 2, 1]


def test_queries_that_teach_nothing_are_left_out() -> None:
    # 5: two grades, 2: one candidate, 9: equal ones; the last row of 5 equals the first of 9.
    target = torch.tensor([[1.0, 5], [0, 2], [1, 9], [0, 5], [1, 9], [1, 5]])
    known = informative_queries(target)
    assert known.sizes.tolist() == [3]
    assert known.row_indices(torch.tensor([0])).tolist() == [0, 3, 5]
