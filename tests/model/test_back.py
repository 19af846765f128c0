import math

import pytest
import torch
from torch.nn import functional

from relight.model.pipeline import RateTransform, TargetTransform
from tests.feature_tables import features_of


def test_outputs_come_back_in_the_unit_of_the_target() -> None:
    # 300 000 + 100 000 * (-1, 0, 0.5)
    back = TargetTransform(features_of([], target=[200_000, 400_000]), "standardize")
    assert back(torch.tensor([[-1.0], [0.0], [0.5]])).tolist() == [[200_000], [300_000], [350_000]]


def test_a_target_of_one_value_is_only_shifted() -> None:
    assert TargetTransform(features_of([], target=[7, 7]), "standardize")(torch.tensor([[2.0]])).tolist() == [[9.0]]


def test_a_logarithm_comes_back_as_its_number() -> None:
    # logs 1 and 3: mean 2, deviation 1; exp(2 + 1), exp(2 - 2)
    back = TargetTransform(features_of([], target=[math.e, math.e**3]), "log")
    assert back(torch.tensor([[1.0], [-2.0]])).flatten().tolist() == pytest.approx([math.exp(3), 1], rel=1e-6)


def test_a_logarithm_far_beyond_float32_is_a_finite_number() -> None:
    back = TargetTransform(features_of([], target=[1, 100]), "log")
    assert back(torch.tensor([1e6])).isfinite().all()


@pytest.mark.parametrize("target_scale", ["standardize", "log"])
def test_to_the_network_and_back_is_the_target(target_scale: str) -> None:
    back = TargetTransform(features_of([], target=[1, 3, 9]), target_scale)  # type: ignore[arg-type]
    target = torch.tensor([[0.5], [2.0], [40.0]])
    torch.testing.assert_close(back(back.transform(target)), target)


def test_a_rate_comes_back_in_counts() -> None:
    # the mean of the train rows is 4: exp(0) and exp(log 2) times 4; 6 counts are 1.5 of it
    back = RateTransform(features_of([], target=[0, 8]))
    assert back(torch.tensor([[0.0], [math.log(2)]])).flatten().tolist() == pytest.approx([4, 8], rel=1e-6)
    assert back.transform(torch.tensor([[6.0], [0.0]])).tolist() == [[1.5], [0]]


def test_a_rate_far_beyond_float32_is_a_finite_number_and_so_is_that_of_rows_without_a_count() -> None:
    assert RateTransform(features_of([], target=[1e6, 2e6]))(torch.tensor([1e6])).isfinite().all()
    assert RateTransform(features_of([], target=[0, 0]))(torch.tensor([0.0])).tolist() == [1]


def test_the_loss_of_scaled_counts_is_that_of_the_counts_up_to_their_mean_and_a_constant() -> None:
    back, counts = RateTransform(features_of([], target=[0, 8])), torch.tensor([[0.0], [3.0], [12.0]])
    losses = []
    for outputs in (torch.tensor([[0.1], [-0.5], [0.7]]), torch.tensor([[1.0], [0.0], [0.4]])):
        ours = functional.poisson_nll_loss(outputs, back.transform(counts))
        theirs = functional.poisson_nll_loss(back(outputs).log(), counts)
        losses.append(4 * ours - theirs)
    torch.testing.assert_close(*losses)


def test_a_validation_target_without_a_logarithm_is_a_number_all_the_same() -> None:
    assert (
        TargetTransform(features_of([], target=[1, 3]), "log").transform(torch.tensor([[0.0], [-1.0]])).isfinite().all()
    )


def test_members_come_back_one_by_one() -> None:
    back = TargetTransform(features_of([], target=[0, 2]), "standardize")
    assert back(torch.tensor([[[1.0], [3.0]]])).tolist() == [[[2], [4]]]


def test_the_state_dict_holds_what_is_fitted() -> None:
    state = TargetTransform(features_of([], target=[1, 5]), "standardize").state_dict()
    assert {name: value.item() for name, value in state.items()} == {"mean": 3, "scale": 2}
