"""A target with an offset: the outputs lack it, and the predictions, in float64, have it."""

from typing import Any

import numpy as np
import pytest
import torch

from relight.data.features import Features
from relight.evaluate.inputs import labelled_rows
from relight.export.table import ExportableModel
from relight.model.inference import predictions_from_outputs
from relight.model.pipeline import RateTransform, TargetTransform
from relight.train.scores import truth_of_rows
from tests.feature_tables import features_of, number

OFFSET = 3e9
DIFFERENCES = np.linspace(-2, 3, 60)


def described(offset: float = OFFSET) -> Features:
    features = features_of([number("x", DIFFERENCES)], target=DIFFERENCES, n_train=60)
    assert features.target_statistics is not None
    logs = np.log(offset + DIFFERENCES) if offset > 2 else np.zeros(60)
    statistics = features.target_statistics.model_copy(
        update={"offset": offset, "log_mean": logs.mean(), "log_std": logs.std(), "log_skew": 0.0}
    )
    return features.model_copy(update={"target_statistics": statistics})


def test_predictions_and_targets_have_the_offset_and_every_difference() -> None:
    outputs = torch.from_numpy(DIFFERENCES).float().reshape(-1, 1)
    predicted = predictions_from_outputs("regression", outputs, OFFSET)
    np.testing.assert_allclose(predicted, OFFSET + DIFFERENCES, rtol=0, atol=1e-6)
    arrays = {"numeric": np.zeros((60, 0)), "categories": np.zeros((60, 0)), "row": np.arange(60)}
    rows = labelled_rows("regression", {**arrays, "target": outputs.numpy()}, OFFSET)
    np.testing.assert_array_equal(rows.target, predicted)
    assert predictions_from_outputs("regression", outputs).dtype == np.float32


def test_an_own_metric_sees_the_target_as_it_is() -> None:
    outputs = torch.from_numpy(DIFFERENCES).float().reshape(-1, 1)
    truth = truth_of_rows("regression", torch.nn.Identity(), outputs, None, OFFSET)
    np.testing.assert_allclose(truth.y_true, OFFSET + DIFFERENCES, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(truth.predict(outputs), truth.y_true)


@pytest.mark.parametrize("scale", ["standardize", "log", "log_rate"])
def test_each_scale_and_back_is_the_target(scale: Any) -> None:
    features = described(100.0)
    transform = RateTransform(features) if scale == "log_rate" else TargetTransform(features, scale)
    target = torch.from_numpy(DIFFERENCES).float().reshape(-1, 1)
    scaled = transform.transform(target)
    true = 100 + DIFFERENCES
    expected = {
        "standardize": (DIFFERENCES - DIFFERENCES.mean()) / DIFFERENCES.std(),
        "log": (np.log(true) - np.log(true).mean()) / np.log(true).std(),
        "log_rate": true / true.mean(),
    }[scale]
    np.testing.assert_allclose(scaled[:, 0], expected, rtol=1e-3, atol=1e-3)
    back = transform(scaled.log() if scale == "log_rate" else scaled)
    np.testing.assert_allclose(back[:, 0], DIFFERENCES, atol=1e-4)


def test_an_exported_model_answers_in_float64() -> None:
    model = ExportableModel(torch.nn.Linear(1, 1), described()).eval()
    numeric = torch.from_numpy(DIFFERENCES).float().reshape(-1, 1)
    with torch.inference_mode():
        answers, outputs = model(numeric, torch.zeros(60, 0)), model.model(numeric)
    assert answers.dtype == torch.float64
    np.testing.assert_array_equal(answers.numpy(), outputs[:, 0].double().numpy() + OFFSET)
