"""evaluate: reload the saved model, prove that it is the trained one, score it on every part."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from torch import nn

from relight.domain import reports as tables
from relight.domain.answers import answers, trivial_answers
from relight.domain.description import Description, proof_of, untrained_model
from relight.domain.devices import compute_the_same_each_time
from relight.domain.learned import learned_line
from relight.domain.metrics import scores_of
from relight.domain.models.building import build_model
from relight.domain.predicting import predict
from relight.domain.rows import Arrays, inputs_for
from relight.domain.schema import Schema
from relight.errors import RunError
from relight.io.artifacts import read_model, write_json
from relight.io.checkpoints import load_weights
from relight.io.tensors import read_tensors


def evaluate(
    *,
    weights: Path,
    description: Path,
    schema: Path,
    train_rows: Path,
    validation_rows: Path,
    test_rows: Path,
    metrics: Path,
    reports: Path,
) -> None:
    """Write the metrics of every part, and tables of what the model says of the test rows."""
    known = read_model(description, Description)
    compute_the_same_each_time(known.threads)
    model = build_model(known.model, known.features)
    load_weights(weights, model)
    parts = {
        "train": read_tensors(train_rows),
        "validation": read_tensors(validation_rows),
        "test": read_tensors(test_rows),
    }
    _prove(model, known, parts["validation"])
    if known.features.test_rows_validate:
        del parts["validation"]
    said = {part: _answers(model, known, arrays, part) for part, arrays in parts.items()}
    write_json(metrics, _metrics(known, parts, said, _parameters(model, read_model(schema, Schema))))
    reports.mkdir()
    for name, table in _tables(known, parts, said).items():
        (reports / f"{name}.csv").write_text(table.write_csv())


def _prove(model: nn.Module, known: Description, validation: Arrays) -> None:
    """The reloaded weights say, bit for bit, what the trained ones said before they were saved."""
    outputs = predict(model, inputs_for(model, validation["numeric"], validation["categories"], "the validation rows"))
    if proof_of(outputs) != known.proof:
        raise RunError(
            "models/model.pth: does not say what the model said before it was saved; it was changed, or made "
            "on another kind of machine. Run `dvc repro --force train`"
        )


def _answers(model: nn.Module, known: Description, arrays: Arrays, part: str) -> np.ndarray:
    inputs = inputs_for(model, arrays["numeric"], arrays["categories"], f"the {part} rows")
    return answers(known.features.task, predict(model, inputs))


def _parameters(model: nn.Module, schema: Schema) -> dict[str, Any]:
    """Learned beside true, where the data was made on a known line and the model is one."""
    learned = learned_line(model)
    if schema.generated is None or learned is None:
        return {}
    return {name: {"learned": learned[name], "true": true} for name, true in schema.generated.items()}


def _metrics(
    known: Description, parts: dict[str, Arrays], said: dict[str, np.ndarray], parameters: dict[str, Any]
) -> dict[str, Any]:
    task, train_target = known.features.task, _flat(known, parts["train"])
    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}, "baseline": {}}
    for part, arrays in parts.items():
        target = _flat(known, arrays)
        trivial = trivial_answers(task, train_target, len(target), len(known.features.classes or []))
        metrics[part] = scores_of(task, target, said[part])
        metrics["baseline"][part] = scores_of(task, target, trivial)
    return {**metrics, "parameters": parameters} if parameters else metrics


def _tables(known: Description, parts: dict[str, Arrays], said: dict[str, np.ndarray]) -> dict[str, pl.DataFrame]:
    target, predicted = _flat(known, parts["test"]), said["test"]
    written = {
        "predictions": tables.predictions(known.features, parts["test"]["row"], target, predicted),
        "residuals": tables.no_residuals(),
        "line": tables.no_line(),
        "roc": tables.no_roc(),
        "calibration": tables.no_reliability(),
    }
    if known.features.task == "regression":
        written["residuals"] = tables.residuals(target, predicted)
        if len(known.features.names) == len(known.features.numeric) == 1:
            written["line"] = pl.concat(_line(known, part, parts[part], said[part]) for part in parts)
    else:
        written["roc"] = tables.roc(target, predicted)
        written["calibration"] = tables.reliability(target, predicted)
    return written


def _line(known: Description, part: str, arrays: Arrays, after: np.ndarray) -> pl.DataFrame:
    untrained = untrained_model(known.model, known.features, known.seed)
    before = _answers(untrained, known, arrays, part)
    return tables.line(part, arrays["numeric"][:, 0], _flat(known, arrays), before, after)


def _flat(known: Description, arrays: Arrays) -> np.ndarray:
    """The target as (n_rows,): numbers for regression, class codes else."""
    flat = arrays["target"].reshape(-1)
    return flat if known.features.task == "regression" else flat.astype(np.int64)
