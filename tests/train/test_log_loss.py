import math

import pytest
import torch

from relight.train.scores import log_loss

LOG3 = math.log(3)


def test_two_classes_by_hand() -> None:
    # sigmoid(log 3) = 3/4: log(4/3) where it is true, log 4 where it is not
    logits, target = torch.tensor([[LOG3], [LOG3]], dtype=torch.float64), torch.tensor([[1.0], [0.0]])
    assert log_loss("binary", logits, target, None) == pytest.approx((math.log(4 / 3) + math.log(4)) / 2, rel=1e-12)


def test_rows_count_as_much_as_their_weights() -> None:
    logits, target = torch.tensor([[LOG3], [LOG3]], dtype=torch.float64), torch.tensor([[1.0], [0.0]])
    expected = (3 * math.log(4 / 3) + math.log(4)) / 4
    assert log_loss("binary", logits, target, torch.tensor([3.0, 1.0])) == pytest.approx(expected, rel=1e-12)


def test_probabilities_of_members_are_averaged_never_their_logits() -> None:
    # softmax(0, log 3) = (1/4, 3/4), softmax(0, 0) = (1/2, 1/2): the mean of class 1 is 5/8
    logits = torch.tensor([[[0, LOG3], [0, 0]]], dtype=torch.float64)
    assert log_loss("multiclass", logits, torch.tensor([1]), None) == pytest.approx(-math.log(5 / 8), rel=1e-12)


def test_shares_of_the_classes_are_surprised_each_by_its_share() -> None:
    # (1/4, 3/4) said, (1/2, 1/2) true: -(log 1/4 + log 3/4) / 2
    logits = torch.tensor([[0, LOG3]], dtype=torch.float64)
    expected = -(math.log(1 / 4) + math.log(3 / 4)) / 2
    assert log_loss("distribution", logits, torch.tensor([[0.5, 0.5]]), None) == pytest.approx(expected, rel=1e-12)


def test_a_wrong_answer_that_is_very_sure_is_a_finite_surprise() -> None:
    assert log_loss("binary", torch.tensor([[-1000.0]]), torch.tensor([[1.0]]), None) == 1000
