import math

import numpy as np
import pytest
import torch

from relight.data.schema import Task
from relight.model.inference import predictions_from_outputs


def test_numbers_are_the_outputs_as_they_are() -> None:
    said = predictions_from_outputs("regression", torch.tensor([[1.5], [-2.0]]))
    assert said.dtype == np.float32
    assert said.tolist() == [1.5, -2]


def test_one_logit_is_the_probability_of_the_second_class() -> None:
    # sigmoid(0) = 1/2, sigmoid(log 3) = 3/4
    said = predictions_from_outputs("binary", torch.tensor([[0.0], [math.log(3)]]))
    assert said.dtype == np.float32
    np.testing.assert_allclose(said, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-6)


def test_a_logit_for_each_class_becomes_shares_of_one() -> None:
    # exp(0), exp(log 2), exp(log 5) = 1, 2, 5 of 8
    said = predictions_from_outputs("multiclass", torch.tensor([[0.0, math.log(2), math.log(5)]]))
    np.testing.assert_allclose(said, [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-6)


@pytest.mark.parametrize(("task", "n_outputs"), [("binary", 1), ("multiclass", 4), ("distribution", 4)])
def test_probabilities_of_any_logits_are_finite_and_sum_to_one(task: Task, n_outputs: int) -> None:
    logits = torch.tensor([-1e4, -88.0, -1.0, 0.0, 1.0, 88.0, 1e4, 3.0]).reshape(-1, n_outputs)
    said = predictions_from_outputs(task, logits)
    assert ((said >= 0) & (said <= 1)).all()
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-6)


def test_members_are_averaged_as_numbers() -> None:
    said = predictions_from_outputs("regression", torch.tensor([[[1.0], [4.0]], [[2.0], [2.0]]]))
    assert said.dtype == np.float32
    assert said.tolist() == [2.5, 2]


def test_members_are_averaged_as_probabilities_never_as_logits() -> None:
    # sigmoid(0) = 1/2, sigmoid(log 3) = 3/4: 5/8, where the mean logit would say 0.634
    said = predictions_from_outputs("binary", torch.tensor([[[0.0], [math.log(3)]]]))
    np.testing.assert_allclose(said, [[3 / 8, 5 / 8]], rtol=1e-6)
    # (1, 1, 2)/4 and (2, 1, 1)/4
    logits = torch.tensor([[[0, 0, math.log(2)], [math.log(2), 0, 0]]])
    np.testing.assert_allclose(predictions_from_outputs("multiclass", logits), [[3 / 8, 2 / 8, 3 / 8]], rtol=1e-6)
    np.testing.assert_allclose(predictions_from_outputs("distribution", logits), [[3 / 8, 2 / 8, 3 / 8]], rtol=1e-6)
