"""Sequences of unequal length as a training takes them: their steps lie in memory one after the other, and are padded
batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from relight.domain.back import Back
from relight.domain.fitted import Fitted
from relight.domain.predicting import rows_at_once
from relight.domain.rows import Arrays, Rows


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

    def pick(self, places: Tensor) -> Rows:
        """The sequences at some places, in that order, padded with zeros to the longest of them.

        Their inputs are steps (n, longest, d), codes (n, longest, k) and lengths (n,).
        """
        length = self.length.index_select(0, places)
        within = torch.arange(int(length.max()), device=length.device)
        padding = within >= length.unsqueeze(1)  # (n, longest)
        taken = (self.start.index_select(0, places).unsqueeze(1) + within).masked_fill_(padding, 0)
        padded = (self._padded(part, taken, padding) for part in (self.steps, self.codes))
        weight = None if self.weight is None else self.weight.index_select(0, places)
        return Rows((*padded, length), self.target.index_select(0, places), weight)

    def whole(self) -> Rows:
        """All of them, padded: for a batch that holds all."""
        return self.pick(torch.arange(len(self.start), device=self.start.device))

    @staticmethod
    def _padded(part: Tensor, taken: Tensor, padding: Tensor) -> Tensor:
        found = part.index_select(0, taken.flatten()).reshape(*taken.shape, part.shape[1])
        return found.masked_fill_(padding.unsqueeze(2), 0)


@dataclass(frozen=True)
class SequenceInputs:
    """Stands where the inputs of rows stand."""

    sequences: Sequences

    def chunks(self, at_once: int) -> Iterator[tuple[Tensor, ...]]:
        """So many sequences at a time, in order, padded when they are asked for."""
        places = torch.arange(len(self.sequences.start), device=self.sequences.start.device)
        for some in torch.split(places, at_once):
            yield self.sequences.pick(some).inputs


def sequences_of(arrays: Arrays) -> Sequences:
    """The arrays of one part as split wrote them."""
    weight = arrays.get("weight")
    steps, codes, start, length, target = (
        torch.from_numpy(arrays[name]) for name in ("numeric", "categories", "start", "length", "target")
    )
    return Sequences(steps, codes, start, length, target, None if weight is None else torch.from_numpy(weight))


def as_trainee_sees_sequences(model: nn.Module, sequences: Sequences) -> Sequences:
    """The steps after the front, the target on the network's scale: once, not in every step."""
    assert isinstance(model, Fitted)
    at_once = rows_at_once(model.front)
    with torch.no_grad():
        chunks = zip(torch.split(sequences.steps, at_once), torch.split(sequences.codes, at_once), strict=True)
        steps, codes = (torch.cat(parts) for parts in zip(*(model.front(*chunk) for chunk in chunks), strict=True))
        target = sequences.target
        target = model.back.to_network(target) if isinstance(model.back, Back) else target
    return Sequences(steps, codes, sequences.start, sequences.length, target, sequences.weight)
