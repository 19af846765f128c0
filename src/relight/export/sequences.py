"""The exported model of sequences: padded steps and their lengths in, predictions out."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from relight.data.features import Features
from relight.data.tensors import read_tensors
from relight.export.feeds import example_rows, sequences_metadata
from relight.export.programs import (
    N_REAL_SEQUENCES,
    Exported,
    ExportFormat,
    concatenate_arrays,
    export_named,
    model_predictions,
    program_with_named_inputs,
)
from relight.export.table import plus_offset
from relight.model.inference import decode_outputs
from relight.model.saved_model import SequenceModel
from relight.split.encoding import encode

N_TRACED_STEPS = 3  # one step would make the length look like a constant
SequenceArrays = dict[str, np.ndarray]


def export_sequences(export_format: ExportFormat, saved: SequenceModel, validation: Path) -> Exported:
    """Return the file of a model of sequences, with its predictions for example and for validation sequences."""
    features, sequence = saved.features, saved.sequence
    arrays = read_tensors(validation) if validation.is_file() else {}
    real = real_sequences(arrays, features, sequence.longest, N_REAL_SEQUENCES) if "start" in arrays else None
    inputs = concatenate_arrays(example_sequences(features, sequence.longest), real)
    exportable = ExportableSequences(saved.model, features).eval()
    program = sequences_program(exportable, features, sequence.longest)
    content, predictions = export_named(export_format, program, inputs, features, sequences_metadata(features))
    return Exported(content, predictions, model_predictions(exportable, **inputs), "sequences")


class ExportableSequences(nn.Module):
    """A model whose outputs are decoded to predictions, float64 if the target has an offset.

    **Shape**
        - lengths: (n,) int64, the steps of each sequence; what follows them in the other inputs may be anything
        - numeric: (n, length, n_numeric) float32, NaN for a gap; None if there is no number
        - categories: (n, length, n_categorical) int32, 0 for a level that train lacks; None if there is none
        - output: (n,) numbers for regression, else (n, n_classes) probabilities
    """

    target_offset: Tensor | None

    def __init__(self, model: nn.Module, features: Features) -> None:
        super().__init__()
        self.model = model
        self.task = features.task
        offset = torch.tensor(features.target_offset, dtype=torch.float64) if features.target_offset else None
        self.register_buffer("target_offset", offset)

    def forward(self, lengths: Tensor, numeric: Tensor | None = None, categories: Tensor | None = None) -> Tensor:
        steps = categories if numeric is None else numeric
        assert steps is not None  # a model without any feature is refused
        n, length, _ = steps.shape
        numbers = torch.zeros(n, length, 0) if numeric is None else numeric
        codes = torch.zeros(n, length, 0, dtype=torch.int32) if categories is None else categories
        return plus_offset(decode_outputs(self.task, self.model(numbers, codes, lengths)), self.target_offset)


def sequences_program(model: ExportableSequences, features: Features, longest: int) -> ExportedProgram:
    """Return the graph, for any number of sequences; an input that the model does not read is left out.

    Their padded length is free unless layers are recurrent: torch fixes the length of such a layer to that of its
    example, so it is that of the longest train sequence.
    """
    is_fixed = any(isinstance(part, nn.RNNBase) for part in model.modules())
    length = longest if is_fixed else N_TRACED_STEPS
    inputs = {"lengths": torch.tensor([length, 1])}
    if features.numeric:
        inputs["numeric"] = torch.zeros(2, length, len(features.numeric))
    if features.categorical:
        inputs["categories"] = torch.zeros(2, length, len(features.categorical), dtype=torch.int32)
    free = ("n_rows",) if is_fixed else ("n_rows", "length")
    return program_with_named_inputs(model, inputs, {name: free[: example.dim()] for name, example in inputs.items()})


def example_sequences(features: Features, longest: int) -> SequenceArrays:
    """Return example steps in sequences of 1, 2, 3 and more steps; the arrays are those of `real_sequences`."""
    encoded = encode(example_rows(features, gaps=True), features)
    n_rows = len(encoded.numeric)
    length: list[int] = []
    while sum(length) < n_rows:
        length.append(min(1 + len(length) % longest, n_rows - sum(length)))
    return _padded(encoded.numeric, encoded.categories, np.array(length), longest)


def real_sequences(
    arrays: dict[str, np.ndarray], features: Features, longest: int, n_most: int
) -> SequenceArrays | None:
    """Return the first sequences of a part that are not longer than the train sequences; None if they do not fit.

    Args:
        arrays: as split wrote them.
        longest: steps of the longest train sequence.
        n_most: at most so many sequences.

    Returns:
        lengths (n,) int64, numeric (n, longest, n_numeric) float32, categories (n, longest, n_categorical) int32;
        what the model does not read is left out.
    """
    numeric, codes = arrays["numeric"], arrays["categories"]
    n_levels = np.array([len(feature.levels) for feature in features.categorical], dtype=np.int64)
    if (numeric.shape[1], codes.shape[1]) != (len(features.numeric), len(n_levels)):
        return None
    kept = np.flatnonzero(arrays["length"] <= longest)[:n_most]
    if not len(kept) or (codes.max(axis=0, initial=0) > n_levels).any():
        return None
    length = arrays["length"][kept]
    steps = np.concatenate(
        [np.arange(start, start + n) for start, n in zip(arrays["start"][kept], length, strict=True)]
    )
    return _padded(numeric[steps], codes[steps], length, longest)


def _padded(numeric: np.ndarray, codes: np.ndarray, length: np.ndarray, longest: int) -> SequenceArrays:
    """Return one row for each sequence of steps that lie one after the other, padded with zeros."""
    real = np.arange(longest) < length[:, None]
    inputs = {"lengths": length.astype(np.int64)}
    for name, steps in (("numeric", numeric), ("categories", codes)):
        if steps.shape[1]:
            inputs[name] = np.zeros((*real.shape, steps.shape[1]), dtype=steps.dtype)
            inputs[name][real] = steps
    return inputs
