"""How much each class counts in the loss."""

import difflib

import numpy as np

from relight.domain.features import Features
from relight.errors import InputError
from relight.params.train import TrainParams


def settle_class_weights(params: TrainParams, features: Features) -> list[float] | None:
    """One weight for each class, in their order; None where all count the same.

    `balanced` is n_train / (n_classes * rows of the class), as in scikit-learn: rare classes count as much as
    frequent ones. A class without train rows counts nothing. A class that a mapping leaves out counts 1.

    Raises:
        InputError: when there are no classes, or the mapping names one that is not there.
    """
    if params.class_weights == "none":
        return None
    if features.class_counts is None or features.classes is None:
        raise InputError(
            f"train.class_weights: must be none for {features.task}, however: {params.class_weights}; "
            "weigh rows with prepare.weight"
        )
    if params.class_weights == "balanced":
        seen = [count for count in features.class_counts if count]
        return [features.n_train / (len(seen) * count) if count else 0.0 for count in features.class_counts]
    unknown = [label for label in params.class_weights if label not in features.classes]
    if unknown:
        raise InputError(
            *(
                f"train.class_weights: '{label}' is no class of '{features.target}'"
                f"{_did_you_mean(label, features.classes)}"
                for label in unknown
            )
        )
    return [params.class_weights.get(label, 1.0) for label in features.classes]


def row_weights(class_weights: list[float] | None, target: np.ndarray, sample: np.ndarray | None) -> np.ndarray | None:
    """(n_rows,) float32: of each row's class times the row's own; None where all are the same."""
    if class_weights is None:
        return sample
    of_rows = np.array(class_weights, dtype=np.float32)[target.reshape(-1).astype(np.int64)]
    return of_rows if sample is None else of_rows * sample


def _did_you_mean(label: str, classes: list[str]) -> str:
    close = difflib.get_close_matches(label, classes, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; its classes are {', '.join(classes[:20])}{', ...' if len(classes) > 20 else ''}"
