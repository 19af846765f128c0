"""Scores of predicted classes: of the decision and the probabilities, of each class, of calibration, of a threshold."""

from typing import Literal

import numpy as np

from relight.metrics.roc import RocCounts, RowMean, average_precision, check_sample_weight, roc_auc

N_RELIABILITY_BINS = 10
ReliabilityBin = tuple[float, float, int]
PROBABILITY_EPSILON = float(np.finfo(np.float64).eps)  # probabilities are clipped to [eps, 1 - eps] before the log
MACRO_SCORES = ("precision", "recall", "f1")  # of more than two classes: means over those that occur
Scores = dict[str, float]


def confidence_and_truth(y_true: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's confidence, (n_rows,), and whether it came true, (n_rows,) bool.

    The confidence is the probability of the second of two classes, and of the predicted class if there are more.

    Args:
        y_true: (n_rows,) class codes.
        probabilities: (n_rows, n_classes).
    """
    if probabilities.shape[1] == 2:
        return probabilities[:, 1], y_true == 1
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == y_true


def reliability_bins(
    confidence: np.ndarray,
    came_true: np.ndarray,
    sample_weight: np.ndarray | None = None,
    n_bins: int = N_RELIABILITY_BINS,
) -> list[ReliabilityBin]:
    """Return (mean confidence, share that came true, rows) of each bin of confidence with any weight."""
    bins = _bin_indices(confidence, n_bins)
    weights = np.ones(len(confidence)) if sample_weight is None else sample_weight.astype(np.float64)
    bins_with_rows = []
    for members in (bins == b for b in range(n_bins)):
        if weights[members].any():
            average = [float(np.average(v[members], weights=weights[members])) for v in (confidence, came_true)]
            bins_with_rows.append((average[0], average[1], int(members.sum())))
    return bins_with_rows


def expected_calibration_error(
    confidence: np.ndarray,
    came_true: np.ndarray,
    sample_weight: np.ndarray | None = None,
    n_bins: int = N_RELIABILITY_BINS,
) -> float:
    """Return Σ over equally wide bins: share of the rows × |observed share - mean confidence|.

    Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning".
    """
    weights = np.ones(len(confidence)) if sample_weight is None else sample_weight.astype(np.float64)
    gaps = weights * (came_true.astype(np.float64) - confidence.astype(np.float64))
    return float(np.abs(np.bincount(_bin_indices(confidence, n_bins), gaps, n_bins)).sum() / weights.sum())


def _bin_indices(confidence: np.ndarray, n_bins: int) -> np.ndarray:
    bins: np.ndarray = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    return bins


class ClassScorer:
    """The scores of two or more classes under any weights of the rows.

    With two classes, precision, recall, F1, AUC, average precision and Brier score are those of the second.
    With more they are macro averages, one class against the rest (precision, recall and F1 over the classes that
    are true or predicted in some row, 0 for one that is never predicted), and the Brier score is the sum over the
    classes (Brier 1950, "Verification of forecasts expressed in terms of probability", halved for two classes).
    Balanced accuracy is the mean recall of the classes with rows. Undefined scores are left out: AUC and average
    precision if a class has no rows, precision if no row is predicted to be of the second class.

    Args:
        y_true: (n_rows,) class codes.
        probabilities: (n_rows, n_classes).
    """

    def __init__(self, y_true: np.ndarray, probabilities: np.ndarray) -> None:
        self.n_classes = probabilities.shape[1]
        y_pred, rows = probabilities.argmax(axis=1), np.arange(len(y_true))
        self.class_pair = y_true * self.n_classes + y_pred
        clipped = np.clip(probabilities.astype(np.float64), PROBABILITY_EPSILON, 1 - PROBABILITY_EPSILON)
        self.nll = -np.log(clipped[rows, y_true])
        self.brier = self._squared_distance(y_true, probabilities.astype(np.float64))
        positive = [1] if self.n_classes == 2 else range(self.n_classes)
        self.roc_counts = [RocCounts(y_true == k, probabilities[:, k]) for k in positive]

    def _squared_distance(self, y_true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        truth = np.eye(self.n_classes)[y_true]
        squared: np.ndarray = ((probabilities - truth) ** 2).sum(axis=1)
        return squared / 2 if self.n_classes == 2 else squared

    def __call__(self, sample_weight: np.ndarray) -> dict[str, float]:
        confusion = np.bincount(self.class_pair, sample_weight, self.n_classes**2).reshape(
            self.n_classes, self.n_classes
        )
        return {
            "accuracy": float(np.trace(confusion) / confusion.sum()),
            "log_loss": float(np.average(self.nll, weights=sample_weight)),
            "brier": float(np.average(self.brier, weights=sample_weight)),
            **decision_scores(confusion),
            **self._ranking_scores(sample_weight),
        }

    def row_means(self) -> dict[str, RowMean]:
        """Return log loss, Brier score and accuracy as means over the rows."""
        is_correct = self.class_pair // self.n_classes == self.class_pair % self.n_classes
        return {
            "log_loss": RowMean(self.nll),
            "brier": RowMean(self.brier),
            "accuracy": RowMean(is_correct.astype(np.float64)),
        }

    def _ranking_scores(self, sample_weight: np.ndarray) -> dict[str, float]:
        curves = [ranked.cumulative_counts(sample_weight) for ranked in self.roc_counts]
        by_class = {
            "auc": [roc_auc(*curve) for curve in curves],
            "average_precision": [average_precision(*c) for c in curves],
        }
        defined = {name: [value for value in values if value is not None] for name, values in by_class.items()}
        return {name: float(np.mean(defined[name])) for name in by_class if len(defined[name]) == len(curves)}


def decision_scores(confusion: np.ndarray) -> dict[str, float]:
    """Return balanced accuracy, precision, recall and F1; undefined ones are left out.

    Args:
        confusion: (n_classes, n_classes) summed weights, rows true, columns predicted.
    """
    precision, recall, f1 = precision_recall_f1(confusion)
    with_rows = confusion.sum(axis=1) > 0
    scores = {"balanced_accuracy": float(recall[with_rows].mean())}
    if len(confusion) == 2:
        values = {"precision": precision[1], "recall": recall[1], "f1": f1[1]}
        return {**scores, **{name: float(value) for name, value in values.items() if not np.isnan(value)}}
    seen = with_rows | (confusion.sum(axis=0) > 0)
    macro = {"precision": precision, "recall": recall, "f1": f1}
    return {**scores, **{name: float(np.nan_to_num(values[seen]).mean()) for name, values in macro.items()}}


def precision_recall_f1(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 of each class, each (n_classes,); NaN if it is never predicted or never true."""
    n_correct, n_predicted, n_true = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    return (
        _safe_ratio(n_correct, n_predicted),
        _safe_ratio(n_correct, n_true),
        _safe_ratio(2 * n_correct, n_predicted + n_true),
    )


def _safe_ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    shares: np.ndarray = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares


def decision_threshold(
    score: Literal["f1", "balanced_accuracy"],
    y_true: np.ndarray,
    positive: np.ndarray,
    sample_weight: np.ndarray | None = None,
) -> float:
    """Return the threshold of the second class's probability that maximises the score on these rows.

    A row at or above it is predicted to be of the second class. It lies midway between two neighbouring
    probabilities; of equally good thresholds it is the one nearest to 0.5.

    Args:
        y_true: (n_rows,) codes, 0 or 1.
        positive: (n_rows,) probability of the second class.
    """
    ranked = RocCounts(y_true == 1, positive)
    fp, tp = ranked.cumulative_counts(check_sample_weight(len(y_true), sample_weight))
    levels = positive[ranked.order][ranked.last_of_tie].astype(np.float64)
    cuts = np.append(1.0 + levels[0], (levels + np.append(levels[1:], 0.0)) / 2)
    value = _f1(fp, tp) if score == "f1" else _balanced_accuracy(fp, tp)
    best = np.flatnonzero(value >= value.max() - 1e-12)
    return float(cuts[best[np.argmin(np.abs(cuts[best] - 0.5))]])


def scores_at(
    threshold: float, y_true: np.ndarray, positive: np.ndarray, sample_weight: np.ndarray | None = None
) -> Scores:
    """Return accuracy, balanced accuracy, precision, recall and F1 of the decision at this threshold."""
    y_pred = (positive >= threshold).astype(np.int64)
    confusion = np.bincount(y_true * 2 + y_pred, check_sample_weight(len(y_true), sample_weight), 4).reshape(2, 2)
    return {"accuracy": float(np.trace(confusion) / confusion.sum()), **decision_scores(confusion)}


def _f1(fp: np.ndarray, tp: np.ndarray) -> np.ndarray:
    scores: np.ndarray = 2 * tp / np.maximum(tp + fp + tp[-1], np.finfo(np.float64).tiny)
    return scores


def _balanced_accuracy(fp: np.ndarray, tp: np.ndarray) -> np.ndarray:
    scores: np.ndarray = (tp / (tp[-1] or 1) + 1 - fp / (fp[-1] or 1)) / 2
    return scores
