"""evaluate, for sequences with one label each."""

from functools import partial
from pathlib import Path

import polars as pl
from torch import nn

from relight.domain import reports as tables
from relight.domain.description import Description
from relight.domain.importance import no_importance
from relight.domain.judging import Parts, Said, judge
from relight.domain.judging_sequences import assert_evaluate_suits_sequences, labelled_sequences
from relight.domain.models.building import build_model
from relight.domain.predicting import predict
from relight.domain.remarks_on_scores import remarks_on_scores
from relight.domain.sequence_answers import sequence_answers
from relight.domain.sequences import Sequences, sequences_of
from relight.domain.slice_scores import no_slices
from relight.io.artifacts import write_json
from relight.io.checkpoints import load_weights
from relight.io.table_batches import read_columns
from relight.io.tensors import read_tensors
from relight.params.evaluate import EvaluateParams
from relight.workflows.evaluate.files import Files
from relight.workflows.evaluate.proof import assert_proved
from relight.workflows.evaluate.table import class_tables, members_of, temperature_of


def evaluate_sequences(params: EvaluateParams, known: Description, weights: Path, files: Files) -> None:
    """
    Raises:
        InputError: for what evaluate cannot say of sequences.
        RunError: when the saved model is not the trained one.
    """
    assert_evaluate_suits_sequences(params)
    features = known.features
    model = build_model(known.model, features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(weights, model)
    paths = {"train": files.train, "validation": files.validation, "test": files.test}
    arrays = {part: read_tensors(path) for part, path in paths.items()}
    sequences = {part: sequences_of(found) for part, found in arrays.items()}
    assert_proved(predict(model, sequences["validation"].inputs), known)
    if features.test_rows_validate:
        del arrays["validation"], sequences["validation"]
    parts = {part: labelled_sequences(features.task, found) for part, found in arrays.items()}
    said = _said(model, known, sequences)
    judged = judge(params, features, parts, said, {}, known.threads)
    notes = remarks_on_scores(params, features, parts, [], calibrated=said.uncalibrated is not None)
    written = _tables(known, parts, said, _ids(known, files.table))
    write_json(files.metrics, judged)
    files.reports.mkdir()
    write_json(files.reports / "notes.json", {"notes": notes})
    for name, content in written.items():
        (files.reports / f"{name}.csv").write_text(content.write_csv())


def _said(model: nn.Module, known: Description, parts: dict[str, Sequences]) -> Said:
    """The answers for each part, and for the test sequences those before the temperature, and of each seed."""
    features, test, temperature = known.features, parts["test"], temperature_of(model)
    said = {part: sequence_answers(model, features, sequences) for part, sequences in parts.items()}
    uncalibrated = None
    if temperature is not None:  # the outputs are logits divided by it
        uncalibrated = sequence_answers(model, features, test, lambda outputs: outputs * temperature)
    seeds = [
        sequence_answers(model, features, test, partial(members_of, known.seeds, seed))
        for seed in range(known.seeds if known.seeds > 1 else 0)
    ]
    return Said(said, uncalibrated, seeds)


def _ids(known: Description, table: Path) -> pl.Series | None:
    """Of all sequences, in order of first appearance; None where each row is one."""
    assert known.features.sequence is not None
    name = known.features.sequence.columns.id
    return None if name is None else read_columns(table, [name])[name].unique(maintain_order=True).alias("id")


def _tables(known: Description, parts: Parts, said: Said, ids: pl.Series | None) -> dict[str, pl.DataFrame]:
    """The same tables as of any other task: plot draws those that have rows."""
    features, test, predicted = known.features, parts["test"], said.parts["test"]
    predictions = tables.predictions(features, test.row, test.target, predicted)
    if ids is not None:
        predictions.insert_column(1, ids[test.row])
    is_regression = features.task == "regression"
    return {
        "predictions": predictions,
        "importance": no_importance(),
        "slices": no_slices(),
        "residuals": tables.residuals(test.target, predicted) if is_regression else tables.no_residuals(),
        "residuals_by_feature": tables.no_residuals_by_feature(),
        "line": tables.no_line(),
        **class_tables(known, test, said),
    }
