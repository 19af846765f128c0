import pytest
import torch

from relight.model.networks.categories import MAX_EMBEDDING_WIDTH, MAX_ONE_HOT_LEVELS, Categories, Embedding, OneHot


def test_an_unknown_level_is_zeros() -> None:
    assert OneHot(4)(torch.tensor([0, 3, 1])).tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]


def test_each_category_is_spread_on_its_own() -> None:
    parts = Categories([3, 2])(torch.tensor([[1, 1], [2, 0]]))
    assert [part.tolist() for part in parts] == [[[1, 0], [0, 1]], [[1], [0]]]


def test_without_categories_there_is_nothing() -> None:
    assert Categories([])(torch.empty(3, 0, dtype=torch.int64)) == []


@pytest.mark.parametrize(
    ("n_levels", "kind", "width"),
    # 1.6 * 33^0.56 = 11.3, 1.6 * 100^0.56 = 21.1, 1.6 * 300^0.56 = 39.0
    [
        (MAX_ONE_HOT_LEVELS, OneHot, 32),
        (33, Embedding, 11),
        (100, Embedding, 21),
        (300, Embedding, MAX_EMBEDDING_WIDTH),
    ],
)
def test_many_levels_are_a_learned_vector_of_bounded_width(n_levels: int, kind: type, width: int) -> None:
    categories = Categories([n_levels + 1])
    assert isinstance(categories.spreads[0], kind)
    assert categories.widths == [width]
    (part,) = categories(torch.tensor([[0], [1], [n_levels]]))
    assert part.shape == (3, width)


def test_the_vector_of_an_unknown_level_is_zeros_after_training_too() -> None:
    embedding = Embedding(41)
    codes = torch.tensor([0, 1, 40])
    optimizer = torch.optim.SGD(embedding.parameters(), lr=1.0)
    before = embedding(codes).detach()
    embedding(codes).sum().backward()
    optimizer.step()
    after = embedding(codes).detach()
    assert after[0].eq(0).all()
    assert torch.equal(after[1:], before[1:] - 1)  # the slope of a sum is 1
