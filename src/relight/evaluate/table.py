"""Evaluation of tables and rankings.

evaluate, for the candidates of queries: what their tables say beside those of independent rows.

evaluate, for a table of independent rows.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from relight.data.parquet import read_columns
from relight.data.schema import Schema
from relight.data.tensors import read_tensors
from relight.evaluate import tables
from relight.evaluate.checks import assert_slices, columns_to_slice
from relight.evaluate.diagnostics import (
    no_importance,
    no_slices,
    permutation_importance,
    sample_of_queries,
    sample_of_rows,
    slice_scores,
)
from relight.evaluate.inputs import Files, LabelledRows, assert_proved, labelled_rows
from relight.evaluate.params import EvaluateParams
from relight.evaluate.scores import Parts, Said, judge, learned_line, remarks_on_scores
from relight.evaluate.tables import queries, ranked_candidates
from relight.metrics.scorers import headline_loss, scores_of
from relight.model.build import build_model, untrained_model
from relight.model.inference import answers, predict, rows_at_once
from relight.model.pipeline import Fitted, Temperature
from relight.model.rows import inputs_for
from relight.model.saved_model import Description, load_weights
from relight.runtime.files import write_json


def ranking_tables(found: Schema, table: Path, test: LabelledRows, predicted: np.ndarray) -> dict[str, pl.DataFrame]:
    """The test rows with their queries, and the score of each query; nothing for other tasks."""
    if found.query is None:
        return {}
    query = read_columns(table, [found.query])[found.query][test.row]
    return {
        "predictions": ranked_candidates(test, predicted, query),
        "queries": queries(test, predicted, query),
    }


def evaluate_table(params: EvaluateParams, known: Description, found: Schema, weights: Path, files: Files) -> None:
    """
    Raises:
        InputError: for a slice that is no column of the table.
        RunError: when the saved model is not the trained one.
    """
    assert_slices(params, columns_to_slice(found))
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(weights, model)
    task = known.features.task
    paths = {"train": files.train, "validation": files.validation, "test": files.test}
    parts = {part: labelled_rows(task, read_tensors(path)) for part, path in paths.items()}
    assert_proved(_outputs(model, parts["validation"]), known)
    if known.features.test_rows_validate:
        del parts["validation"]
    said = _said(model, known, parts)
    judged = judge(params, known.features, parts, said, _parameters(model, found), known.threads)
    fitted, calibrated = list(judged.get("references", {})), said.uncalibrated is not None
    notes = remarks_on_scores(params, known.features, parts, fitted, calibrated=calibrated)
    sliced = read_columns(files.table, params.slices)[parts["test"].row] if params.slices else None
    written = _tables(params, model, known, parts, said, sliced)
    written |= ranking_tables(found, files.table, parts["test"], said.parts["test"])
    write_json(files.metrics, judged)
    files.reports.mkdir()
    write_json(files.reports / "notes.json", {"notes": notes})
    for name, content in written.items():
        (files.reports / f"{name}.csv").write_text(content.write_csv())


def _outputs(model: nn.Module, validation: LabelledRows) -> Tensor:
    return predict(model, inputs_for(model, validation.numeric, validation.categories, "the validation rows"))


def _said(model: nn.Module, known: Description, parts: Parts) -> Said:
    """The answers for each part, and for the test rows those before the temperature, and of each seed."""
    said = {part: _answers(model, known, rows, part) for part, rows in parts.items()}
    temperature = temperature_of(model)
    uncalibrated = None
    if temperature is not None:  # the outputs are logits divided by it
        uncalibrated = _answers(model, known, parts["test"], "test", lambda outputs: outputs * temperature)
    seeds = [
        _answers(model, known, parts["test"], "test", partial(members_of, known.seeds, seed))
        for seed in range(known.seeds if known.seeds > 1 else 0)
    ]
    return Said(said, uncalibrated, seeds)


def members_of(n_seeds: int, seed: int, outputs: Tensor) -> Tensor:
    """The members that one seed drew, out of (n_rows, n_seeds * n_members, d_out)."""
    return outputs.chunk(n_seeds, dim=1)[seed]


def _answers(
    model: nn.Module,
    known: Description,
    rows: LabelledRows,
    part: str,
    change: Callable[[Tensor], Tensor] | None = None,
) -> np.ndarray:
    """Chunk by chunk: the outputs of many members take more memory than the answers."""
    inputs = inputs_for(model, rows.numeric, rows.categories, f"the {part} rows")
    said = []
    for chunk in zip(*(torch.split(tensor, rows_at_once(model)) for tensor in inputs), strict=True):
        outputs = predict(model, chunk)
        said.append(answers(known.features.task, outputs if change is None else change(outputs)))
    return np.concatenate(said)


def temperature_of(model: nn.Module) -> Tensor | None:
    """Of the model's back, where it was fitted."""
    if not isinstance(model, Fitted) or not isinstance(model.back, Temperature):
        return None
    return model.back.temperature if model.back.temperature.item() != 1 else None


def _parameters(model: nn.Module, schema: Schema) -> dict[str, Any]:
    """Learned beside true, where the data was made on a known line and the model is one."""
    learned = learned_line(model)
    if schema.generated is None or learned is None:
        return {}
    return {name: {"learned": learned[name], "true": true} for name, true in schema.generated.items()}


def _tables(
    params: EvaluateParams, model: nn.Module, known: Description, parts: Parts, said: Said, sliced: pl.DataFrame | None
) -> dict[str, pl.DataFrame]:
    features, test, predicted = known.features, parts["test"], said.parts["test"]
    importance = _importance(params, model, known, test)
    written = {
        "predictions": tables.predictions(features, test.row, test.target, predicted),
        "importance": importance,
        "slices": no_slices(),
    }
    if sliced is not None:
        drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
        written["slices"] = slice_scores(features.task, test, predicted, sliced, **drawn)
    ranking = importance["column"].to_list() or features.columns
    return {**written, **_regression_tables(known, parts, said, ranking), **class_tables(known, test, said)}


def _importance(params: EvaluateParams, model: nn.Module, known: Description, test: LabelledRows) -> pl.DataFrame:
    if params.importance == 0:
        return no_importance()
    task = known.features.task
    n_rows = len(test.target)
    chosen = sample_of_queries(test.target, params.seed) if task == "ranking" else sample_of_rows(n_rows, params.seed)
    rows = test.at(chosen)

    def loss_of(numeric: np.ndarray, categories: np.ndarray) -> float:
        said = _answers(model, known, rows._replace(numeric=numeric, categories=categories), "test")
        return headline_loss(task, scores_of(task, rows.target, said, rows.weight))

    drawn = {"n_repeats": params.importance, "seed": params.seed}
    return permutation_importance(loss_of, rows.numeric, rows.categories, known.features, **drawn)


def _regression_tables(known: Description, parts: Parts, said: Said, ranking: list[str]) -> dict[str, pl.DataFrame]:
    features, test, predicted = known.features, parts["test"], said.parts["test"]
    if features.task != "regression":
        empty = {"residuals": tables.no_residuals(), "residuals_by_feature": tables.no_residuals_by_feature()}
        return {**empty, "line": tables.no_line()}
    has_line = len(features.names) == len(features.numeric) == 1
    return {
        "residuals": tables.residuals(test.target, predicted),
        "residuals_by_feature": tables.no_residuals_by_feature()
        if has_line
        else tables.residuals_by_feature(features, ranking, test.numeric, test.target, predicted),
        "line": pl.concat(_line(known, part, parts[part], said.parts[part]) for part in parts)
        if has_line
        else tables.no_line(),
    }


def class_tables(known: Description, test: LabelledRows, said: Said) -> dict[str, pl.DataFrame]:
    if known.features.task not in ("binary", "multiclass"):
        return {"roc": tables.no_roc(), "calibration": tables.no_reliability(), "classes": tables.no_classes()}
    predicted, weight = said.parts["test"], test.weight
    curves = [tables.reliability(test.target, predicted, weight)]
    if said.uncalibrated is not None:
        before = tables.reliability(test.target, said.uncalibrated, weight)
        curves = [before, tables.reliability(test.target, predicted, weight, "after")]
    return {
        "roc": tables.roc(test.target, predicted, weight),
        "calibration": pl.concat(curves),
        "classes": tables.classes(known.features, test.target, predicted, weight),
    }


def _line(known: Description, part: str, rows: LabelledRows, after: np.ndarray) -> pl.DataFrame:
    untrained = untrained_model(
        known.model, known.features, target_scale=known.target_scale, seed=known.seed, seeds=known.seeds
    )
    before = _answers(untrained, known, rows, part)
    return tables.line(part, rows.numeric[:, 0], rows.target, before, after)
