"""Torch.export programs, answers compared."""

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
from relight.export.feeds import ExportMetadata
from relight.export.file_formats import onnx_bytes, pt2_bytes, run_onnx, run_pt2
from relight.runtime.files import json_text

N_TRACED_ROWS = 2  # one row would make the batch look like a constant
KEPT_NODE_METADATA = (
    "val",
)  # of what a traced node carries: its shape; the rest names files and addresses of this machine
ExportFormat = Literal["onnx", "pt2"]
MAX_RELATIVE_DIFFERENCE = 1e-4  # of the largest answer
N_REAL_ROWS = 1000  # at most; beside the made-up ones
N_REAL_SEQUENCES = 100  # each has many steps


def program_with_named_inputs(
    model: nn.Module, inputs: dict[str, Tensor], free: dict[str, tuple[str, ...]]
) -> ExportedProgram:
    """The graph of a model whose inputs have names.

    Args:
        inputs: examples of them.
        free: of each input the names of its first dimensions, which may have any size.
    """
    sizes = {name: Dim(name) for names in free.values() for name in names}
    return export_program(model, (), {name: {k: sizes[d] for k, d in enumerate(free[name])} for name in inputs}, inputs)


def export_program(
    model: nn.Module, example: tuple[object, ...], rows: object, named: dict[str, Tensor] | None = None
) -> ExportedProgram:
    """The graph of a model.

    Args:
        rows: for each example, which of its dimensions have any size; as `torch.export` takes them.
        named: examples of the inputs that have names.
    """
    # strict: the authors' attention says `len(q)`, a number that a plain trace would keep as a constant
    program = torch.export.export(model.eval(), example, named, dynamic_shapes=rows, strict=True)  # type: ignore[arg-type]
    program.example_inputs = None  # they would be a pickle inside the file
    for node in program.graph.nodes:
        node.meta = {key: value for key, value in node.meta.items() if key in KEPT_NODE_METADATA}
    return program


class _Exported(NamedTuple):
    """
    Attributes:
        answers, expected: of the file, and of the model.
    """

    content: bytes
    predictions: np.ndarray
    expected: np.ndarray


def _with_real_rows(made_up: pl.DataFrame, prepared: Path, validation: Path) -> pl.DataFrame:
    if not (prepared.is_file() and validation.is_file()):
        return made_up
    kinds = parquet_schema(prepared)
    if any(kinds.get(name) != kind for name, kind in made_up.schema.items()):
        return made_up
    real = _real_rows(prepared, made_up.columns, read_tensors(validation)["row"][:N_REAL_ROWS])
    return pl.concat([made_up, *real])


def _real_rows(prepared: Path, names: list[str], indices: np.ndarray) -> Iterator[pl.DataFrame]:
    """The rows at some places of the table, whatever its size."""
    start = 0
    for part in parquet_frames(prepared):
        inside = indices[(indices >= start) & (indices < start + part.height)] - start
        yield part.select(names)[inside]
        start += part.height


def _concatenated(made_up: dict[str, np.ndarray], real: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    if real is None:
        return made_up
    return {name: np.concatenate([values, real[name]]) for name, values in made_up.items()}


def _export_named(
    export_format: ExportFormat,
    program: ExportedProgram,
    inputs: dict[str, np.ndarray],
    features: Features,
    facts: ExportMetadata,
) -> tuple[bytes, np.ndarray]:
    """The file of a program whose inputs have names, and its answers."""
    if export_format == "pt2":
        content = pt2_bytes(program, json_text(facts))
        return content, run_pt2(content, **inputs)[0]
    content = onnx_bytes(program, dict.fromkeys(inputs), features.classes, facts)
    answers, *_label = run_onnx(content, inputs).values()
    return content, answers


def _model_predictions(model: nn.Module, *inputs: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        answers: np.ndarray = model(*map(torch.from_numpy, inputs)).numpy()
    return answers


def _largest_difference(exported: _Exported) -> float:
    """Between the answers of the file and of the model, relative to the model's largest."""
    largest = np.abs(exported.expected).max()
    return float(np.abs(exported.predictions - exported.expected).max() / (largest or 1.0))
