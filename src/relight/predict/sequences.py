"""Prediction for sequences with one label each: one line for each sequence."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch

from relight.errors import ColumnError, InputError
from relight.model.saved_model import SequenceModel
from relight.model.sequences import Sequences, sequence_predictions
from relight.predict.new_rows import GROUP, NewRows, one_row_each, select_kept, with_kept
from relight.predict.table import Predictions, UnseenValues, clean_rows, prediction_table
from relight.prepare.sequences import order_new_steps
from relight.prepare.targets import refuse_gaps
from relight.runtime.messages import pluralize
from relight.split.encoding import EncodedFeatures, encode
from relight.split.sequences import SequenceSteps, split_into_sequences


def predict_sequences(rows: NewRows, saved: SequenceModel, keep: Sequence[str]) -> Predictions:
    """Return one prediction for each sequence, in order of first appearance.

    Raises:
        InputError: for missing columns, values that do not fit, or steps at the same time.
    """
    features = saved.features
    steps, ids, kept = _read_steps(rows, saved, keep)
    encoded = encode(steps.rows, features)
    predictions = sequence_predictions(saved.model, features, _sequences(encoded, steps.length))
    _check_finite(predictions, rows.name, ids)
    lines = prediction_table(features, predictions)
    if ids is not None:
        lines.insert_column(0, ids)
    unseen = UnseenValues(features)
    unseen.add(encoded, steps.rows)
    count_text = f"{pluralize(len(predictions), 'prediction')} of {features.target}, one for each sequence"
    return Predictions(iter([with_kept(kept, lines)]), lambda: count_text, unseen.warning_text)


def _read_steps(
    new: NewRows, saved: SequenceModel, keep: Sequence[str]
) -> tuple[SequenceSteps, pl.Series | None, pl.DataFrame]:
    """Return the steps, clean and in order, and for each sequence its id and its kept columns.

    The id is None if each row is a sequence.
    """
    columns, raw = saved.sequence.columns, new.whole()
    kept = select_kept(raw, keep, new.name)
    plain = new.plain(raw)
    rows = clean_rows(new.name, plain, saved.features, 1)
    if columns.symbols is not None:
        _refuse_gaps(rows[columns.symbols], new.name)
        return split_into_sequences(rows, columns), None, kept
    ids, order = order_new_steps(plain, columns, new.name)
    steps = split_into_sequences(rows.with_columns(ids)[order], columns)
    names = steps.sequences[str(columns.id)].alias("id")
    return steps, names, one_row_each(kept, ids, "sequence").drop(GROUP)


def _refuse_gaps(symbols: pl.Series, source_name: str) -> None:
    try:
        refuse_gaps(symbols, 1)
    except ColumnError as unclean:
        raise InputError(f"{source_name}: column '{symbols.name}' {unclean}") from unclean


def _sequences(encoded: EncodedFeatures, length: np.ndarray) -> Sequences:
    """Return the sequences with a target of zeros, because it is not known yet."""
    numeric, categories, lengths = (torch.from_numpy(values) for values in (*encoded, length))
    return Sequences(numeric, categories, lengths.cumsum(0) - lengths, lengths, torch.zeros(len(lengths)))


def _check_finite(predictions: np.ndarray, source_name: str, ids: pl.Series | None) -> None:
    wrong = np.flatnonzero(~np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1))
    if len(wrong):
        at = int(wrong[0])
        name = f"row {at + 1}" if ids is None else f"sequence '{ids[at]}'"
        raise InputError(
            f"{source_name}: {name}: the model's prediction is not a finite number; "
            "are its values far beyond those of the train rows?"
        )
