"""export: the saved model → one file that answers without Relight, checked before it is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import torch

from relight.domain.description import FORMAT, Description
from relight.domain.devices import compute_the_same_each_time
from relight.domain.encoding import Encoded, encode
from relight.domain.exporting import Answering, FromColumns, program_from_columns, program_from_tensors
from relight.domain.features import Features
from relight.domain.feeding import feeds, inputs_of, properties_of
from relight.domain.models.building import build_model
from relight.domain.trial_rows import trial_rows
from relight.errors import InputError, RunError
from relight.io.artifacts import json_text, read_format
from relight.io.atomic import write_bytes
from relight.io.checkpoints import load_weights
from relight.io.onnx_files import onnx_bytes, run_onnx
from relight.io.parquet import parquet_frames, parquet_schema
from relight.io.pt2_files import pt2_bytes, run_pt2
from relight.io.tensors import read_tensors

ExportFormat = Literal["onnx", "pt2"]

MOST_DIFFERENT = 1e-4  # of the largest answer
REAL_ROWS = 1000  # at most; beside the made-up ones


class _Exported(NamedTuple):
    content: bytes
    answers: np.ndarray


def export(form: ExportFormat, *, models: Path, output: Path | None, prepared: Path, validation: Path) -> str:
    """Write the model as one file, with all that it needs to read raw columns; returns what to tell the person.

    Args:
        output: where to; None for `model.onnx` or `model.pt2` beside the model.
        prepared, validation: the table and the rows whose answers are compared, where they are there;
            made-up rows with gaps and unknown categories always are.

    Raises:
        InputError: for a missing or damaged model, or a place where nothing can be written.
        RunError: when the file does not answer as the model does; nothing is written then.
    """
    place = output or models / f"model.{form}"
    _check_place(place, form)
    known = read_format(models / "model.json", Description, FORMAT)
    if known.features.series is not None:
        raise InputError("export: a forecast reads no fixed columns, but the rows before; use `relight predict`")
    if known.features.sequence is not None:
        raise InputError("export: a model of sequences reads no fixed number of columns; use `relight predict`")
    if known.features.pairs is not None:
        raise InputError(
            "export: a tower reads the letters of texts, which a graph cannot; use `relight predict` or `relight embed`"
        )
    compute_the_same_each_time(known.threads)
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(models / "model.pth", model)
    answering = Answering(model, known.features).eval()
    rows = _rows(answering, known.features, prepared, validation)
    encoded = encode(rows, known.features)
    exported = _onnx(answering, known.features, rows) if form == "onnx" else _pt2(answering, known.features, encoded)
    difference = _largest_difference(answering, encoded, exported.answers)
    if not difference <= MOST_DIFFERENT:  # nor where it is NaN
        raise RunError(
            f"{place}: the file must answer as the model does, to {MOST_DIFFERENT:g} of the largest answer, "
            f"however: {difference:.2g}; nothing was written"
        )
    write_bytes(place, exported.content)
    return f"{place}: answers {rows.height} rows as the model does; the largest difference is {difference:.1g}\n"


def _check_place(place: Path, form: ExportFormat) -> None:
    """Before any work."""
    if place.suffix != f".{form}":
        raise InputError(f"{place}: must end in .{form}; name such a file with -o")
    if not place.parent.is_dir():
        raise InputError(f"{place}: cannot be written: there is no folder {place.parent}; make it first")


def _rows(answering: Answering, features: Features, prepared: Path, validation: Path) -> pl.DataFrame:
    """Clean rows to compare: of the pipeline's own table, too, where it is there and is the one of this model."""
    made_up = trial_rows(features, gaps=answering.has_front)  # without a front no gap can be read
    if not (prepared.is_file() and validation.is_file()):
        return made_up
    kinds = parquet_schema(prepared)
    if any(kinds.get(name) != kind for name, kind in made_up.schema.items()):
        return made_up
    real = _real_rows(prepared, made_up.columns, read_tensors(validation)["row"][:REAL_ROWS])
    return pl.concat([made_up, *(real if answering.has_front else (part.drop_nulls() for part in real))])


def _real_rows(prepared: Path, names: list[str], places: np.ndarray) -> Iterator[pl.DataFrame]:
    """The rows at some places of the table, whatever its size."""
    start = 0
    for part in parquet_frames(prepared):
        inside = places[(places >= start) & (places < start + part.height)] - start
        yield part.select(names)[inside]
        start += part.height


def _onnx(answering: Answering, features: Features, rows: pl.DataFrame) -> _Exported:
    columns = {column.name: column.levels if column.kind == "category" else None for column in inputs_of(features)}
    program = program_from_columns(FromColumns(answering, features))
    content = onnx_bytes(program, columns, features.classes, properties_of(features))
    answers, *_label = run_onnx(content, feeds(rows, inputs_of(features))).values()
    return _Exported(content, answers)


def _pt2(answering: Answering, features: Features, encoded: Encoded) -> _Exported:
    names = {"numeric": [feature.name for feature in features.numeric]}
    levels = {"categories": [feature.model_dump() for feature in features.categorical]}
    about = json_text({**properties_of(features), **names, **levels})
    content = pt2_bytes(program_from_tensors(answering, features), about)
    return _Exported(content, run_pt2(content, *encoded))


def _largest_difference(answering: Answering, encoded: Encoded, exported: np.ndarray) -> float:
    """Between the answers of the file and of the model, relative to the model's largest."""
    with torch.inference_mode():
        expected = answering(*map(torch.from_numpy, encoded)).numpy()
    largest = np.abs(expected).max()
    return float(np.abs(exported - expected).max() / (largest or 1.0))
