"""Prediction for tables: a line for each row, with the rank in its query if the rows are candidates of queries."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

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
from relight.predict.new_rows import NewRows, select_kept, with_kept
from relight.prepare.columns import clean_as_kind
from relight.prepare.targets import query_labels
from relight.prepare.zones import in_utc
from relight.runtime.messages import MAX_NAMES_LISTED, abbreviate, did_you_mean, pluralize
from relight.split.encoding import EncodedFeatures, encode

MAX_NAME_LENGTH = 40
MAX_VALUES_LISTED = 5
MAX_COLUMNS_TOLD = 3  # each in a clause of its own
MIN_CHUNK_ROWS = 65_536


def assert_can_write_predictions(output: Path, table: Path) -> None:
    """Check the paths before any work, so that a typing mistake overwrites neither table nor model.

    Args:
        output: the CSV file to write.
        table: the table to predict.

    Raises:
        InputError: if the output is not a new CSV file in a folder.
    """
    if output.suffix != ".csv":
        raise InputError(f"{output}: must end in .csv; name such a file with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output}: cannot be written: there is no folder {output.parent}; make it first")
    if any(path.exists() and table.exists() and path.samefile(table) for path in (output, output.parent)):
        raise InputError(f"{output}: is the table itself, or in it; name another file with -o")


class Predictions(NamedTuple):
    """Predictions that are made while they are iterated.

    Attributes:
        frames: tables of them, in order; iterated once.
        count_text: returns how many there are of what, once all have passed.
        warning_text: returns clauses on values that no train row had, each after a semicolon.
    """

    frames: Iterator[pl.DataFrame]
    count_text: Callable[[], str]
    warning_text: Callable[[], str] = str


class _Chunk(NamedTuple):
    """Some rows as they came, the same clean, and the predictions for them."""

    raw: pl.DataFrame
    rows: pl.DataFrame
    predictions: np.ndarray


def predict_table(rows: NewRows, saved: TableModel, keep: Sequence[str]) -> Predictions:
    """Return one prediction for each row, in their order; a table larger than memory passes in chunks.

    Raises:
        InputError: for missing columns, or values that do not fit.
    """
    unseen = UnseenValues(saved.features)

    def frames() -> Iterator[pl.DataFrame]:
        for chunk in _predict_chunks(rows, saved, keep, unseen):
            kept = select_kept(chunk.raw, keep, rows.name)
            yield with_kept(kept, prediction_table(saved.features, chunk.predictions))

    return Predictions(
        frames(), lambda: f"{pluralize(unseen.n_rows, 'prediction')} of {saved.features.target}", unseen.warning_text
    )


def predict_ranking(rows: NewRows, saved: TableModel, keep: Sequence[str]) -> Predictions:
    """Return query, prediction and rank for each row, in their order.

    All predictions are kept until the last row, because the candidates of a query may lie anywhere.

    Raises:
        InputError: for missing columns, values that do not fit, or rows without a query.
    """
    unseen, queries, scores, kept = UnseenValues(saved.features), [], [], []
    for chunk in _predict_chunks(rows, saved, keep, unseen):
        n_before = unseen.n_rows - chunk.rows.height
        queries.append(_query_labels(chunk.rows[str(saved.features.query)], rows.name, n_before))
        scores.append(chunk.predictions)
        kept.append(select_kept(chunk.raw, keep, rows.name))
    ranked = ranked_table(pl.concat(queries), np.concatenate(scores))
    n_queries = ranked["query"].n_unique()
    return Predictions(
        iter([with_kept(pl.concat(kept), ranked)]),
        lambda: f"{unseen.n_rows} candidates of {n_queries} queries ranked",
        unseen.warning_text,
    )


def ranked_table(query: pl.Series, score: np.ndarray) -> pl.DataFrame:
    """Return query, prediction and rank: 1 is the highest score, of equal scores the first row."""
    rank = pl.col("prediction").rank("ordinal", descending=True).over("query")
    return pl.DataFrame({"query": query, "prediction": score}).with_columns(rank=rank)


def _query_labels(raw: pl.Series, source_name: str, n_before: int) -> pl.Series:
    try:
        return query_labels(raw, n_before + 1)
    except ColumnError as unclean:
        raise InputError(f"{source_name}: column '{raw.name}' {unclean}") from unclean


def _predict_chunks(rows: NewRows, saved: TableModel, keep: Sequence[str], unseen: "UnseenValues") -> Iterator[_Chunk]:
    """Yield whole batches of the model with their predictions; columns to keep that are missing are said first."""
    model, features = saved.model, saved.features
    for raw, clean in clean_chunks(rows, features, chunk_rows(model)):
        select_kept(raw, keep, rows.name)
        encoded = encode(clean, features)
        outputs = predict_outputs(model, build_inputs(model, *encoded, rows.name))
        predictions = predictions_from_outputs(features.task, outputs, features.target_offset)
        assert_finite(predictions, rows.name, unseen.n_rows)
        unseen.add(encoded, clean)
        yield _Chunk(raw, clean, predictions)


def chunk_rows(model: nn.Module) -> int:
    """Return how many rows to read: whole batches of the model, so that a chunk's end changes no last bits."""
    batch = prediction_batch_size(model)
    return batch * max(1, MIN_CHUNK_ROWS // batch)


def clean_chunks(rows: NewRows, features: Features, n_rows: int) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield raw rows, and their columns of the model and of the query, cleaned like the train rows."""
    first_row = 1
    for raw in rechunk(rows.frames, n_rows):
        yield raw, clean_rows(rows.name, rows.plain(raw), features, first_row)
        first_row += raw.height


def clean_rows(source_name: str, raw: pl.DataFrame, features: Features, first_row: int) -> pl.DataFrame:
    """Return the columns of the model and of the query, clean.

    Args:
        source_name: names the table in messages.
        first_row: the number of the first row, for messages.

    Raises:
        InputError: with all columns that are missing or hold what does not fit.
    """
    kinds = _column_kinds(features)
    problems = [
        f"{source_name}: column '{name}' is missing{did_you_mean(name, raw.columns, list(kinds))}"
        for name in kinds
        if name not in raw.columns
    ]
    zones = {feature.column: feature.zone for feature in features.numeric}
    cleaned = []
    for name, kind in kinds.items():
        try:
            cleaned += [_clean(kind, raw[name], first_row, zones.get(name))] if name in raw.columns else []
        except ColumnError as unclean:
            problems.append(f"{source_name}: column '{name}' {unclean}")
    if problems:
        raise InputError(*problems)
    return pl.DataFrame(cleaned)


def _clean(kind: ColumnKind, raw: pl.Series, first_row: int, zone: str | None) -> pl.Series:
    values = clean_as_kind(kind, raw, first_row)
    return (values if kind != "datetime" else in_utc(raw, values, zone)).alias(raw.name)


def _column_kinds(features: Features) -> dict[str, ColumnKind]:
    kinds: dict[str, ColumnKind] = {feature.column: feature.kind for feature in features.numeric}
    kinds |= {feature.name: "categorical" for feature in features.categorical}
    return kinds if features.query is None else {**kinds, features.query: "ignored"}


def assert_finite(predictions: np.ndarray, source_name: str, n_before: int) -> None:
    """Check that all predictions are finite numbers.

    Args:
        source_name: names the table in messages.
        n_before: rows of the table before these.

    Raises:
        InputError: with the first row whose prediction is not.
    """
    wrong = np.flatnonzero(~np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1))
    if len(wrong):
        raise InputError(
            f"{source_name}: row {n_before + wrong[0] + 1}: the model's prediction is not a finite number; "
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
        self.levels = {feature.name: feature.names for feature in features.categorical}
        self.unknown = {name: _UnknownLevels() for name in self.levels}
        self.without_gaps = {f.column: index for index, f in enumerate(features.numeric) if not f.gaps}
        self.n_rows = 0
        self.n_categories = 0
        self.n_missing: Counter[str] = Counter()  # by column

    def add(self, rows: EncodedFeatures, clean: pl.DataFrame) -> None:
        """Count some rows.

        Args:
            clean: the same rows, with the names of their categories.
        """
        self.n_rows += len(rows.numeric)
        for codes, (name, unknown) in zip(rows.categories.T, self.unknown.items(), strict=True):
            unknown.add(codes, clean[name])
        self.n_categories += int((rows.categories == 0).sum())
        missing = np.isnan(rows.numeric).sum(axis=0)
        for column, index in self.without_gaps.items():
            self.n_missing[column] += int(missing[index])

    def warning_text(self) -> str:
        """Return a clause for each kind of unseen value, after a semicolon."""
        text = f"; {self.n_categories} categories were missing or unknown" if self.n_categories else ""
        text += self._mostly_unknown_text()
        names = [name for name, n_missing in self.n_missing.items() if n_missing]
        if names:
            more = f" and {len(names) - MAX_VALUES_LISTED} more" if len(names) > MAX_VALUES_LISTED else ""
            text += (
                f"; {self.n_missing.total()} numbers are missing in columns without gaps in training "
                f"({', '.join(names[:MAX_VALUES_LISTED])}{more}): the train rows' mean is used for them"
            )
        return text

    def _mostly_unknown_text(self) -> str:
        """Return clauses on the columns most of whose names no train row had: they may be written otherwise."""
        names = [name for name, unknown in self.unknown.items() if 2 * unknown.n_rows > unknown.n_present]
        text = "".join(self._mostly_unknown(name) for name in names[:MAX_COLUMNS_TOLD])
        others = [f"'{name}'" for name in names[MAX_COLUMNS_TOLD:]]
        return text + (f"; so are most of {len(others)} more: {abbreviate(others, MAX_NAMES_LISTED)}" if others else "")

    def _mostly_unknown(self, name: str) -> str:
        unknown, levels = self.unknown[name], self.levels[name]
        known = f"the train rows have {abbreviate(levels)}" if levels else "the train rows have none"
        return (
            f"; {unknown.n_rows} of {pluralize(unknown.n_present, 'value')} of '{name}' are unknown, such as "
            f"'{unknown.first}' ({known}): are they written otherwise?"
        )


class _UnknownLevels:
    """The names in one column that no train row had.

    Attributes:
        n_present: rows that have a name.
        n_rows: those of them whose name is unknown.
        first: the first unknown name.
    """

    def __init__(self) -> None:
        self.n_present = self.n_rows = 0
        self.first = ""

    def add(self, codes: np.ndarray, names: pl.Series) -> None:
        self.n_present += len(names) - names.null_count()
        is_unknown = (codes == 0) & names.is_not_null().to_numpy()
        if is_unknown.any() and self.n_rows == 0:
            self.first = str(names[int(is_unknown.argmax())])[:MAX_NAME_LENGTH]
        self.n_rows += int(is_unknown.sum())
