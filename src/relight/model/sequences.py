"""Padded sequences and series windows.

Sequences of unequal length as a training takes them: their steps lie in memory one after the other, and are padded
batch by batch.

A model of sequences → its answers, some sequences at a time.

Windows of series: views into the steps, gathered batch by batch and never copied as a whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.features import Features, SeriesFeatures
from relight.model.inference import predict_outputs, prediction_batch_size, predictions_from_outputs
from relight.model.networks.forecaster import Forecaster
from relight.model.pipeline import TabularModel, TargetTransform
from relight.model.rows import Arrays, Rows, StoredInputs, row_numbers


@dataclass(frozen=True)
class Sequences:
    """Some sequences on one device.

    Attributes:
        steps: (n_steps, d) float32, NaN for a gap before the front of the model.
        codes: (n_steps, k) integers.
        start, length: (n_sequences,) int64: which steps are whose.
        target, weight: (n_sequences, ...), as of `Rows`.
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
        """The sequences at some places, in that order, padded with zeros to the longest of them.

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
        """All of them, padded: for a batch that holds all."""
        return self.pick(torch.arange(len(self.start), device=self.start.device))

    @staticmethod
    def _padded(part: Tensor, taken: Tensor, padding: Tensor) -> Tensor:
        gathered = part.index_select(0, taken.flatten()).reshape(*taken.shape, part.shape[1])
        return gathered.masked_fill_(padding.unsqueeze(2), 0)


@dataclass(frozen=True)
class SequenceInputs:
    """Stands where the inputs of rows stand."""

    sequences: Sequences

    def chunks(self, at_once: int) -> Iterator[tuple[Tensor, ...]]:
        """So many sequences at a time, in order, padded when they are asked for."""
        indices = torch.arange(len(self.sequences.start), device=self.sequences.start.device)
        for some in torch.split(indices, at_once):
            yield self.sequences.pick(some).inputs


def build_sequences(arrays: Arrays) -> Sequences:
    """The arrays of one part as split wrote them."""
    weight = arrays.get("weight")
    steps, codes, start, length, target = (
        torch.from_numpy(arrays[name]) for name in ("numeric", "categories", "start", "length", "target")
    )
    return Sequences(steps, codes, start, length, target, None if weight is None else torch.from_numpy(weight))


def preprocess_sequences(model: nn.Module, sequences: Sequences) -> Sequences:
    """The steps after the front, the target on the network's scale: once, not in every step."""
    assert isinstance(model, TabularModel)
    at_once = prediction_batch_size(model.preprocessor)
    with torch.no_grad():
        chunks = zip(torch.split(sequences.steps, at_once), torch.split(sequences.codes, at_once), strict=True)
        steps, codes = (
            torch.cat(parts) for parts in zip(*(model.preprocessor(*chunk) for chunk in chunks), strict=True)
        )
        target = sequences.target
        target = (
            model.target_transform.transform(target) if isinstance(model.target_transform, TargetTransform) else target
        )
    return Sequences(steps, codes, sequences.start, sequences.length, target, sequences.weight)


def sequence_predictions(
    model: nn.Module, features: Features, sequences: Sequences, change: Callable[[Tensor], Tensor] | None = None
) -> np.ndarray:
    """(n_sequences,) numbers, or (n_sequences, n_classes) probabilities.

    Args:
        change: of the raw outputs, before they become answers.
    """
    predictions = []
    for chunk in sequences.inputs.chunks(_sequence_batch_size(model, features, sequences)):
        outputs = predict_outputs(model, chunk)
        predictions.append(predictions_from_outputs(features.task, outputs if change is None else change(outputs)))
    return np.concatenate(predictions)


def _sequence_batch_size(model: nn.Module, features: Features, sequences: Sequences) -> int:
    """Fewer where they are longer than any of the training, to which the model's widths refer."""
    assert features.sequence is not None
    trained_longest, longest = features.sequence.longest, int(sequences.length.max())
    return max(1, prediction_batch_size(model) * trained_longest // max(trained_longest, longest))


@dataclass(frozen=True)
class Windows:
    """
    Attributes:
        steps: (n_steps, n_channels) float32: the target with its gaps filled, the covariates, the waves; NaN for a
            gap of a covariate.
        truth: (n_steps,) float32: the target, NaN where there is none.
        origin: (n_windows,) int64: the step of each window's first target.
        n_future: so many of the last channels are known of steps to come.
        tells: whether a training may show the model its targets, for teacher forcing.
    """

    steps: Tensor
    truth: Tensor
    origin: Tensor
    length: int
    horizon: int
    n_future: int
    teacher_forcing: bool = False
    weight: None = None

    @property
    def n_rows(self) -> int:
        return len(self.origin)

    @property
    def has_gaps(self) -> bool:
        """Whether some step has no value to foretell."""
        return not bool(self.truth.isfinite().all())

    @property
    def device(self) -> torch.device:
        return self.origin.device

    @property
    def target(self) -> Tensor:
        """(n_windows, horizon)."""
        return self._strip(self.truth.unsqueeze(1), self.horizon).index_select(0, self.origin).squeeze(2)

    @property
    def inputs(self) -> StoredInputs:
        """Past and future, so many windows at a time; never the targets."""
        without_targets = replace(self, teacher_forcing=False)
        return StoredInputs(lambda blocks: without_targets.pick(row_numbers(blocks).to(self.device)), self.n_rows)

    def to(self, device: torch.device) -> "Windows":
        parts = (self.steps.to(device), self.truth.to(device), self.origin.to(device))
        return Windows(*parts, self.length, self.horizon, self.n_future, self.teacher_forcing)

    def pick(self, indices: Tensor) -> Rows:
        """The windows at some places: past (n, length, n_channels), future (n, horizon, n_future), their targets."""
        origin = self.origin.index_select(0, indices)
        past = self._strip(self.steps, self.length).index_select(0, origin - self.length)
        future_channels = self.steps[:, self.steps.shape[1] - self.n_future :]
        future = self._strip(future_channels, self.horizon).index_select(0, origin)
        target = self._strip(self.truth.unsqueeze(1), self.horizon).index_select(0, origin).squeeze(2)
        return Rows((past, future, target) if self.teacher_forcing else (past, future), target)

    def whole(self) -> Rows:
        """All of them, for a batch that holds all."""
        return self.pick(torch.arange(self.n_rows, device=self.device))

    @staticmethod
    def _strip(steps: Tensor, width: int) -> Tensor:
        """(n_steps - width + 1, width, n): each row the steps from one on, in the memory of the steps."""
        by_step, by_channel = steps.stride()
        size = (max(0, len(steps) - width + 1), width, steps.shape[1])
        return steps.as_strided(size, (by_step, by_step, by_channel), steps.storage_offset())


def build_windows(arrays: dict[str, np.ndarray], features: SeriesFeatures) -> Windows:
    """The arrays of a part, as split wrote them."""
    steps = np.concatenate([arrays["value"][:, None], arrays["covariates"]], axis=1)
    series_schema = features.series_schema
    return Windows(
        torch.from_numpy(steps),
        torch.from_numpy(arrays["target"]),
        torch.from_numpy(arrays["origin"]),
        series_schema.length,
        series_schema.horizon,
        features.n_future,
    )


def preprocess_windows(model: nn.Module, windows: Windows) -> Windows:
    """The steps in the network's units: once, not in every batch."""
    assert isinstance(model, Forecaster)
    with torch.no_grad():
        steps, truth = model.preprocessor.steps(windows.steps), model.target_transform.transform(windows.truth)
    return replace(windows, steps=steps, truth=truth, teacher_forcing=model.network.wants_truth)
