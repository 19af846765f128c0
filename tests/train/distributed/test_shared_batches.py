import pytest
import torch
from torch import Tensor, nn

from relight.model.rows import Rows
from relight.train.batches import Batch, InMemoryBatches
from relight.train.distributed.group import DistributedBatches
from relight.train.losses.losses import cross_entropy, l1, mse
from relight.train.series import count_observed_targets


def numbers(n_rows: int, weight: Tensor | None = None) -> Rows:
    """Each row is its own number: x = 0, 1, 2, ... and y = x squared."""
    x = torch.arange(float(n_rows)).unsqueeze(1)
    return Rows((x,), x * x, weight)


def pieces_of(batches: InMemoryBatches, size: int, epoch: int = 0, first: int = 0) -> list[list[Batch]]:
    """Return the pieces of all processes, for each step."""
    each = [DistributedBatches(batches, rank, size).epoch_batches(epoch, first) for rank in range(size)]
    return [list(step) for step in zip(*each, strict=True)]


def test_two_pieces_of_five_rows_by_hand() -> None:
    # 5 rows in two pieces: 2 and 3; their gradients count 2/5 and 3/5 of the sum, so 4/5 and 6/5 of the mean of two
    ((one, other),) = pieces_of(InMemoryBatches(numbers(5), "full", 0), 2)
    assert one.rows.inputs[0].flatten().tolist() == [0, 1]
    assert other.rows.inputs[0].flatten().tolist() == [2, 3, 4]
    assert (one.grad_scale, other.grad_scale) == (pytest.approx(0.8), pytest.approx(1.2))
    assert (one.weight_fraction, other.weight_fraction) == (pytest.approx(0.4), pytest.approx(0.6))


def test_each_process_takes_as_many_steps_as_one_would() -> None:
    whole = InMemoryBatches(numbers(11), 3, seed=5)
    for rank in range(3):
        assert DistributedBatches(whole, rank, 3).n_steps(7) == whole.n_steps(7) == 28


def test_weights_decide_how_much_a_piece_counts_by_hand() -> None:
    # weights 3, 1 | 0, 0: the first piece is the whole batch, the second counts for nothing
    ((one, other),) = pieces_of(InMemoryBatches(numbers(4, torch.tensor([3.0, 1.0, 0.0, 0.0])), "full", 0), 2)
    assert (one.grad_scale, other.grad_scale) == (2, 0)
    assert (one.weight_fraction, other.weight_fraction) == (1, 0)


def test_targets_that_are_there_decide_how_much_a_piece_counts_by_hand() -> None:
    # of four windows with a gap in three targets: 1 of 2 targets there, 1 of 2 | 1 of 2, 2 of 2
    target = torch.tensor([[1.0, torch.nan], [1.0, torch.nan], [torch.nan, 1.0], [1.0, 1.0]])
    alone = InMemoryBatches(Rows((torch.zeros(4, 1),), target), "full", 0)
    one, other = (
        next(DistributedBatches(alone, rank, 2, count_observed_targets).epoch_batches(0)) for rank in range(2)
    )
    assert (one.grad_scale, other.grad_scale) == (pytest.approx(2 * 2 / 5), pytest.approx(2 * 3 / 5))
    assert (one.weight_fraction, other.weight_fraction) == (pytest.approx(0.4), pytest.approx(0.6))


def test_a_batch_in_which_no_row_counts_moves_nothing() -> None:
    ((one, other),) = pieces_of(InMemoryBatches(numbers(4, torch.zeros(4)), "full", 0), 2)
    assert (one.grad_scale, other.grad_scale) == (0, 0)


@pytest.mark.parametrize("size", [2, 3, 4, 7])
@pytest.mark.parametrize("batch_size", ["full", 1, 3, 4])
def test_the_pieces_are_the_batch_in_its_order(size: int, batch_size: int) -> None:
    alone = InMemoryBatches(numbers(11), batch_size, seed=5)
    steps = pieces_of(alone, size, epoch=2)
    whole = list(alone.epoch_batches(2))
    assert len(steps) == len(whole)
    for step, batch in zip(steps, whole, strict=True):
        counted = torch.cat([piece.rows.target for piece in step if piece.grad_scale != 0])
        assert torch.equal(counted, batch.rows.target)
        assert sum(float(piece.weight_fraction) for piece in step) == pytest.approx(float(batch.weight_fraction))
        assert all(len(piece.rows.target) >= 1 for piece in step)  # a mean over no rows would be no number


def test_they_go_on_in_the_middle_of_an_epoch() -> None:
    alone = InMemoryBatches(numbers(11), 3, seed=5)
    assert [[piece.rows.target.tolist() for piece in step] for step in pieces_of(alone, 2, 1, first=2)] == [
        [piece.rows.target.tolist() for piece in step] for step in pieces_of(alone, 2, 1)[2:]
    ]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [2, 3, 5, 16])
@pytest.mark.parametrize("loss_fn", [l1, mse, cross_entropy])
def test_the_mean_of_the_pulled_gradients_is_the_gradient_of_the_whole_batch(
    loss_fn: nn.Module, size: int, weighted: bool
) -> None:
    torch.manual_seed(1)
    weight = torch.rand(13) if weighted else None
    target = torch.randint(3, (13,)) if loss_fn is cross_entropy else torch.randn(13, 1)
    rows = Rows((torch.randn(13, 4),), target, weight)
    model = nn.Linear(4, 3 if loss_fn is cross_entropy else 1)

    def gradient(batch: Batch) -> Tensor:
        model.zero_grad()
        loss = loss_fn(model(*batch.rows.inputs), batch.rows.target, batch.rows.weight)
        loss.backward(batch.grad_scale)
        assert model.weight.grad is not None
        return model.weight.grad.clone()

    alone = InMemoryBatches(rows, 6, seed=3)  # batches of 6 and 7 rows
    for batch, step in zip(alone.epoch_batches(0), pieces_of(alone, size), strict=True):
        mean = torch.stack([gradient(piece) for piece in step]).mean(dim=0)
        torch.testing.assert_close(mean, gradient(batch))


@pytest.mark.parametrize("size", [2, 5])
def test_the_losses_of_all_pieces_add_up_to_that_of_the_epoch(size: int) -> None:
    rows = numbers(11, torch.arange(11.0))
    alone = InMemoryBatches(rows, 4, seed=0)
    summed = sum(
        float(l1(piece.rows.inputs[0], piece.rows.target, piece.rows.weight) * piece.weight_fraction)
        for step in pieces_of(alone, size)
        for piece in step
    )
    assert summed == pytest.approx(float(l1(rows.inputs[0], rows.target, rows.weight)))
