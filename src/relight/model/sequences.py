"""Sequences of unequal length: their steps lie in memory one after the other, and are padded batch by batch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.errors import InputError
from relight.model.inference import predict_outputs, prediction_batch_size, predictions_from_outputs
from relight.model.pipeline import TabularModel
from relight.model.rows import Arrays, Rows, preprocess_inputs


@dataclass(frozen=True)
class Sequences:
    """Some sequences on one device.

    Attributes:
        steps: (n_steps, d) float32, NaN for a gap before the preprocessor.
        codes: (n_steps, k) integers.
        start, length: (n_sequences,) int64: the first step and the number of steps of each sequence.
        target, weight: (n_sequences, ...), as in `Rows`.
    """

    steps: Tensor
    codes: Tensor
    start: Tensor
    length: Tensor
    target: Tensor
    weight: Tensor | None = None

    @property
    def inputs(self) -> "SequenceInputs":
        return SequenceInputs(self)

    @property
    def n_rows(self) -> int:
        return len(self.start)

    @property
    def device(self) -> torch.device:
        return self.start.device

    def to(self, device: torch.device) -> "Sequences":
        weight = None if self.weight is None else self.weight.to(device)
        start, length = self.start.to(device), self.length.to(device)
        return Sequences(self.steps.to(device), self.codes.to(device), start, length, self.target.to(device), weight)

    def pick(self, indices: Tensor) -> Rows:
        """Return the sequences at these indices, in that order, padded with zeros to the longest of them.

        Their inputs are steps (n, longest, d), codes (n, longest, k) and lengths (n,).
        """
        length = self.length.index_select(0, indices)
        within = torch.arange(int(length.max()), device=length.device)
        padding = within >= length.unsqueeze(1)  # (n, longest)
        taken = (self.start.index_select(0, indices).unsqueeze(1) + within).masked_fill_(padding, 0)
        padded = (self._padded(part, taken, padding) for part in (self.steps, self.codes))
        weight = None if self.weight is None else self.weight.index_select(0, indices)
        return Rows((*padded, length), self.target.index_select(0, indices), weight)

    def whole(self) -> Rows:
        """Return all sequences, padded, for a batch that holds all."""
        return self.pick(torch.arange(len(self.start), device=self.start.device))

    @staticmethod
    def _padded(part: Tensor, taken: Tensor, padding: Tensor) -> Tensor:
        gathered = part.index_select(0, taken.flatten()).reshape(*taken.shape, part.shape[1])
        return gathered.masked_fill_(padding.unsqueeze(2), 0)


@dataclass(frozen=True)
class SequenceInputs:
    """Takes the place of the inputs of rows."""

    sequences: Sequences

    def chunks(self, at_once: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield the padded inputs in order, `at_once` sequences at a time."""
        indices = torch.arange(len(self.sequences.start), device=self.sequences.start.device)
        for some in torch.split(indices, at_once):
            yield self.sequences.pick(some).inputs


def build_sequences(arrays: Arrays) -> Sequences:
    """Return the sequences of the arrays that split wrote.

    Raises:
        InputError: if the steps of a sequence do not lie behind those of the one before.
    """
    _assert_in_order(arrays["start"], arrays["length"], len(arrays["numeric"]))
    weight = arrays.get("weight")
    steps, codes, start, length, target = (
        torch.from_numpy(arrays[name]) for name in ("numeric", "categories", "start", "length", "target")
    )
    return Sequences(steps, codes, start, length, target, None if weight is None else torch.from_numpy(weight))


def _assert_in_order(start: np.ndarray, length: np.ndarray, n_steps: int) -> None:
    """Check lengths before a sequence is padded to the longest."""
    ends = np.cumsum(length, dtype=np.float64)  # integers would wrap around
    if (length < 1).any() or ends[-1:].sum() != n_steps or not np.array_equal(start, ends - length):
        raise InputError(
            f"data/split: the sequences must have {n_steps} steps, one behind the other, got other lengths; "
            "run `dvc checkout --force`, or `dvc repro`"
        )


def preprocess_sequences(model: TabularModel, sequences: Sequences) -> Sequences:
    """Return the sequences as the network sees them, with the target on its scale: once, not in every step."""
    steps, codes = preprocess_inputs(model.preprocessor, (sequences.steps, sequences.codes))
    target = model.scale_target(sequences.target)
    return Sequences(steps, codes, sequences.start, sequences.length, target, sequences.weight)


def sequence_predictions(
    model: nn.Module, features: Features, sequences: Sequences, change: Callable[[Tensor], Tensor] | None = None
) -> np.ndarray:
    """Return (n_sequences,) numbers, or (n_sequences, n_classes) probabilities.

    Args:
        change: applied to the raw outputs, before they become predictions.
    """
    predictions = []
    for chunk in sequences.inputs.chunks(_sequence_batch_size(model, features, sequences)):
        outputs = predict_outputs(model, chunk)
        changed = outputs if change is None else change(outputs)
        predictions.append(predictions_from_outputs(features.task, changed, features.target_offset))
    return np.concatenate(predictions)


def _sequence_batch_size(model: nn.Module, features: Features, sequences: Sequences) -> int:
    """Return how many sequences fit; fewer if one is longer than in training, to which the model's widths refer."""
    assert features.sequence is not None
    trained_longest, longest = features.sequence.longest, int(sequences.length.max())
    return max(1, prediction_batch_size(model) * trained_longest // max(trained_longest, longest))
