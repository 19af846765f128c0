import torch

from relight.domain.back import Back
from relight.domain.features import Features


def features(mean: float, std: float) -> Features:
    return Features(
        task="regression", target="y", classes=None, numeric=[], categorical=[],
        target_mean=mean, target_std=std, n_train=3, test_rows_validate=False,
    )  # fmt: skip


def test_outputs_come_back_in_the_unit_of_the_target() -> None:
    # 300 000 + 100 000 * (-1, 0, 0.5)
    back = Back(features(300_000, 100_000))
    assert back(torch.tensor([[-1.0], [0.0], [0.5]])).tolist() == [[200_000], [300_000], [350_000]]


def test_a_target_of_one_value_is_only_shifted() -> None:
    assert Back(features(7, 0))(torch.tensor([[2.0]])).tolist() == [[9.0]]


def test_the_state_dict_holds_what_is_fitted() -> None:
    state = Back(features(3, 2)).state_dict()
    assert {name: value.item() for name, value in state.items()} == {"mean": 3, "scale": 2}
