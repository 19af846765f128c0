import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings

from relight.model.networks.tabular import NumericEmbeddings

BINS = [torch.tensor([0.0, 1, 3]), torch.tensor([0.0, 1]), torch.tensor([-1.0, 0, 1, 2])]


def test_numbers_of_two_bins_or_more_are_embedded_and_the_others_stay() -> None:
    torch.manual_seed(0)
    module = NumericEmbeddings(4, bins=BINS, d_embedding=5)  # the fourth number is an indicator
    torch.manual_seed(0)
    theirs = PiecewiseLinearEmbeddings([BINS[0], BINS[2]], 5, activation=False, version="B")
    x_num = torch.tensor([[0.5, 1, 1.5, 0], [2.5, 0, -0.5, 1]])
    embedded, flat = module(x_num)
    assert torch.equal(embedded, theirs(x_num[:, [0, 2]]).flatten(1))
    assert flat.tolist() == [[1, 0], [0, 1]]
    assert module.widths == [5, 5, 1, 1]


def test_at_first_each_embedding_is_a_straight_line() -> None:
    """Version B: the bends are learned from nothing."""
    torch.manual_seed(0)
    (embedded,) = NumericEmbeddings(1, bins=BINS[:1], d_embedding=3)(torch.tensor([[0.0], [1], [2], [9]]))
    torch.testing.assert_close(embedded[1] - embedded[0], embedded[2] - embedded[1])
    torch.testing.assert_close(embedded[3] - embedded[2], 7 * (embedded[1] - embedded[0]))


def test_without_numbers_there_is_nothing() -> None:
    assert NumericEmbeddings(0, bins=[], d_embedding=3)(torch.empty(2, 0)) == []
