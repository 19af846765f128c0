"""Sequences whose answers an exported model must give as the model does: real ones, and made-up ones."""

import numpy as np

from relight.domain.encoding import encode
from relight.domain.features import Features
from relight.domain.trial_rows import trial_rows

Inputs = dict[str, np.ndarray]


def trial_sequences(features: Features) -> Inputs:
    """Made-up steps in sequences of 1, 2, 3 and more steps; as `real_sequences` in the rest."""
    assert features.sequence is not None
    encoded, longest = encode(trial_rows(features, gaps=True), features), features.sequence.longest
    length: list[int] = []
    n_rows = len(encoded.numeric)
    while sum(length) < n_rows:
        length.append(min(1 + len(length) % longest, n_rows - sum(length)))
    return _padded(encoded.numeric, encoded.categories, np.array(length), longest)


def real_sequences(arrays: dict[str, np.ndarray], features: Features, most: int) -> Inputs | None:
    """The first sequences of a part that are not longer than the train sequences; None where they do not fit.

    Args:
        arrays: as split wrote them.

    Returns:
        lengths (n,) int64, numeric (n, longest, n_numeric) float32, categories (n, longest, n_categorical) int32;
        what the model does not read is left out.
    """
    assert features.sequence is not None
    numeric, codes, longest = arrays["numeric"], arrays["categories"], features.sequence.longest
    n_levels = np.array([len(feature.levels) for feature in features.categorical], dtype=np.int64)
    if (numeric.shape[1], codes.shape[1]) != (len(features.numeric), len(n_levels)):
        return None
    kept = np.flatnonzero(arrays["length"] <= longest)[:most]
    if not len(kept) or (codes.max(axis=0, initial=0) > n_levels).any():
        return None
    length = arrays["length"][kept]
    steps = np.concatenate(
        [np.arange(start, start + n) for start, n in zip(arrays["start"][kept], length, strict=True)]
    )
    return _padded(numeric[steps], codes[steps], length, longest)


def _padded(numeric: np.ndarray, codes: np.ndarray, length: np.ndarray, longest: int) -> Inputs:
    """Steps that lie one after the other, each sequence filled up with zeros."""
    real = np.arange(longest) < length[:, None]
    inputs = {"lengths": length.astype(np.int64)}
    for name, steps in (("numeric", numeric), ("categories", codes)):
        if steps.shape[1]:
            inputs[name] = np.zeros((*real.shape, steps.shape[1]), dtype=steps.dtype)
            inputs[name][real] = steps
    return inputs
