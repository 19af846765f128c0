"""Pairs: a row is two records, and whether they are of the same thing.

The distances of a trained tower have no unit; a threshold and a slope are fitted that make them scores and
probabilities.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.metrics.roc import RocCounts, check_sample_weight, roc_auc
from relight.model.inference import ChunkedInputs, predict_outputs
from relight.model.networks.tower import SiameseModel
from relight.model.pairs import DistanceCalibration, accuracy_threshold, build_pairs, preprocess_pairs, sigmoid
from relight.model.rows import Rows, StoredRows
from relight.train.auto import LossName, resolve_class_weights
from relight.train.batches import Batches
from relight.train.datasets import (
    BatchSize,
    Dataset,
    TensorStore,
    TrainingData,
    load_dataset,
    read_sample_weight,
)
from relight.train.monitors.metrics import Truth
from relight.train.params import TrainParams
from relight.train.scores import ScoreFunction

N_BISECTIONS = 60  # of the range in which the slope is sought


@dataclass(frozen=True)
class PairData(TrainingData):
    """Train and validation pairs, and the tower that they train.

    Attributes:
        sample_weight: (n_pairs,) of the validation pairs, without the weights of the classes; None: all count the same.
        has_validation: whether the validation pairs are none of the test pairs.
    """

    model: SiameseModel
    train: Dataset
    validation: Dataset
    sample_weight: Tensor | None
    has_validation: bool

    def network(self) -> nn.Module:
        return self.model.network

    def batches(self, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        return self.train.batches(partial(preprocess_pairs, self.model), device, batch_size, seed)

    def validation_rows(self, device: torch.device) -> Rows | StoredRows:
        return self.validation.preprocessed(partial(preprocess_pairs, self.model), device)

    def validation_inputs(self) -> tuple[Tensor, ...] | ChunkedInputs:
        return self.validation.rows.inputs

    def score_fn(self, loss: LossName) -> ScoreFunction:  # noqa: ARG002  # the order of distances is scored
        target, weight = self.validation.rows.target, self.sample_weight
        return lambda distances: one_minus_auc(distances, target, weight)

    def truth(self) -> Truth:
        alike = self.validation.rows.target.reshape(-1).long().numpy()
        weight = check_sample_weight(len(alike), None if self.sample_weight is None else self.sample_weight.numpy())
        return Truth("similarity", alike, weight, lambda distances: -distances.reshape(-1).double().cpu().numpy())

    def description(self) -> dict[str, Any]:
        """Calibrate the distances on the validation pairs; on the train pairs if those are the test pairs."""
        rows = self.validation.rows if self.has_validation else self.train.rows
        weight = self.sample_weight if self.has_validation else None
        distance = predict_outputs(self.model, rows.inputs).numpy()
        calibration = fit_distance_calibration(
            distance, rows.target.numpy(), None if weight is None else weight.numpy()
        )
        return {"distance_calibration": calibration}


def load_pairs(
    model: nn.Module, params: TrainParams, features: Features, train: TensorStore, validation: TensorStore
) -> PairData:
    """Return the pairs of both parts.

    Raises:
        InputError: if no pair counts.
    """
    assert isinstance(model, SiameseModel)
    class_weights = resolve_class_weights(params, features)
    return PairData(
        model,
        load_dataset(train, build_pairs, class_weights, "the train rows", params.memory_gb),
        load_dataset(validation, build_pairs, class_weights, "the validation rows", params.memory_gb),
        read_sample_weight(validation),
        has_validation=not features.validates_on_test,
    )


def one_minus_auc(distances: Tensor, alike: Tensor, weight: Tensor | None) -> float:
    """Return the share of (alike, unlike) couples of pairs that are in the wrong order; 1/2 if there are none."""
    ranked = RocCounts(alike.reshape(-1).cpu().numpy() == 1, -distances.reshape(-1).cpu().numpy().astype(np.float64))
    weights = check_sample_weight(len(ranked.order), None if weight is None else weight.cpu().numpy())
    area = roc_auc(*ranked.cumulative_counts(weights))
    return 0.5 if area is None else 1 - area


def fit_distance_calibration(
    distance: np.ndarray, alike: np.ndarray, weight: np.ndarray | None = None
) -> DistanceCalibration:
    """Return the threshold with the highest accuracy on these pairs, and the slope with the lowest log loss.

    Args:
        distance: (n_rows,).
        alike: (n_rows,) 0 or 1.
    """
    distances, is_alike = distance.reshape(-1).astype(np.float64), alike.reshape(-1) == 1
    weights = check_sample_weight(len(distances), weight)
    threshold = accuracy_threshold(distances, is_alike, weights)
    return DistanceCalibration(threshold=threshold, slope=_best_slope(threshold - distances, is_alike, weights))


def _best_slope(score: np.ndarray, is_alike: np.ndarray, weights: np.ndarray) -> float:
    """Find the slope by bisection of its logarithm.

    The labels are drawn in a little, so that pairs without a mistake have a slope, too (Platt 1999, "Probabilistic
    outputs for support vector machines", section 2.2).
    """
    n_alike, n_other = weights[is_alike].sum(), weights[~is_alike].sum()
    target = np.where(is_alike, (n_alike + 1) / (n_alike + 2), 1 / (n_other + 2))
    unit = float(np.abs(score).max()) or 1.0
    low, high = np.log(1e-3 / unit), np.log(1e4 / unit)
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        falls = (weights * score * (target - sigmoid(np.exp(middle) * score))).sum() > 0
        low, high = (middle, high) if falls else (low, middle)
    return float(np.exp((low + high) / 2))
