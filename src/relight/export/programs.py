"""Programs of torch.export, and what every kind of model shares when its predictions are compared with the file's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from relight.data.features import Features
from relight.data.parquet import parquet_frames, parquet_schema
from relight.data.tensors import read_tensors
from relight.errors import RunError
from relight.export.feeds import ExportMetadata
from relight.export.file_formats import onnx_bytes, pt2_bytes, run_onnx, run_pt2
from relight.runtime.files import json_text
from relight.runtime.tracebacks import own_line_in

N_TRACED_ROWS = 2  # one row would make the batch look like a constant
KEPT_NODE_METADATA = ("val",)  # shapes; the other metadata of a traced node names files of this machine
ExportFormat = Literal["onnx", "pt2"]
MAX_RELATIVE_DIFFERENCE = 1e-4  # of the largest prediction
N_REAL_ROWS = 1000  # compared at most, after the examples
N_REAL_SEQUENCES = 100  # each has many steps


def program_with_named_inputs(
    model: nn.Module, inputs: dict[str, Tensor], free: dict[str, tuple[str, ...]]
) -> ExportedProgram:
    """Return the graph of a model whose inputs have names.

    Args:
        inputs: an example of each.
        free: for each input, the names of its first dimensions, which may have any size.
    """
    sizes = {name: Dim(name) for names in free.values() for name in names}
    return export_program(model, (), {name: {k: sizes[d] for k, d in enumerate(free[name])} for name in inputs}, inputs)


def export_program(
    model: nn.Module, example: tuple[object, ...], dynamic_shapes: object, named: dict[str, Tensor] | None = None
) -> ExportedProgram:
    """Return the graph of a model.

    Args:
        example: inputs without names.
        dynamic_shapes: for each input, which of its dimensions may have any size, as `torch.export` takes them.
        named: examples of the inputs that have names.

    Raises:
        RunError: for own code that torch cannot trace, with its file and line.
    """
    try:
        # strict: the authors' attention says `len(q)`, a number that a plain trace would keep as a constant
        program = torch.export.export(model.eval(), example, named, dynamic_shapes=dynamic_shapes, strict=True)  # type: ignore[arg-type]
    except Exception as error:  # torch raises all kinds of errors for code that it cannot trace
        own = own_line_in(str(error), Path())
        if own is None:
            raise
        raise RunError(f"{own}: cannot be exported: {str(error).splitlines()[0][:200]}") from error
    program.example_inputs = None  # it would be a pickle inside the file
    for node in program.graph.nodes:
        node.meta = {key: value for key, value in node.meta.items() if key in KEPT_NODE_METADATA}
    return program


class Exported(NamedTuple):
    """An exported file, and predictions to compare.

    Attributes:
        content: the bytes of the file.
        predictions, expected: of the file, and of the model.
        unit: what is predicted, for messages.
    """

    content: bytes
    predictions: np.ndarray
    expected: np.ndarray
    unit: str


def with_real_rows(examples: pl.DataFrame, prepared: Path, validation: Path) -> pl.DataFrame:
    """Return the example rows, and after them validation rows of the prepared table if it has the same columns."""
    if not (prepared.is_file() and validation.is_file()):
        return examples
    kinds = parquet_schema(prepared)
    if any(kinds.get(name) != kind for name, kind in examples.schema.items()):
        return examples
    real = _real_rows(prepared, examples.columns, read_tensors(validation)["row"][:N_REAL_ROWS])
    return pl.concat([examples, *real])


def _real_rows(prepared: Path, names: list[str], indices: np.ndarray) -> Iterator[pl.DataFrame]:
    """Yield the rows of the table at some indices, whatever its size."""
    start = 0
    for part in parquet_frames(prepared):
        inside = indices[(indices >= start) & (indices < start + part.height)] - start
        yield part.select(names)[inside]
        start += part.height


def concatenate_arrays(examples: dict[str, np.ndarray], real: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """Return the example inputs, and after them the real ones, if there are any."""
    if real is None:
        return examples
    return {name: np.concatenate([values, real[name]]) for name, values in examples.items()}


def export_named(
    export_format: ExportFormat,
    program: ExportedProgram,
    inputs: dict[str, np.ndarray],
    features: Features,
    metadata: ExportMetadata,
) -> tuple[bytes, np.ndarray]:
    """Return the file of a program whose inputs have names, and its predictions."""
    if export_format == "pt2":
        content = pt2_bytes(program, json_text(metadata))
        return content, run_pt2(content, **inputs)[0]
    content = onnx_bytes(program, dict.fromkeys(inputs), features.classes, metadata)
    predictions, *_label = run_onnx(content, inputs).values()
    return content, predictions


def model_predictions(model: nn.Module, *inputs: np.ndarray, **named: np.ndarray) -> np.ndarray:
    """Return the predictions of the model, which the file must give, too."""
    with torch.inference_mode():
        by_name = {name: torch.from_numpy(values) for name, values in named.items()}
        predictions: np.ndarray = model(*map(torch.from_numpy, inputs), **by_name).numpy()
    return predictions


def largest_difference(exported: Exported) -> float:
    """Return the largest difference between file and model, relative to the model's largest prediction."""
    largest = np.abs(exported.expected).max()
    return float(np.abs(exported.predictions - exported.expected).max() / (largest or 1.0))
