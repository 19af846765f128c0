"""export: the saved model → one file that answers without Relight, checked before it is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import torch
from torch import nn
from torch.export import ExportedProgram

from relight.domain.description import FORMAT, Description
from relight.domain.devices import compute_the_same_each_time
from relight.domain.encoding import Encoded, encode
from relight.domain.exporting import Answering, FromColumns, program_from_columns, program_from_tensors
from relight.domain.exporting_pairs import (
    OUTPUTS,
    AnsweringPairs,
    PairsFromColumns,
    program_of_columns_of_pairs,
    program_of_pairs,
)
from relight.domain.exporting_sequences import AnsweringSequences, program_of_sequences
from relight.domain.exporting_series import Foretelling, program_of_forecast
from relight.domain.features import Features
from relight.domain.feeding import Facts, facts_of_sequences, facts_of_series, feeds, inputs_of, properties_of
from relight.domain.models.building import build_model
from relight.domain.models.forecaster import Forecaster
from relight.domain.models.tower import Pairs
from relight.domain.pair_cleaning import record_kinds
from relight.domain.pair_encoding import encode_sides, one_side
from relight.domain.pair_feeding import facts_of_pairs, pair_columns, pair_feeds
from relight.domain.pair_inputs import pair_inputs
from relight.domain.predicting import predict
from relight.domain.series_features import SeriesFeatures
from relight.domain.trial_pairs import trial_pairs
from relight.domain.trial_rows import trial_rows
from relight.domain.trial_sequences import real_sequences, trial_sequences
from relight.domain.trial_windows import real_windows, trial_windows, windows_of_model
from relight.errors import InputError, RunError
from relight.io.artifacts import json_text, read_format
from relight.io.atomic import write_bytes
from relight.io.checkpoints import load_weights
from relight.io.onnx_files import onnx_bytes, run_onnx
from relight.io.parquet import parquet_frames, parquet_schema, read_parquet
from relight.io.pt2_files import pt2_bytes, run_pt2
from relight.io.tensors import read_tensors

ExportFormat = Literal["onnx", "pt2"]

MOST_DIFFERENT = 1e-4  # of the largest answer
REAL_ROWS = 1000  # at most; beside the made-up ones
REAL_SEQUENCES = 100  # each has many steps


class _Exported(NamedTuple):
    """
    Attributes:
        answers, expected: of the file, and of the model.
    """

    content: bytes
    answers: np.ndarray
    expected: np.ndarray


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
    compute_the_same_each_time(known.threads)
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(models / "model.pth", model)
    if isinstance(model, Forecaster):
        exported = _forecast(form, model, known.features, prepared, validation)
    elif isinstance(model, Pairs):
        exported = _pairs(form, model, known, prepared, validation)
    elif known.features.sequence is not None:
        exported = _sequences(form, model, known.features, validation)
    else:
        exported = _table(form, model, known.features, prepared, validation)
    difference = _largest_difference(exported)
    if not difference <= MOST_DIFFERENT:  # nor where it is NaN
        raise RunError(
            f"{place}: the file must answer as the model does, to {MOST_DIFFERENT:g} of the largest answer, "
            f"however: {difference:.2g}; nothing was written"
        )
    write_bytes(place, exported.content)
    what = "windows" if known.features.series else "sequences" if known.features.sequence else "rows"
    what = "pairs" if known.features.pairs else what
    n = len(exported.answers)
    return f"{place}: answers {n} {what} as the model does; the largest difference is {difference:.1g}\n"


def _check_place(place: Path, form: ExportFormat) -> None:
    """Before any work."""
    if place.suffix != f".{form}":
        raise InputError(f"{place}: must end in .{form}; name such a file with -o")
    if not place.parent.is_dir():
        raise InputError(f"{place}: cannot be written: there is no folder {place.parent}; make it first")


def _rows(answering: Answering, features: Features, prepared: Path, validation: Path) -> pl.DataFrame:
    """Clean rows to compare: of the pipeline's own table, too, where it is there and is the one of this model."""
    made_up = trial_rows(features, gaps=answering.has_front)  # without a front no gap can be read
    rows = _with_real_rows(made_up, prepared, validation)
    return rows if answering.has_front else rows.drop_nulls()


def _with_real_rows(made_up: pl.DataFrame, prepared: Path, validation: Path) -> pl.DataFrame:
    if not (prepared.is_file() and validation.is_file()):
        return made_up
    kinds = parquet_schema(prepared)
    if any(kinds.get(name) != kind for name, kind in made_up.schema.items()):
        return made_up
    real = _real_rows(prepared, made_up.columns, read_tensors(validation)["row"][:REAL_ROWS])
    return pl.concat([made_up, *real])


def _real_rows(prepared: Path, names: list[str], places: np.ndarray) -> Iterator[pl.DataFrame]:
    """The rows at some places of the table, whatever its size."""
    start = 0
    for part in parquet_frames(prepared):
        inside = places[(places >= start) & (places < start + part.height)] - start
        yield part.select(names)[inside]
        start += part.height


def _table(form: ExportFormat, model: nn.Module, features: Features, prepared: Path, validation: Path) -> _Exported:
    answering = Answering(model, features).eval()
    rows = _rows(answering, features, prepared, validation)
    encoded = encode(rows, features)
    content, answers = _onnx(answering, features, rows) if form == "onnx" else _pt2(answering, features, encoded)
    return _Exported(content, answers, _answers(answering, *encoded))


def _onnx(answering: Answering, features: Features, rows: pl.DataFrame) -> tuple[bytes, np.ndarray]:
    columns = {column.name: column.levels if column.kind == "category" else None for column in inputs_of(features)}
    program = program_from_columns(FromColumns(answering, features))
    content = onnx_bytes(program, columns, features.classes, properties_of(features))
    answers, *_label = run_onnx(content, feeds(rows, inputs_of(features))).values()
    return content, answers


def _pt2(answering: Answering, features: Features, encoded: Encoded) -> tuple[bytes, np.ndarray]:
    names = {"numeric": [feature.name for feature in features.numeric]}
    levels = {"categories": [feature.model_dump() for feature in features.categorical]}
    about = json_text({**properties_of(features), **names, **levels})
    content = pt2_bytes(program_from_tensors(answering, features), about)
    return content, run_pt2(content, *encoded)[0]


def _forecast(form: ExportFormat, model: Forecaster, features: Features, prepared: Path, validation: Path) -> _Exported:
    described = model.features
    inputs = _joined(trial_windows(described), _real_windows(described, prepared, validation))
    program = program_of_forecast(Foretelling(model).eval())
    content, answers = _by_name(form, program, inputs, features, facts_of_series(features))
    return _Exported(content, answers, _answers(model.eval(), *windows_of_model(inputs, described)))


def _real_windows(described: SeriesFeatures, prepared: Path, validation: Path) -> dict[str, np.ndarray] | None:
    """Of the pipeline's own series, where they are there and are those of this model."""
    if not (prepared.is_file() and validation.is_file()):
        return None
    arrays, kind = read_tensors(validation), parquet_schema(prepared).get(described.known.time)
    if kind is None or (kind == pl.Float64) != (described.known.frequency.unit == "number"):
        return None
    times = read_parquet(prepared)[described.known.time]
    fits = "row" in arrays and "covariates" in arrays and arrays["covariates"].shape[1] == described.n_channels - 1
    if not fits or not len(arrays["origin"]) or arrays["row"].max() >= len(times):
        return None
    return real_windows(arrays, times, described, REAL_ROWS)


def _sequences(form: ExportFormat, model: nn.Module, features: Features, validation: Path) -> _Exported:
    arrays = read_tensors(validation) if validation.is_file() else {}
    real = real_sequences(arrays, features, REAL_SEQUENCES) if "start" in arrays else None
    inputs = _joined(trial_sequences(features), real)
    answering = AnsweringSequences(model, features).eval()
    program = program_of_sequences(answering, features)
    content, answers = _by_name(form, program, inputs, features, facts_of_sequences(features))
    with torch.inference_mode():
        expected = answering(**{name: torch.from_numpy(values) for name, values in inputs.items()}).numpy()
    return _Exported(content, answers, expected)


def _pairs(form: ExportFormat, model: Pairs, known: Description, prepared: Path, validation: Path) -> _Exported:
    features, scale = known.features, known.similarity
    assert features.pairs
    assert scale
    table = _with_real_rows(trial_pairs(features), prepared, validation)
    names = list(record_kinds(features))
    left, right = (one_side(table, prefix, names) for prefix in (features.pairs.left, features.pairs.right))
    arrays = encode_sides(left, right, features, features.pairs.texts)
    answering, facts = AnsweringPairs(model, scale).eval(), facts_of_pairs(features, scale)
    if form == "pt2":
        content = pt2_bytes(program_of_pairs(answering, features), json_text(facts))
        said = run_pt2(content, **{name: values for name, values in arrays.items() if values.shape[1]})
    else:
        program = program_of_columns_of_pairs(PairsFromColumns(answering, features))
        content = onnx_bytes(program, pair_columns(features), features.classes, facts, OUTPUTS)
        said = list(run_onnx(content, pair_feeds(table, features)).values())
    distance = predict(model, pair_inputs(arrays)).numpy()
    expected = np.stack([distance.reshape(-1), scale.similarity(distance)], axis=1)
    return _Exported(content, np.stack(said[:2], axis=1), expected)


def _joined(made_up: dict[str, np.ndarray], real: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    if real is None:
        return made_up
    return {name: np.concatenate([values, real[name]]) for name, values in made_up.items()}


def _by_name(
    form: ExportFormat, program: ExportedProgram, inputs: dict[str, np.ndarray], features: Features, facts: Facts
) -> tuple[bytes, np.ndarray]:
    """The file of a program whose inputs have names, and its answers."""
    if form == "pt2":
        content = pt2_bytes(program, json_text(facts))
        return content, run_pt2(content, **inputs)[0]
    content = onnx_bytes(program, dict.fromkeys(inputs), features.classes, facts)
    answers, *_label = run_onnx(content, inputs).values()
    return content, answers


def _answers(model: nn.Module, *inputs: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        answers: np.ndarray = model(*map(torch.from_numpy, inputs)).numpy()
    return answers


def _largest_difference(exported: _Exported) -> float:
    """Between the answers of the file and of the model, relative to the model's largest."""
    largest = np.abs(exported.expected).max()
    return float(np.abs(exported.answers - exported.expected).max() / (largest or 1.0))
