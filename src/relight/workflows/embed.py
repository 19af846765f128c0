"""embed: records → the points that a similarity model gives them, for a search of one's own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import torch

from relight.domain.description import FORMAT, Description
from relight.domain.devices import compute_the_same_each_time
from relight.domain.models.building import build_model
from relight.domain.models.tower import Pairs
from relight.domain.pair_cleaning import clean_records, record_kinds
from relight.domain.pair_encoding import encode_records
from relight.domain.predicting import rows_at_once, set_mode
from relight.errors import InputError
from relight.io.answers_place import assert_can_hold_answers
from relight.io.artifacts import read_format
from relight.io.atomic import write_parts
from relight.io.checkpoints import load_weights
from relight.io.parquet import cut
from relight.io.source import Table


def embed(table: Path, *, models: Path, output: Path) -> str:
    """Write the point of each record, in the order of the table; returns what to tell the person.

    The Euclidean distance of two points is the distance of the two records.

    Args:
        table: records whose columns have no prefix, or that of a side of the pairs.

    Raises:
        InputError: for a model of another task, missing columns, values that do not fit, or a damaged model.
    """
    assert_can_hold_answers(output, table)
    known = read_format(models / "model.json", Description, FORMAT)
    if known.features.pairs is None:
        raise InputError(f"embed: the model must be one of similarity, however: {known.features.task}")
    compute_the_same_each_time(known.threads)
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    assert isinstance(model, Pairs)
    load_weights(models / "model.pth", model)
    counts: list[int] = []
    write_parts(output, _lines(table, known, model, counts))
    return f"{output}: {sum(counts)} embeddings of {model.body.tower.d_widest} numbers\n"


def _lines(table: Path, known: Description, model: Pairs, counts: list[int]) -> Iterator[bytes]:
    """As CSV, chunk by chunk."""
    assert known.features.pairs
    for raw in cut(Table(table).frames({}), rows_at_once(model)):
        prefix = _prefix(raw, known)
        records = clean_records(raw, known.features, prefix, str(table), 1 + sum(counts))
        points = _points(model, encode_records(records, known.features, known.features.pairs.texts))
        columns = {f"e{place}": points[:, place] for place in range(points.shape[1])}
        yield pl.DataFrame(columns).write_csv(include_header=not counts).encode()
        counts.append(raw.height)


def _prefix(raw: pl.DataFrame, known: Description) -> str:
    """Of the columns of the records: none, or that of the left or the right side; the one that is there most often."""
    assert known.features.pairs
    names = list(record_kinds(known.features))
    prefixes = ("", known.features.pairs.left, known.features.pairs.right)
    return max(prefixes, key=lambda prefix: sum(prefix + name in raw.columns for name in names))


def _points(model: Pairs, arrays: dict[str, np.ndarray]) -> np.ndarray:
    set_mode(model, training=False)
    with torch.inference_mode():
        inputs = (torch.from_numpy(arrays[part]) for part in ("numeric", "categories", "letters"))
        points: np.ndarray = model.points(*inputs).numpy()
    return points
