"""Columns that say nothing: their train rows hardly differ. They are dropped, not divided by their width."""

import numpy as np

from relight.domain.features import Features, NumericFeature

NARROWEST = 1e-6  # of the transformed train rows; a 1e-8 wide column once gave predictions of 3e5


def columns_to_keep(features: Features, numeric: str) -> list[int]:
    """Places of the numeric features whose train rows differ, after the transform `model.numeric`."""
    return [place for place, feature in enumerate(features.numeric) if _train_range(feature, numeric) >= NARROWEST]


def _train_range(feature: NumericFeature, numeric: str) -> float:
    low, high = float(np.float32(feature.low)), float(np.float32(feature.high))
    if low == high or high - low < NARROWEST * max(abs(low), abs(high)):  # a few steps of float32: rounding, not data
        return 0.0
    match numeric:
        case "none":
            return high - low
        case "standardize":
            return (high - low) / feature.std if feature.std > 0 else 0.0
        case _:  # quantile_normal: two different values never share a quantile
            return 1.0
