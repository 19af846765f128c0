import pytest
import torch
from torch import nn

from relight.domain.features import CategoricalFeature, Features, NumericFeature
from relight.domain.fitted import Fitted
from relight.domain.front import D_EMBEDDING, ONE_HOT_LEVELS, Embedding, Front, OneHot, needs_front

NAN = float("nan")
NUMBERS = [
    NumericFeature(name="a", kind="numeric", mean=2, std=4, gaps=1),
    NumericFeature(name="b", kind="numeric", mean=10, std=5, gaps=0),
]


def features(numeric: list[NumericFeature], *levels: list[str]) -> Features:
    return Features(
        task="regression",
        target="y",
        classes=None,
        numeric=numeric,
        categorical=[CategoricalFeature(name=f"c{k}", levels=known) for k, known in enumerate(levels)],
        target_mean=0.0,
        target_std=1.0,
        n_train=5,
        test_rows_validate=False,
    )


def no_categories(n_rows: int) -> torch.Tensor:
    return torch.empty(n_rows, 0, dtype=torch.int32)


def test_standardized_numbers_gaps_indicators_and_levels_by_hand() -> None:
    front = Front(features(NUMBERS, ["u", "v"]), standardize=True)
    numeric = torch.tensor([[NAN, 15], [6, NAN], [-2, 10]])
    categories = torch.tensor([[2], [0], [1]], dtype=torch.int32)
    # a: (gap → 2 - 2)/4, (6 - 2)/4, (-2 - 2)/4; b: (15 - 10)/5, (gap → 10 - 10)/5, 0; was a a gap; u; v
    expected = [[0, 1, 1, 0, 1], [1, 0, 0, 0, 0], [-1, 0, 0, 1, 0]]
    assert front(numeric, categories).tolist() == expected
    assert front.d_out == 5


def test_without_standardizing_a_gap_becomes_the_train_mean_and_other_numbers_stay() -> None:
    front = Front(features(NUMBERS), standardize=False)
    numeric = torch.tensor([[NAN, 0.1], [0.3, NAN]])
    expected = torch.tensor([[2, 0.1, 1], [0.3, 10, 0]])
    assert torch.equal(front(numeric, no_categories(2)), expected)


def test_only_a_column_with_gaps_among_the_train_rows_has_an_indicator() -> None:
    without = [feature.model_copy(update={"gaps": 0}) for feature in NUMBERS]
    assert Front(features(without), standardize=True).d_out == 2
    assert Front(features(NUMBERS), standardize=True).d_out == 3


def test_categories_alone_are_a_front_too() -> None:
    front = Front(features([], ["u", "v"], ["w"]), standardize=False)
    categories = torch.tensor([[1, 1], [2, 0]], dtype=torch.int32)
    assert front(torch.empty(2, 0), categories).tolist() == [[1, 0, 1], [0, 1, 0]]


def test_an_unknown_level_is_zeros() -> None:
    assert OneHot(3)(torch.tensor([0, 3, 1], dtype=torch.int32)).tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]


def test_what_was_fitted_stands_in_the_state_dict() -> None:
    model = Fitted(Front(features(NUMBERS, ["u", "v"]), standardize=True), nn.Linear(5, 1), nn.Identity())
    state = model.state_dict()
    fitted = {name: value.tolist() for name, value in state.items() if name.startswith("front.")}
    assert fitted == {
        "front.mean": [2, 10],
        "front.shift": [2, 10],
        "front.scale": [4, 5],
        "front.with_gaps": [0],
    }
    assert list(dict(model.named_parameters())) == ["body.weight", "body.bias"]


def test_a_front_takes_its_statistics_from_a_state_dict() -> None:
    saved = Front(features(NUMBERS), standardize=True)
    others = [feature.model_copy(update={"mean": -1, "std": 3}) for feature in NUMBERS]
    loaded = Front(features(others), standardize=True)
    loaded.load_state_dict(saved.state_dict())
    numeric = torch.tensor([[NAN, 7.0], [3.0, NAN]])
    assert torch.equal(loaded(numeric, no_categories(2)), saved(numeric, no_categories(2)))


@pytest.mark.parametrize(("n_levels", "kind"), [(ONE_HOT_LEVELS, OneHot), (ONE_HOT_LEVELS + 1, Embedding)])
def test_many_levels_are_a_learned_embedding(n_levels: int, kind: type) -> None:
    front = Front(features([], [f"level {k}" for k in range(n_levels)]), standardize=False)
    assert isinstance(front.categories[0], kind)
    assert front.d_out == (n_levels if kind is OneHot else D_EMBEDDING)
    assert front(torch.empty(4, 0), torch.tensor([[0], [1], [2], [n_levels]])).shape == (4, front.d_out)


def test_the_embedding_of_an_unknown_level_is_zeros_after_training_too() -> None:
    embedding = Embedding(40)
    codes = torch.tensor([0, 1, 40])
    optimizer = torch.optim.SGD(embedding.parameters(), lr=1.0)
    before = embedding(codes).detach()
    embedding(codes).sum().backward()
    optimizer.step()
    after = embedding(codes).detach()
    assert after[0].tolist() == [0] * D_EMBEDDING
    assert torch.equal(after[1:], before[1:] - 1)  # the slope of a sum is 1


@pytest.mark.parametrize(
    ("numeric", "levels", "setting", "needed"),
    [
        (NUMBERS[1:], [], "none", False),
        (NUMBERS[1:], [], "standardize", True),
        (NUMBERS, [], "none", True),
        (NUMBERS[1:], [["u"]], "none", True),
    ],
    ids=["plain numbers", "scaling", "gaps", "categories"],
)
def test_plain_numbers_alone_need_no_front(
    numeric: list[NumericFeature], levels: list[list[str]], setting: str, needed: bool
) -> None:
    assert needs_front(features(numeric, *levels), setting) is needed


def test_a_column_of_one_value_is_only_shifted() -> None:
    """std 0 must not divide: (5 - 5) / 1 = 0, and another value at prediction time stays finite."""
    constant = [NumericFeature(name="c", kind="numeric", mean=5.0, std=0.0, gaps=0)]
    front = Front(features(numeric=constant), standardize=True)
    scaled = front(torch.tensor([[5.0], [7.0]]), torch.empty((2, 0), dtype=torch.int32))
    assert scaled.tolist() == [[0.0], [2.0]]
