"""The module that is exported of a model of sequences: padded steps and their lengths in, answers out."""

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from relight.domain.answers import answer_tensor
from relight.domain.exporting import program_by_name
from relight.domain.features import Features

EXAMPLE_STEPS = 3  # one step would make the length look like a constant


class AnsweringSequences(nn.Module):
    """A model and what its outputs mean.

    **Shape**
        - lengths: (n,) int64, the real steps of each sequence; what follows them in the others may be anything
        - numeric: (n, length, n_numeric) float32, NaN for a gap; None where there is no number
        - categories: (n, length, n_categorical) int32, 0 for a gap or an unknown level; None where there is none
        - output: (n,) numbers for regression, else (n, n_classes) probabilities
    """

    def __init__(self, model: nn.Module, features: Features) -> None:
        super().__init__()
        self.model = model
        self.task = features.task

    def forward(self, lengths: Tensor, numeric: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        there = categories if numeric is None else numeric
        assert there is not None  # a model without any feature is refused
        n, length, _ = there.shape
        numbers = torch.zeros(n, length, 0) if numeric is None else numeric
        codes = torch.zeros(n, length, 0, dtype=torch.int32) if categories is None else categories
        return answer_tensor(self.task, self.model(numbers, codes, lengths))


def program_of_sequences(model: AnsweringSequences, features: Features) -> ExportedProgram:
    """The graph, for any number of sequences; an input that the model does not read is left out.

    Their padded length is free, but where layers are recurrent: torch keeps such a layer with the length of its
    example, which is that of the longest train sequence.
    """
    assert features.sequence is not None
    is_fixed = any(isinstance(part, nn.RNNBase) for part in model.modules())
    length = features.sequence.longest if is_fixed else EXAMPLE_STEPS
    inputs = {"lengths": torch.tensor([length, 1])}
    if features.numeric:
        inputs["numeric"] = torch.zeros(2, length, len(features.numeric))
    if features.categorical:
        inputs["categories"] = torch.zeros(2, length, len(features.categorical), dtype=torch.int32)
    free = ("n_rows",) if is_fixed else ("n_rows", "length")
    return program_by_name(model, inputs, {name: free[: example.dim()] for name, example in inputs.items()})
