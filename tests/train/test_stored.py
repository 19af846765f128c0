import pytest
import torch
from torch import nn

from relight.model.inference import batched_outputs, predict_outputs
from relight.model.rows import Rows, StoredInputs, row_numbers
from relight.train.batches import InMemoryBatches, RowOrder, StreamedBatches


def table(n_rows: int, *, weighted: bool) -> Rows:
    numbers = torch.arange(n_rows)
    weight = 1.0 + numbers % 3 if weighted else None
    return Rows((numbers.unsqueeze(1).float(), numbers.unsqueeze(1).int()), numbers, weight)


class Reader:
    """Reads from rows in memory, and remembers what was asked for."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.asked: list[int] = []

    def __call__(self, blocks: list[range]) -> Rows:
        self.asked.append(sum(map(len, blocks)))
        return self.rows.pick(row_numbers(blocks))


def both(
    n_rows: int, window: int, batch_size: int, *, weighted: bool
) -> tuple[InMemoryBatches, StreamedBatches, Reader]:
    rows = table(n_rows, weighted=weighted)
    reader = Reader(rows)
    all_weight = float(n_rows if rows.weight is None else rows.weight.sum())
    stored = StreamedBatches(reader, RowOrder(n_rows, window), batch_size, 5, all_weight, iter)
    return InMemoryBatches(rows, batch_size, 5, window), stored, reader


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, 64, 100, 1000, 5000])
@pytest.mark.parametrize("n_rows", [1, 100, 1001, 1999])
def test_batches_from_a_file_are_those_from_memory(n_rows: int, batch_size: int, weighted: bool) -> None:
    resident, stored, _ = both(n_rows, 128, batch_size, weighted=weighted)
    for epoch in range(2):
        expected, made = list(resident.epoch_batches(epoch)), list(stored.epoch_batches(epoch))
        assert len(made) == len(expected) == stored.n_steps(epoch + 1) - stored.n_steps(epoch)
        for one, other in zip(made, expected, strict=True):
            assert one.weight_fraction == other.weight_fraction
            assert all(torch.equal(*parts) for parts in zip(one.rows.inputs, other.rows.inputs, strict=True))
            assert torch.equal(one.rows.target, other.rows.target)


@pytest.mark.parametrize("first", [0, 1, 5, 30, 50, 51])
def test_an_epoch_goes_on_in_its_middle_without_reading_what_is_done(first: int) -> None:
    resident, stored, reader = both(1001, 128, 20, weighted=False)
    expected = [batch.rows.target.tolist() for batch in resident.epoch_batches(2)][first:]
    assert [batch.rows.target.tolist() for batch in stored.epoch_batches(2, first)] == expected
    assert sum(reader.asked) <= 1001 - first * 20 + 128
    assert max(reader.asked, default=0) <= 128


def test_inputs_in_a_file_are_predicted_as_those_in_memory() -> None:
    torch.manual_seed(0)
    model = nn.Linear(1, 3)
    rows = table(1000, weighted=False)._replace(inputs=(torch.randn(1000, 1),))
    stored = StoredInputs(Reader(rows), 1000)
    assert torch.equal(batched_outputs(model, stored, 64), batched_outputs(model, rows.inputs, 64))
    assert predict_outputs(model, stored).shape == (1000, 3)
