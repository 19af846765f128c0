import math
from typing import get_args

import pytest
import torch
from torch import Tensor

from relight.domain.compatibility import LOSSES_OF, LossName
from relight.domain.losses import LOSSES, Loss, bce, cross_entropy, l1, mse
from relight.params.train import TrainParams


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1)


def test_l1_is_the_mean_absolute_error() -> None:
    # (|1 - 1.5| + |2 - 2| + |4 - 2|) / 3 = 2.5 / 3
    assert l1(column(1, 2, 4), column(1.5, 2, 2)).item() == pytest.approx(2.5 / 3, rel=1e-15)


def test_mse_is_the_mean_squared_error() -> None:
    # (0.5² + 0² + 2²) / 3 = 4.25 / 3
    assert mse(column(1, 2, 4), column(1.5, 2, 2)).item() == pytest.approx(4.25 / 3, rel=1e-15)


def test_bce_is_the_mean_surprise_at_the_true_class() -> None:
    # sigmoid(0) = 1/2, sigmoid(log 3) = 3/4; -(log 1/2 + log(1 - 3/4)) / 2 = (log 2 + 2 log 2) / 2
    assert bce(column(0, math.log(3)), column(1, 0)).item() == pytest.approx(1.5 * math.log(2), rel=1e-15)


def test_cross_entropy_is_the_mean_surprise_at_the_true_class() -> None:
    # softmax(0, 0) = (1/2, 1/2), softmax(log 3, 0) = (3/4, 1/4); -(log 1/2 + log 3/4) / 2 = log(8/3) / 2
    logits = torch.tensor([[0, 0], [math.log(3), 0]], dtype=torch.float64)
    assert cross_entropy(logits, torch.tensor([1, 0])).item() == pytest.approx(math.log(8 / 3) / 2, rel=1e-15)


def test_bce_stays_finite_where_a_probability_rounds_to_zero() -> None:
    # sigmoid(-1000) is 0 in any float; the surprise at class 1 is 1000 all the same
    assert bce(column(-1000), column(1)).item() == 1000


@pytest.mark.parametrize("loss", [l1, mse, bce])
def test_a_column_against_a_row_is_refused(loss: Loss) -> None:
    with pytest.raises(ValueError, match=r"shapes must be equal, however: .*\[3, 1\].*\[3\]"):
        loss(torch.zeros(3, 1), torch.zeros(3))


@pytest.mark.parametrize(
    ("logits", "targets"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 1, dtype=torch.int64)),
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(3), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(3, 3), torch.zeros(3, 3)),
        (torch.zeros(3, 2), torch.zeros(3)),
    ],
    ids=["column", "fewer rows", "no classes", "shares of the classes", "float classes"],
)
def test_cross_entropy_takes_one_class_code_for_each_row_of_logits(logits: Tensor, targets: Tensor) -> None:
    with pytest.raises(ValueError, match=r"shapes must be \(n, c\) and \(n,\), however"):
        cross_entropy(logits, targets)


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (l1, column(5, -5, 5, -5)),  # away from the predictions: l1 has no slope at 0
        (mse, column(5, -5, 5, -5)),
        (bce, column(0, 1, 1, 0)),
    ],
)
def test_the_gradient_is_the_slope_of_the_loss(loss: Loss, targets: Tensor) -> None:
    predictions = column(0.5, -1, 2, 0).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: loss(p, targets), predictions)


def test_the_gradient_of_cross_entropy_is_its_slope() -> None:
    logits = torch.tensor([[0.5, -1, 2], [0, 0.25, -3]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: cross_entropy(p, torch.tensor([2, 0])), logits)


def test_every_name_is_the_loss_of_that_name() -> None:
    assert {name: loss.__name__ for name, loss in LOSSES.items()} == {name: name for name in LOSSES}
    assert set(LOSSES) == {"l1", "mse", "bce", "cross_entropy"}


def test_every_loss_that_params_may_name_is_there() -> None:
    named = set(get_args(LossName))
    suited = {loss for losses in LOSSES_OF.values() for loss in losses}
    in_params = set(get_args(TrainParams.model_fields["loss"].annotation)) - {"auto"}
    assert set(LOSSES) == named == suited == in_params
