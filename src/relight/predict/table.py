"""Predicting tables and rankings.

What the rows of a new table hold that no train row did, counted while they pass by.

Where answers go: looked at before any work, so that a typing mistake overwrites neither table nor model.

predict, for a table of independent rows.

predict, for the candidates of queries: a score for each, and its rank in its query.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from torch import nn

from relight.data.features import Features
from relight.data.parquet import rechunk
from relight.data.schema import ColumnKind
from relight.errors import ColumnError, InputError
from relight.model.build import build_model
from relight.model.inference import predict_outputs as outputs_of
from relight.model.inference import prediction_batch_size, predictions_from_outputs
from relight.model.saved_model import Description, load_weights
from relight.model.table import build_inputs
from relight.prepare.columns import clean_as_kind
from relight.prepare.source import SourceTable
from relight.prepare.targets import query_labels
from relight.runtime.files import write_parts
from relight.runtime.messages import did_you_mean, pluralize
from relight.split.encoding import EncodedFeatures, encode

MAX_VALUES_LISTED = 5
MIN_CHUNK_ROWS = 65_536


class UnseenValues:
    """Rows so far, categories that are missing or unknown, and numbers that are missing where none was in training."""

    def __init__(self, features: Features) -> None:
        self.without_gaps = {f.column: index for index, f in enumerate(features.numeric) if not f.gaps}
        self.n_rows = 0
        self.n_categories = 0
        self.n_missing: Counter[str] = Counter()  # by column

    def add(self, rows: EncodedFeatures) -> None:
        self.n_rows += len(rows.numeric)
        self.n_categories += int((rows.categories == 0).sum())
        missing = np.isnan(rows.numeric).sum(axis=0)
        for column, index in self.without_gaps.items():
            self.n_missing[column] += int(missing[index])

    def warning_text(self) -> str:
        """What there is to say, each after a semicolon."""
        text = f"; {self.n_categories} categories were missing or unknown" if self.n_categories else ""
        names = [name for name, n_missing in self.n_missing.items() if n_missing]
        if names:
            more = f" and {len(names) - MAX_VALUES_LISTED} more" if len(names) > MAX_VALUES_LISTED else ""
            text += (
                f"; {self.n_missing.total()} numbers are missing in columns without gaps in training "
                f"({', '.join(names[:MAX_VALUES_LISTED])}{more}): the train rows' mean stands for them"
            )
        return text


def assert_can_write_predictions(output: Path, table: Path) -> None:
    """
    Args:
        output: a CSV file to be.
        table: what is answered.

    Raises:
        InputError: for a table that is none, or a place that is not for answers.
    """
    if table.suffix == ".yaml":
        raise InputError(f"{table}: must be a table (.csv, .tsv, .parquet, or a folder of them)")
    if output.suffix != ".csv":
        raise InputError(f"{output}: must end in .csv; name such a file with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output}: cannot be written: there is no folder {output.parent}; make it first")
    if any(path.exists() and table.exists() and path.samefile(table) for path in (output, output.parent)):
        raise InputError(f"{output}: is the table itself, or in it; name another file with -o")


def predict_table(table: Path, description: Description, *, weights: Path, output: Path) -> str:
    """Write one prediction for each row, in the order of the table; returns what to tell the person.

    A table larger than memory passes through in chunks.

    Raises:
        InputError: for missing columns, values that do not fit, or a damaged model.
    """
    model = build_model(
        description.model, description.features, target_scale=description.target_scale, seeds=description.seeds
    )
    load_weights(weights, model)
    surprises = UnseenValues(description.features)
    write_parts(output, _csv_lines(table, description.features, model, surprises))
    what = f"{pluralize(surprises.n_rows, 'prediction')} of {description.features.target}"
    return f"{output}: {what}{surprises.warning_text()}\n"


def _csv_lines(table: Path, features: Features, model: nn.Module, surprises: UnseenValues) -> Iterator[bytes]:
    """The answers as CSV, chunk by chunk."""
    for rows in clean_chunks(table, features, chunk_rows(model)):
        encoded = encode(rows, features)
        predictions = predictions_from_outputs(
            features.task, outputs_of(model, build_inputs(model, *encoded, str(table)))
        )
        assert_finite(predictions, table, surprises.n_rows)
        lines = prediction_table(features, predictions).write_csv(include_header=surprises.n_rows == 0)
        surprises.add(encoded)
        yield lines.encode()


def chunk_rows(model: nn.Module) -> int:
    """Whole batches of the model, so that a chunk's end changes no answer's last bits."""
    batch = prediction_batch_size(model)
    return batch * max(1, MIN_CHUNK_ROWS // batch)


def clean_chunks(table: Path, features: Features, n_rows: int) -> Iterator[pl.DataFrame]:
    """The model's columns of a table, and the query's, cleaned as the train rows were; others are left out."""
    first_row = 1
    for raw in rechunk(SourceTable(table).frames({}), n_rows):
        yield clean_rows(table, raw, features, first_row)
        first_row += raw.height


def clean_rows(table: Path, raw: pl.DataFrame, features: Features, first_row: int) -> pl.DataFrame:
    """The model's columns of some rows, and the query's."""
    kinds = _column_kinds(features)
    problems = [
        f"{table}: column '{name}' is missing{did_you_mean(name, raw.columns, list(kinds))}"
        for name in kinds
        if name not in raw.columns
    ]
    cleaned = []
    for name, kind in kinds.items():
        try:
            cleaned += [clean_as_kind(kind, raw[name], first_row).alias(name)] if name in raw.columns else []
        except ColumnError as unclean:
            problems.append(f"{table}: column '{name}' {unclean}")
    if problems:
        raise InputError(*problems)
    return pl.DataFrame(cleaned)


def _column_kinds(features: Features) -> dict[str, ColumnKind]:
    kinds: dict[str, ColumnKind] = {feature.column: feature.kind for feature in features.numeric}
    kinds |= {feature.name: "categorical" for feature in features.categorical}
    return kinds if features.query is None else {**kinds, features.query: "ignored"}


def assert_finite(predictions: np.ndarray, table: Path, n_before: int) -> None:
    """
    Raises:
        InputError: with the row of the first answer that is none.
    """
    wrong = np.flatnonzero(~np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1))
    if len(wrong):
        raise InputError(
            f"{table}: row {n_before + wrong[0] + 1}: the model's answer is not a finite number; "
            "are its values far beyond those of the train rows?"
        )


def prediction_table(features: Features, predictions: np.ndarray) -> pl.DataFrame:
    if features.classes is None:
        return pl.DataFrame({"prediction": predictions})
    labels = np.array(features.classes)[predictions.argmax(axis=1)]
    shares = {f"probability_{label}": predictions[:, k] for k, label in enumerate(features.classes)}
    return pl.DataFrame({"prediction": labels, **shares})


def predict_ranking(table: Path, description: Description, *, weights: Path, output: Path) -> str:
    """Write query, prediction and rank (1 is the best, ties by row) for each row, in the order of the table; returns
    what to tell the person.

    The answers are held until all rows have passed: the candidates of a query may lie anywhere.

    Raises:
        InputError: for missing columns, values that do not fit, rows without a query, or a damaged model.
    """
    features = description.features
    model = build_model(description.model, features, target_scale=description.target_scale, seeds=description.seeds)
    load_weights(weights, model)
    surprises, queries, scores = UnseenValues(features), [], []
    for rows in clean_chunks(table, features, chunk_rows(model)):
        queries.append(_query_labels(rows[str(features.query)], table, surprises.n_rows))
        encoded = encode(rows, features)
        scores.append(
            predictions_from_outputs(features.task, outputs_of(model, build_inputs(model, *encoded, str(table))))
        )
        assert_finite(scores[-1], table, surprises.n_rows)
        surprises.add(encoded)
    ranked = ranked_table(pl.concat(queries), np.concatenate(scores))
    write_parts(output, iter([ranked.write_csv().encode()]))
    n_queries = ranked["query"].n_unique()
    return f"{output}: {surprises.n_rows} candidates of {n_queries} queries ranked{surprises.warning_text()}\n"


def ranked_table(query: pl.Series, score: np.ndarray) -> pl.DataFrame:
    """Columns query, prediction, rank: from 1, the highest score first, of equal scores the first row."""
    rank = pl.col("prediction").rank("ordinal", descending=True).over("query")
    return pl.DataFrame({"query": query, "prediction": score}).with_columns(rank=rank)


def _query_labels(raw: pl.Series, table: Path, n_before: int) -> pl.Series:
    try:
        return query_labels(raw, n_before + 1)
    except ColumnError as unclean:
        raise InputError(f"{table}: column '{raw.name}' {unclean}") from unclean
