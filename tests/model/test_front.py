import pytest
import torch
from torch import nn

from relight.data.features import Features
from relight.model.params import MlpParams, ModelParams
from relight.model.pipeline import TabularModel
from relight.model.preprocessing import Preprocessor, needs_preprocessor
from tests.feature_tables import category, features_of, number

NAN = float("nan")
A = number("a", [-2, 6, 2, 2]).model_copy(update={"std": 4.0, "gaps": 1})  # mean 2
B = number("b", [5, 15, 5, 15])  # mean 10, std 5
NO_CATEGORIES = torch.empty(2, 0, dtype=torch.int32)


def test_standardized_numbers_gaps_indicators_and_codes_by_hand() -> None:
    front = Preprocessor(features_of([A, B], [category("c", 2)]), "standardize")
    numeric = torch.tensor([[NAN, 15], [6, NAN], [-2, 10]])
    numbers, codes = front(numeric, torch.tensor([[2], [0], [1]], dtype=torch.int32))
    # a: (gap → 2 - 2)/4, (6 - 2)/4, (-2 - 2)/4; b: (15 - 10)/5, (gap → 10 - 10)/5, 0; was a a gap
    assert numbers.tolist() == [[0, 1, 1], [1, 0, 0], [-1, 0, 0]]
    assert codes.tolist() == [[2], [0], [1]]
    assert codes.dtype == torch.int64
    assert (front.n_scaled, front.d_numbers, front.n_levels) == (2, 3, [2])


def test_without_scaling_a_gap_becomes_the_train_mean_and_other_numbers_stay() -> None:
    numbers, _ = Preprocessor(features_of([A, B]), "none")(torch.tensor([[NAN, 0.1], [0.3, NAN]]), NO_CATEGORIES)
    assert torch.equal(numbers, torch.tensor([[2, 0.1, 1], [0.3, 10, 0]]))


def test_only_a_column_with_gaps_and_values_among_the_train_rows_has_an_indicator() -> None:
    assert Preprocessor(features_of([B, B]), "standardize").d_numbers == 2
    assert Preprocessor(features_of([A, B]), "standardize").d_numbers == 3
    all_missing = A.model_copy(update={"gaps": 100, "low": 0.0, "high": 0.0, "quantiles": []})
    assert Preprocessor(features_of([all_missing, B], n_train=100), "standardize").d_numbers == 1


@pytest.mark.parametrize("numeric", ["none", "standardize", "quantile_normal"])
def test_a_narrow_column_is_dropped_and_cannot_throw_the_answers_far_away(numeric: str) -> None:
    narrow = number("narrow", [5, 5 + 1e-8, 5 + 4e-7])  # float32 has no number between 5 and 5 + 4.8e-7
    front = Preprocessor(features_of([narrow, B]), numeric)
    assert front.keep.tolist() == [1]
    there, _ = front(torch.tensor([[5.0, 7], [5, 20]]), NO_CATEGORIES)
    far, _ = front(torch.tensor([[1e6, 7], [-3, 20]]), NO_CATEGORIES)
    assert torch.equal(there, far)


@pytest.mark.parametrize("numeric", ["none", "standardize", "quantile_normal"])
def test_categories_alone_leave_no_numbers(numeric: str) -> None:
    front = Preprocessor(features_of([], [category("c", 2), category("d", 1)]), numeric)
    numbers, codes = front(torch.empty(2, 0), torch.tensor([[1, 1], [2, 0]], dtype=torch.int32))
    assert numbers.shape == (2, 0)
    assert codes.tolist() == [[1, 1], [2, 0]]


def test_what_was_fitted_stands_in_the_state_dict_and_nothing_of_it_learns() -> None:
    state = Preprocessor(features_of([A, B]), "standardize").state_dict()
    assert {name: value.tolist() for name, value in state.items()} == {
        "mean": [2, 10],
        "keep": [0, 1],
        "with_gaps": [0],
        "scaling.shift": [2, 10],
        "scaling.scale": [4, 5],
    }
    assert list(Preprocessor(features_of([A, B]), "quantile_normal").state_dict())[-1] == "scaling.knots"
    assert list(Preprocessor(features_of([A, B]), "quantile_normal").parameters()) == []


@pytest.mark.parametrize("numeric", ["standardize", "quantile_normal"])
def test_a_front_takes_its_statistics_from_a_state_dict(numeric: str) -> None:
    saved = Preprocessor(features_of([A, B]), numeric)
    loaded = Preprocessor(
        features_of([number("a", [1, 2, 9]).model_copy(update={"gaps": 2}), number("b", [0, 1])]), numeric
    )
    loaded.load_state_dict(saved.state_dict())
    numeric_rows = torch.tensor([[NAN, 7.0], [3.0, NAN]])
    assert torch.equal(loaded(numeric_rows, NO_CATEGORIES)[0], saved(numeric_rows, NO_CATEGORIES)[0])


def test_front_body_and_back_are_one_model() -> None:
    class Sum(nn.Module):
        def forward(self, numbers: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
            return numbers.sum(dim=1, keepdim=True) + codes

    model = TabularModel(Preprocessor(features_of([A, B], [category("c", 2)]), "standardize"), Sum(), nn.Flatten(0))
    # 0 + 1 + 1 + code 2
    assert model(torch.tensor([[NAN, 15.0]]), torch.tensor([[2]], dtype=torch.int32)).tolist() == [4]


PLAIN = features_of([B])
MLP = MlpParams(n_blocks=1, d_block=1, dropout=0)


@pytest.mark.parametrize(
    ("features", "changed", "target_scale", "seeds", "needed"),
    [
        (PLAIN, {}, "none", 1, False),
        (PLAIN, {"name": "mlp"}, "none", 1, False),
        (PLAIN, {"name": "linear_parameters"}, "none", 1, False),
        (PLAIN, {"name": "tabm"}, "none", 1, True),
        (PLAIN, {"numeric": "standardize"}, "none", 1, True),
        (PLAIN, {}, "log", 1, True),
        (PLAIN, {}, "none", 2, True),
        (features_of([A]), {}, "none", 1, True),
        (features_of([B], [category("c", 1)]), {}, "none", 1, True),
        (features_of([B], task="binary", target=[0, 1]), {}, "none", 1, True),
    ],
    ids=["plain", "mlp", "bare parameters", "family", "scaling", "log", "seeds", "gaps", "categories", "classes"],
)
def test_a_plain_network_of_plain_numbers_in_their_own_units_alone_needs_no_front(
    features: Features, changed: dict[str, str], target_scale: str, seeds: int, needed: bool
) -> None:
    params = ModelParams.model_validate({"name": "linear", "numeric": "none", "mlp": MLP, **changed})
    assert needs_preprocessor(params, features, target_scale, seeds) is needed
