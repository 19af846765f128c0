"""Prediction for sequences with one label each: one line for each sequence."""

from pathlib import Path

import numpy as np
import polars as pl
import torch

from relight.errors import ColumnError, InputError
from relight.model.saved_model import SequenceModel
from relight.model.sequences import Sequences, sequence_predictions
from relight.predict.table import UnseenValues, clean_rows, prediction_table
from relight.prepare.sequences import order_new_steps
from relight.prepare.source import SourceTable
from relight.prepare.targets import refuse_gaps
from relight.runtime.files import write_parts
from relight.runtime.messages import pluralize
from relight.split.encoding import EncodedFeatures, encode
from relight.split.sequences import SequenceSteps, split_into_sequences


def predict_sequences(table: Path, saved: SequenceModel, *, output: Path) -> str:
    """Write one prediction for each sequence, in order of first appearance; return what to tell the person.

    Raises:
        InputError: for missing columns, values that do not fit, or steps at the same time.
    """
    features = saved.features
    steps, ids = _read_table(table, saved)
    encoded = encode(steps.rows, features)
    predictions = sequence_predictions(saved.model, features, _sequences(encoded, steps.length))
    _check_finite(predictions, table, ids)
    lines = prediction_table(features, predictions)
    if ids is not None:
        lines.insert_column(0, ids)
    write_parts(output, [lines.write_csv().encode()])
    unseen = UnseenValues(features)
    unseen.add(encoded)
    what = f"{pluralize(len(predictions), 'prediction')} of {features.target}, one for each sequence"
    return f"{output}: {what}{unseen.warning_text()}\n"


def _read_table(table: Path, saved: SequenceModel) -> tuple[SequenceSteps, pl.Series | None]:
    """Return the steps, clean and in order, and the id of each sequence; None if each row is a sequence."""
    columns, raw = saved.sequence.columns, pl.concat(list(SourceTable(table).frames({})))
    rows = clean_rows(table, raw, saved.features, 1)
    if columns.symbols is not None:
        _refuse_gaps(rows[columns.symbols], table)
        return split_into_sequences(rows, columns), None
    ids, order = order_new_steps(raw, columns, str(table))
    steps = split_into_sequences(rows.with_columns(ids)[order], columns)
    return steps, steps.sequences[str(columns.id)].alias("id")


def _refuse_gaps(symbols: pl.Series, table: Path) -> None:
    try:
        refuse_gaps(symbols, 1)
    except ColumnError as unclean:
        raise InputError(f"{table}: column '{symbols.name}' {unclean}") from unclean


def _sequences(encoded: EncodedFeatures, length: np.ndarray) -> Sequences:
    """Return the sequences with a target of zeros, because it is not known yet."""
    numeric, categories, lengths = (torch.from_numpy(values) for values in (*encoded, length))
    return Sequences(numeric, categories, lengths.cumsum(0) - lengths, lengths, torch.zeros(len(lengths)))


def _check_finite(predictions: np.ndarray, table: Path, ids: pl.Series | None) -> None:
    wrong = np.flatnonzero(~np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1))
    if len(wrong):
        at = int(wrong[0])
        name = f"row {at + 1}" if ids is None else f"sequence '{ids[at]}'"
        raise InputError(
            f"{table}: {name}: the model's prediction is not a finite number; "
            "are its values far beyond those of the train rows?"
        )
