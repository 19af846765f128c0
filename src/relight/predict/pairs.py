"""Prediction for pairs: distance, similarity and label of each pair; and the embedding of each record."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import torch

from relight.data.features import Features, record_kinds
from relight.data.pair_names import side_column
from relight.data.parquet import rechunk
from relight.errors import ColumnError, InputError
from relight.model.devices import make_deterministic
from relight.model.inference import predict_outputs, prediction_batch_size, set_training_mode
from relight.model.networks.tower import SiameseModel
from relight.model.pairs import comparable_columns, pair_input_tensors, pair_predictions
from relight.model.saved_model import PairModel, load_model
from relight.predict.new_rows import NewRows, open_table, select_kept, with_kept
from relight.predict.table import Predictions, assert_can_write_predictions
from relight.prepare.columns import clean_as_kind
from relight.runtime.files import write_parts
from relight.runtime.messages import did_you_mean, pluralize
from relight.split.pairs import encode_records, encode_sides


def predict_pairs(rows: NewRows, saved: PairModel, keep: Sequence[str]) -> Predictions:
    """Return one line for each pair, in the order of the table.

    Raises:
        InputError: for missing columns, or values that do not fit.
    """
    counts: list[int] = []
    incomparable: list[int] = []

    def count_text() -> str:
        note = f"; {pluralize(sum(incomparable), 'pair')} with nothing to compare, which is no match"
        return f"{pluralize(sum(counts), 'prediction')} of {saved.features.target}{note if any(incomparable) else ''}"

    return Predictions(_prediction_frames(rows, saved, keep, counts, incomparable), count_text)


def _prediction_frames(
    rows: NewRows, saved: PairModel, keep: Sequence[str], counts: list[int], incomparable: list[int]
) -> Iterator[pl.DataFrame]:
    """Yield whole batches of the model, so that a chunk's end changes no last bits."""
    for raw in rechunk(rows.frames, prediction_batch_size(saved.model)):
        kept = select_kept(raw, keep, rows.name)
        left, right = _clean_sides(rows.plain(raw), saved, rows.name, 1 + sum(counts))
        arrays = encode_sides(left, right, saved.features, saved.pairs.texts)
        distance = predict_outputs(saved.model, pair_input_tensors(arrays)).numpy()
        yield with_kept(kept, pair_predictions(saved.features, distance, saved.calibration))
        counts.append(raw.height)
        incomparable.append(int((comparable_columns(arrays) == 0).sum()))


def _clean_sides(
    raw: pl.DataFrame, saved: PairModel, source_name: str, first_row: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the clean records of both sides.

    Raises:
        InputError: with all that is wrong on both sides.
    """
    sides: list[pl.DataFrame] = []
    problems: list[str] = []
    for prefix in (saved.pairs.left, saved.pairs.right):
        try:
            sides.append(clean_records(raw, saved.features, prefix, source_name, first_row))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return sides[0], sides[1]


def embed(table: Path, *, models: Path, output: Path, project: Path = Path()) -> str:
    """Write the embedding of each record, in the order of the table; return what to tell the person.

    The Euclidean distance of two embeddings is the distance of the two records, if some column is in both; gaps of
    right records (with the prefix of the right side) count against those of left ones.

    Args:
        table: records whose columns have no prefix, or that of a side of the pairs.
        project: the folder below which own code of the model lies.

    Raises:
        InputError: for a model of another task, missing columns, values that do not fit, or a damaged model.
    """
    assert_can_write_predictions(output, table)
    saved = load_model(models, project)
    if not isinstance(saved, PairModel):
        raise InputError(f"embed: the model must be one of similarity, got {saved.features.task}")
    make_deterministic(saved.description.threads)
    counts: list[int] = []
    rows = open_table(table, saved, project)
    write_parts(output, _embedding_lines(rows, saved, counts))
    return f"{output}: {sum(counts)} embeddings of {saved.model.network.tower.d_widest} numbers\n"


def _embedding_lines(rows: NewRows, saved: PairModel, counts: list[int]) -> Iterator[bytes]:
    """Yield CSV for each chunk."""
    for raw in rechunk(rows.frames, prediction_batch_size(saved.model)):
        prefix = _record_prefix(raw, saved)
        records = clean_records(rows.plain(raw), saved.features, prefix, rows.name, 1 + sum(counts))
        arrays = encode_records(records, saved.features, saved.pairs.texts)
        points = _embed(saved.model, arrays, is_right=prefix == saved.pairs.right)
        columns = {f"e{index}": points[:, index] for index in range(points.shape[1])}
        yield pl.DataFrame(columns).write_csv(include_header=not counts).encode()
        counts.append(raw.height)


def _record_prefix(raw: pl.DataFrame, saved: PairModel) -> str:
    """Return which prefix most columns of the records have: none, that of the left, or that of the right side."""
    names = list(record_kinds(saved.features))
    prefixes = ("", saved.pairs.left, saved.pairs.right)
    return max(prefixes, key=lambda prefix: sum(side_column(prefix, name) in raw.columns for name in names))


def _embed(model: SiameseModel, arrays: dict[str, np.ndarray], *, is_right: bool) -> np.ndarray:
    set_training_mode(model, training=False)
    with torch.inference_mode():
        numeric, categories, letters = (torch.from_numpy(arrays[part]) for part in ("numeric", "categories", "letters"))
        points = model.embed(numeric, categories, letters)
        embedded: np.ndarray = (model.network.tower.as_right(points) if is_right else points).numpy()
    return embedded


def clean_records(
    raw: pl.DataFrame, features: Features, prefix: str, source_name: str, first_row: int = 1
) -> pl.DataFrame:
    """Return the columns of one side of a table, clean and without their prefix; other columns are left out.

    Args:
        prefix: of the side; "" if the columns have none.
        source_name: names the table in messages.

    Raises:
        InputError: with all columns that are missing or hold what does not fit.
    """
    problems, cleaned = [], []
    for name, kind in record_kinds(features).items():
        full = side_column(prefix, name)
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
