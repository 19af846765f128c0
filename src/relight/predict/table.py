"""Prediction for tables: a line for each row, with the rank in its query if the rows are candidates of queries."""

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
from relight.model.inference import predict_outputs, prediction_batch_size, predictions_from_outputs
from relight.model.saved_model import TableModel
from relight.model.table import build_inputs
from relight.prepare.columns import clean_as_kind
from relight.prepare.source import SourceTable
from relight.prepare.targets import query_labels
from relight.runtime.files import write_parts
from relight.runtime.messages import did_you_mean, pluralize
from relight.split.encoding import EncodedFeatures, encode

MAX_VALUES_LISTED = 5
MIN_CHUNK_ROWS = 65_536


def assert_can_write_predictions(output: Path, table: Path) -> None:
    """Check the paths before any work, so that a typing mistake overwrites neither table nor model.

    Args:
        output: the CSV file to write.
        table: the table to predict.

    Raises:
        InputError: if the table is not a table, or the output is not a new CSV file in a folder.
    """
    if table.suffix == ".yaml":
        raise InputError(f"{table}: must be a table (.csv, .tsv, .parquet, or a folder of them)")
    if output.suffix != ".csv":
        raise InputError(f"{output}: must end in .csv; name such a file with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output}: cannot be written: there is no folder {output.parent}; make it first")
    if any(path.exists() and table.exists() and path.samefile(table) for path in (output, output.parent)):
        raise InputError(f"{output}: is the table itself, or in it; name another file with -o")


def predict_table(table: Path, saved: TableModel, *, output: Path) -> str:
    """Write one prediction for each row, in the order of the table; return what to tell the person.

    A table larger than memory passes through in chunks.

    Raises:
        InputError: for missing columns, or values that do not fit.
    """
    unseen = UnseenValues(saved.features)
    write_parts(output, _csv_lines(table, saved, unseen))
    what = f"{pluralize(unseen.n_rows, 'prediction')} of {saved.features.target}"
    return f"{output}: {what}{unseen.warning_text()}\n"


def _csv_lines(table: Path, saved: TableModel, unseen: "UnseenValues") -> Iterator[bytes]:
    for index, (_, predictions) in enumerate(_predict_chunks(table, saved, unseen)):
        yield prediction_table(saved.features, predictions).write_csv(include_header=index == 0).encode()


def predict_ranking(table: Path, saved: TableModel, *, output: Path) -> str:
    """Write query, prediction and rank for each row, in the order of the table; return what to tell the person.

    All predictions are kept until the last row, because the candidates of a query may lie anywhere.

    Raises:
        InputError: for missing columns, values that do not fit, or rows without a query.
    """
    unseen, queries, scores = UnseenValues(saved.features), [], []
    for rows, predictions in _predict_chunks(table, saved, unseen):
        n_before = unseen.n_rows - rows.height
        queries.append(_query_labels(rows[str(saved.features.query)], table, n_before))
        scores.append(predictions)
    ranked = ranked_table(pl.concat(queries), np.concatenate(scores))
    write_parts(output, [ranked.write_csv().encode()])
    n_queries = ranked["query"].n_unique()
    return f"{output}: {unseen.n_rows} candidates of {n_queries} queries ranked{unseen.warning_text()}\n"


def ranked_table(query: pl.Series, score: np.ndarray) -> pl.DataFrame:
    """Return query, prediction and rank: 1 is the highest score, of equal scores the first row."""
    rank = pl.col("prediction").rank("ordinal", descending=True).over("query")
    return pl.DataFrame({"query": query, "prediction": score}).with_columns(rank=rank)


def _query_labels(raw: pl.Series, table: Path, n_before: int) -> pl.Series:
    try:
        return query_labels(raw, n_before + 1)
    except ColumnError as unclean:
        raise InputError(f"{table}: column '{raw.name}' {unclean}") from unclean


def _predict_chunks(
    table: Path, saved: TableModel, unseen: "UnseenValues"
) -> Iterator[tuple[pl.DataFrame, np.ndarray]]:
    """Yield the clean rows of each chunk and the predictions for them."""
    model, features = saved.model, saved.features
    for rows in clean_chunks(table, features, chunk_rows(model)):
        encoded = encode(rows, features)
        outputs = predict_outputs(model, build_inputs(model, *encoded, str(table)))
        predictions = predictions_from_outputs(features.task, outputs)
        assert_finite(predictions, table, unseen.n_rows)
        unseen.add(encoded)
        yield rows, predictions


def chunk_rows(model: nn.Module) -> int:
    """Return how many rows to read: whole batches of the model, so that a chunk's end changes no last bits."""
    batch = prediction_batch_size(model)
    return batch * max(1, MIN_CHUNK_ROWS // batch)


def clean_chunks(table: Path, features: Features, n_rows: int) -> Iterator[pl.DataFrame]:
    """Yield the columns of the model and of the query, cleaned like the train rows; others are left out."""
    first_row = 1
    for raw in rechunk(SourceTable(table).frames({}), n_rows):
        yield clean_rows(table, raw, features, first_row)
        first_row += raw.height


def clean_rows(table: Path, raw: pl.DataFrame, features: Features, first_row: int) -> pl.DataFrame:
    """Return the columns of the model and of the query, clean.

    Args:
        first_row: the number of the first row, for messages.

    Raises:
        InputError: with all columns that are missing or hold what does not fit.
    """
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
    """Check that all predictions are finite numbers.

    Args:
        n_before: rows of the table before these.

    Raises:
        InputError: with the first row whose prediction is not.
    """
    wrong = np.flatnonzero(~np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1))
    if len(wrong):
        raise InputError(
            f"{table}: row {n_before + wrong[0] + 1}: the model's prediction is not a finite number; "
            "are its values far beyond those of the train rows?"
        )


def prediction_table(features: Features, predictions: np.ndarray) -> pl.DataFrame:
    """Return the prediction of each row: a number, or the most probable class and the probability of each."""
    if features.classes is None:
        return pl.DataFrame({"prediction": predictions})
    labels = np.array(features.classes)[predictions.argmax(axis=1)]
    shares = {f"probability_{label}": predictions[:, k] for k, label in enumerate(features.classes)}
    return pl.DataFrame({"prediction": labels, **shares})


class UnseenValues:
    """Counts what no train row held: unknown or missing categories, and gaps in columns that had none in training."""

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
        """Return a clause for each kind of unseen value, after a semicolon."""
        text = f"; {self.n_categories} categories were missing or unknown" if self.n_categories else ""
        names = [name for name, n_missing in self.n_missing.items() if n_missing]
        if names:
            more = f" and {len(names) - MAX_VALUES_LISTED} more" if len(names) > MAX_VALUES_LISTED else ""
            text += (
                f"; {self.n_missing.total()} numbers are missing in columns without gaps in training "
                f"({', '.join(names[:MAX_VALUES_LISTED])}{more}): the train rows' mean is used for them"
            )
        return text
