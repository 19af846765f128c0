"""predict: a new table → answers, from the model alone. No training data is needed."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.domain.answers import answers
from relight.domain.columns import UncleanError, clean_as
from relight.domain.description import FORMAT, Description
from relight.domain.devices import compute_the_same_each_time
from relight.domain.encoding import encode
from relight.domain.features import Features
from relight.domain.models.building import build_model
from relight.domain.naming import did_you_mean
from relight.domain.predicting import predict as outputs_of
from relight.domain.rows import inputs_for
from relight.domain.schema import Kind
from relight.errors import InputError
from relight.io.artifacts import read_json, read_model
from relight.io.atomic import write_text
from relight.io.checkpoints import load_weights
from relight.io.csv_tables import read_csv
from relight.io.parquet import read_parquet
from relight.io.source import file_kind


def predict(table: Path, *, models: Path, output: Path) -> str:
    """Write one prediction for each row, in the order of the table; returns what to tell the person.

    Raises:
        InputError: for missing columns, values that do not fit, or a damaged model.
    """
    _check_output(output, table)
    known = _description(models / "model.json")
    rows = clean_rows(table, known.features)
    compute_the_same_each_time(known.threads)
    model = build_model(known.model, known.features)
    load_weights(models / "model.pth", model)
    numeric, categories = encode(rows, known.features)
    inputs = inputs_for(model, numeric, categories, str(table))
    said = answers(known.features.task, outputs_of(model, inputs))
    _check_finite(said, table)
    write_text(output, _answer_table(known.features, said).write_csv())
    unknown = sum(int((categories[:, k] == 0).sum()) for k in range(categories.shape[1]))
    return f"{output}: {rows.height} predictions of {known.features.target}" + (
        f"; {unknown} categories were missing or unknown\n" if unknown else "\n"
    )


def _check_output(output: Path, table: Path) -> None:
    """Before any work: a typing mistake must not overwrite the table or the model."""
    if output.suffix != ".csv":
        raise InputError(f"{output}: must end in .csv; name such a file with -o")
    if output.exists() and table.exists() and output.samefile(table):
        raise InputError(f"{output}: is the table itself; name another file with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output}: cannot be written: there is no folder {output.parent}; make it first")


def clean_rows(table: Path, features: Features) -> pl.DataFrame:
    """The model's columns of a table, cleaned as the train rows were; other columns are left out."""
    raw = read_parquet(table) if file_kind(table) == "parquet" else _read_csv(table)
    missing = [name for name in features.names if name not in raw.columns]
    problems = [
        f"{table}: column '{name}' is missing{did_you_mean(name, raw.columns, features.names)}" for name in missing
    ]
    cleaned = []
    for name, kind in _kinds(features):
        if name in missing:
            continue
        try:
            cleaned.append(clean_as(kind, raw[name]).alias(name))
        except UncleanError as unclean:
            problems.append(f"{table}: column '{name}' {unclean}")
    if problems:
        raise InputError(*problems)
    return pl.DataFrame(cleaned)


def _check_finite(said: np.ndarray, table: Path) -> None:
    wrong = np.flatnonzero(~np.isfinite(said.reshape(len(said), -1)).all(axis=1))
    if len(wrong):
        raise InputError(
            f"{table}: row {wrong[0] + 1}: the model's answer is not a finite number; "
            "are its values far beyond those of the train rows?"
        )


def _read_csv(table: Path) -> pl.DataFrame:
    if file_kind(table) != "csv":
        raise InputError(f"{table}: must be a table (.csv, .parquet, or a folder of .parquet files)")
    return read_csv(table)


def _kinds(features: Features) -> list[tuple[str, Kind]]:
    numeric: list[tuple[str, Kind]] = [(feature.name, feature.kind) for feature in features.numeric]
    return [*numeric, *((feature.name, "categorical") for feature in features.categorical)]


def _description(path: Path) -> Description:
    made_by = read_json(path)
    version = made_by.get("format") if isinstance(made_by, dict) else None
    if version != FORMAT:
        raise InputError(f"{path}: must be of format {FORMAT}, however: {version}; use the Relight that made it")
    return read_model(path, Description)


def _answer_table(features: Features, said: np.ndarray) -> pl.DataFrame:
    if features.classes is None:
        return pl.DataFrame({"prediction": said})
    labels = np.array(features.classes)[said.argmax(axis=1)]
    shares = {f"probability_{label}": said[:, k] for k, label in enumerate(features.classes)}
    return pl.DataFrame({"prediction": labels, **shares})
