"""A model of sequences → its answers, some sequences at a time."""

from collections.abc import Callable

import numpy as np
from torch import Tensor, nn

from relight.domain.answers import answers
from relight.domain.features import Features
from relight.domain.predicting import predict, rows_at_once
from relight.domain.sequences import Sequences


def sequence_answers(
    model: nn.Module, features: Features, sequences: Sequences, change: Callable[[Tensor], Tensor] | None = None
) -> np.ndarray:
    """(n_sequences,) numbers, or (n_sequences, n_classes) probabilities.

    Args:
        change: of the raw outputs, before they become answers.
    """
    said = []
    for chunk in sequences.inputs.chunks(_at_once(model, features, sequences)):
        outputs = predict(model, chunk)
        said.append(answers(features.task, outputs if change is None else change(outputs)))
    return np.concatenate(said)


def _at_once(model: nn.Module, features: Features, sequences: Sequences) -> int:
    """Fewer where they are longer than any of the training, to which the model's widths refer."""
    assert features.sequence is not None
    known, longest = features.sequence.longest, int(sequences.length.max())
    return max(1, rows_at_once(model) * known // max(known, longest))
