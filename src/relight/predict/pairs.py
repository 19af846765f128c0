"""Scoring pairs, embedding records.

New pairs, or new records, cleaned as those of the train rows were.

embed: records → the points that a similarity model gives them, for a search of one's own.

predict, for a table of pairs: how far apart they are, how similar, and whether they are alike.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import torch

from relight.data.features import Features, record_kinds
from relight.data.parquet import rechunk
from relight.errors import ColumnError, InputError
from relight.model.build import build_model
from relight.model.devices import make_deterministic
from relight.model.inference import predict_outputs, prediction_batch_size, set_training_mode
from relight.model.networks.tower import SiameseModel
from relight.model.pairs import pair_input_tensors
from relight.model.saved_model import MODEL_FORMAT, Description, load_weights
from relight.model.similarity import pair_predictions
from relight.predict.table import assert_can_write_predictions
from relight.prepare.columns import clean_as_kind
from relight.prepare.source import SourceTable
from relight.runtime.files import read_format, write_parts
from relight.runtime.messages import did_you_mean, pluralize
from relight.split.pairs import encode_records, encode_sides


def clean_records(
    raw: pl.DataFrame, features: Features, prefix: str, source_name: str, first_row: int = 1
) -> pl.DataFrame:
    """The columns of one side of a table, clean and without their prefix; other columns are left out.

    Args:
        prefix: of the side; "" where the columns have none.
        where: stands for the table in messages.

    Raises:
        InputError: with all columns that are missing or hold what does not fit.
    """
    problems, cleaned = [], []
    for name, kind in record_kinds(features).items():
        full = prefix + name
        try:
            if full in raw.columns:
                cleaned.append(clean_as_kind(kind, raw[full], first_row).alias(name))
            else:
                problems.append(f"{source_name}: column '{full}' is missing{did_you_mean(full, raw.columns)}")
        except ColumnError as unclean:
            problems.append(f"{source_name}: column '{full}' {unclean}")
    if problems:
        raise InputError(*problems)
    return pl.DataFrame(cleaned)


def embed(table: Path, *, models: Path, output: Path) -> str:
    """Write the point of each record, in the order of the table; returns what to tell the person.

    The Euclidean distance of two points is the distance of the two records.

    Args:
        table: records whose columns have no prefix, or that of a side of the pairs.

    Raises:
        InputError: for a model of another task, missing columns, values that do not fit, or a damaged model.
    """
    assert_can_write_predictions(output, table)
    description = read_format(models / "model.json", Description, MODEL_FORMAT)
    if description.features.pairs is None:
        raise InputError(f"embed: the model must be one of similarity, got {description.features.task}")
    make_deterministic(description.threads)
    model = build_model(
        description.model, description.features, target_scale=description.target_scale, seeds=description.seeds
    )
    assert isinstance(model, SiameseModel)
    load_weights(models / "model.pth", model)
    counts: list[int] = []
    write_parts(output, _embedding_lines(table, description, model, counts))
    return f"{output}: {sum(counts)} embeddings of {model.network.tower.d_widest} numbers\n"


def _embedding_lines(table: Path, description: Description, model: SiameseModel, counts: list[int]) -> Iterator[bytes]:
    """As CSV, chunk by chunk."""
    assert description.features.pairs
    for raw in rechunk(SourceTable(table).frames({}), prediction_batch_size(model)):
        prefix = _record_prefix(raw, description)
        records = clean_records(raw, description.features, prefix, str(table), 1 + sum(counts))
        points = _embed(model, encode_records(records, description.features, description.features.pairs.texts))
        columns = {f"e{index}": points[:, index] for index in range(points.shape[1])}
        yield pl.DataFrame(columns).write_csv(include_header=not counts).encode()
        counts.append(raw.height)


def _record_prefix(raw: pl.DataFrame, description: Description) -> str:
    """Of the columns of the records: none, or that of the left or the right side; the one that is there most often."""
    assert description.features.pairs
    names = list(record_kinds(description.features))
    prefixes = ("", description.features.pairs.left, description.features.pairs.right)
    return max(prefixes, key=lambda prefix: sum(prefix + name in raw.columns for name in names))


def _embed(model: SiameseModel, arrays: dict[str, np.ndarray]) -> np.ndarray:
    set_training_mode(model, training=False)
    with torch.inference_mode():
        inputs = (torch.from_numpy(arrays[part]) for part in ("numeric", "categories", "letters"))
        points: np.ndarray = model.embed(*inputs).numpy()
    return points


def predict_pairs(table: Path, description: Description, *, weights: Path, output: Path) -> str:
    """Write one line for each pair, in the order of the table; returns what to tell the person.

    Raises:
        InputError: for missing columns, values that do not fit, or a damaged model.
    """
    counts: list[int] = []
    write_parts(output, _prediction_lines(table, description, weights, counts))
    return f"{output}: {pluralize(sum(counts), 'prediction')} of {description.features.target}\n"


def _prediction_lines(table: Path, description: Description, weights: Path, counts: list[int]) -> Iterator[bytes]:
    """As CSV, chunk by chunk; whole batches of the model, so that a chunk's end changes no last bits."""
    features, scale = description.features, description.distance_calibration
    assert features.pairs
    assert scale
    model = build_model(description.model, features, target_scale=description.target_scale, seeds=description.seeds)
    load_weights(weights, model)
    for raw in rechunk(SourceTable(table).frames({}), prediction_batch_size(model)):
        left, right = _clean_sides(raw, description, str(table), 1 + sum(counts))
        arrays = encode_sides(left, right, features, features.pairs.texts)
        predictions = pair_predictions(features, predict_outputs(model, pair_input_tensors(arrays)).numpy(), scale)
        yield predictions.write_csv(include_header=not counts).encode()
        counts.append(raw.height)


def _clean_sides(
    raw: pl.DataFrame, description: Description, source_name: str, first_row: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """
    Raises:
        InputError: with all that is wrong on both sides.
    """
    assert description.features.pairs
    sides: list[pl.DataFrame] = []
    problems: list[str] = []
    for prefix in (description.features.pairs.left, description.features.pairs.right):
        try:
            sides.append(clean_records(raw, description.features, prefix, source_name, first_row))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return sides[0], sides[1]
