"""predict, for a table of pairs: how far apart they are, how similar, and whether they are alike."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from relight.domain.counted import counted
from relight.domain.description import Description
from relight.domain.models.building import build_model
from relight.domain.pair_cleaning import clean_records
from relight.domain.pair_encoding import encode_sides
from relight.domain.pair_inputs import pair_inputs
from relight.domain.pair_judging import pair_predictions
from relight.domain.predicting import predict, rows_at_once
from relight.errors import InputError
from relight.io.atomic import write_parts
from relight.io.checkpoints import load_weights
from relight.io.parquet import cut
from relight.io.source import Table


def predict_pairs(table: Path, known: Description, *, weights: Path, output: Path) -> str:
    """Write one line for each pair, in the order of the table; returns what to tell the person.

    Raises:
        InputError: for missing columns, values that do not fit, or a damaged model.
    """
    counts: list[int] = []
    write_parts(output, _lines(table, known, weights, counts))
    return f"{output}: {counted(sum(counts), 'prediction')} of {known.features.target}\n"


def _lines(table: Path, known: Description, weights: Path, counts: list[int]) -> Iterator[bytes]:
    """As CSV, chunk by chunk; whole batches of the model, so that a chunk's end changes no last bits."""
    features, scale = known.features, known.similarity
    assert features.pairs
    assert scale
    model = build_model(known.model, features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(weights, model)
    for raw in cut(Table(table).frames({}), rows_at_once(model)):
        left, right = _sides(raw, known, str(table), 1 + sum(counts))
        arrays = encode_sides(left, right, features, features.pairs.texts)
        said = pair_predictions(features, predict(model, pair_inputs(arrays)).numpy(), scale)
        yield said.write_csv(include_header=not counts).encode()
        counts.append(raw.height)


def _sides(raw: pl.DataFrame, known: Description, where: str, first_row: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """
    Raises:
        InputError: with all that is wrong on both sides.
    """
    assert known.features.pairs
    sides: list[pl.DataFrame] = []
    problems: list[str] = []
    for prefix in (known.features.pairs.left, known.features.pairs.right):
        try:
            sides.append(clean_records(raw, known.features, prefix, where, first_row))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return sides[0], sides[1]
