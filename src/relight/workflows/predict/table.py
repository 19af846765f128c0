"""predict, for a table of independent rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from torch import nn

from relight.domain.answers import answers
from relight.domain.columns import UncleanError, clean_as
from relight.domain.counted import counted
from relight.domain.description import Description
from relight.domain.encoding import encode
from relight.domain.features import Features
from relight.domain.models.building import build_model
from relight.domain.naming import did_you_mean
from relight.domain.predicting import predict as outputs_of
from relight.domain.predicting import rows_at_once
from relight.domain.rows import inputs_for
from relight.domain.schema import Kind
from relight.domain.surprises import Surprises
from relight.errors import InputError
from relight.io.atomic import write_parts
from relight.io.checkpoints import load_weights
from relight.io.parquet import cut
from relight.io.source import Table

CHUNK_ROWS = 65_536


def predict_table(table: Path, known: Description, *, weights: Path, output: Path) -> str:
    """Write one prediction for each row, in the order of the table; returns what to tell the person.

    A table larger than memory passes through in chunks.

    Raises:
        InputError: for missing columns, values that do not fit, or a damaged model.
    """
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(weights, model)
    surprises = Surprises(known.features)
    write_parts(output, _answer_lines(table, known.features, model, surprises))
    what = f"{counted(surprises.n_rows, 'prediction')} of {known.features.target}"
    return f"{output}: {what}{surprises.sentences()}\n"


def _answer_lines(table: Path, features: Features, model: nn.Module, surprises: Surprises) -> Iterator[bytes]:
    """The answers as CSV, chunk by chunk."""
    for rows in clean_chunks(table, features, chunk_rows(model)):
        encoded = encode(rows, features)
        said = answers(features.task, outputs_of(model, inputs_for(model, *encoded, str(table))))
        check_finite(said, table, surprises.n_rows)
        lines = answer_table(features, said).write_csv(include_header=surprises.n_rows == 0)
        surprises.add(encoded)
        yield lines.encode()


def chunk_rows(model: nn.Module) -> int:
    """Whole batches of the model, so that a chunk's end changes no answer's last bits."""
    batch = rows_at_once(model)
    return batch * max(1, CHUNK_ROWS // batch)


def clean_chunks(table: Path, features: Features, n_rows: int) -> Iterator[pl.DataFrame]:
    """The model's columns of a table, and the query's, cleaned as the train rows were; others are left out."""
    first_row = 1
    for raw in cut(Table(table).frames({}), n_rows):
        yield clean_rows(table, raw, features, first_row)
        first_row += raw.height


def clean_rows(table: Path, raw: pl.DataFrame, features: Features, first_row: int) -> pl.DataFrame:
    """The model's columns of some rows, and the query's."""
    kinds = _kinds(features)
    problems = [
        f"{table}: column '{name}' is missing{did_you_mean(name, raw.columns, list(kinds))}"
        for name in kinds
        if name not in raw.columns
    ]
    cleaned = []
    for name, kind in kinds.items():
        try:
            cleaned += [clean_as(kind, raw[name], first_row).alias(name)] if name in raw.columns else []
        except UncleanError as unclean:
            problems.append(f"{table}: column '{name}' {unclean}")
    if problems:
        raise InputError(*problems)
    return pl.DataFrame(cleaned)


def _kinds(features: Features) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {feature.column: feature.kind for feature in features.numeric}
    kinds |= {feature.name: "categorical" for feature in features.categorical}
    return kinds if features.query is None else {**kinds, features.query: "ignored"}


def check_finite(said: np.ndarray, table: Path, n_before: int) -> None:
    """
    Raises:
        InputError: with the row of the first answer that is none.
    """
    wrong = np.flatnonzero(~np.isfinite(said.reshape(len(said), -1)).all(axis=1))
    if len(wrong):
        raise InputError(
            f"{table}: row {n_before + wrong[0] + 1}: the model's answer is not a finite number; "
            "are its values far beyond those of the train rows?"
        )


def answer_table(features: Features, said: np.ndarray) -> pl.DataFrame:
    if features.classes is None:
        return pl.DataFrame({"prediction": said})
    labels = np.array(features.classes)[said.argmax(axis=1)]
    shares = {f"probability_{label}": said[:, k] for k, label in enumerate(features.classes)}
    return pl.DataFrame({"prediction": labels, **shares})
