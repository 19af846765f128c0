"""A table of pairs against all of params.yaml, before anything runs."""

from typing import NamedTuple

import polars as pl

from relight.data.features import Features
from relight.data.schema import Schema
from relight.errors import InputError, problems_of
from relight.evaluate.checks import assert_can_evaluate_pairs, assert_slices, columns_to_slice
from relight.evaluate.params import EvaluateParams
from relight.model.checks import assert_model_reads
from relight.model.params import ModelParams
from relight.prepare.pairs import clean_pairs
from relight.prepare.params import PrepareParams
from relight.split.pairs import split_pairs
from relight.split.params import SplitParams
from relight.split.report import SplitReport
from relight.train.checks import assert_train_params_fit, train_warnings
from relight.train.params import TrainParams


class OtherSections(NamedTuple):
    """The sections beside prepare; None where a section has problems of its own."""

    split: SplitParams | None
    model: ModelParams | None
    train: TrainParams | None
    evaluate: EvaluateParams | None


def check_pairs(
    raw: pl.DataFrame, prepare: PrepareParams, others: OtherSections, earlier_problems: list[str], cores: int
) -> str:
    """What the pipeline will do.

    Args:
        known: the problems of params.yaml itself.

    Raises:
        InputError: with all that is wrong.
    """
    problems = list(earlier_problems)
    described: tuple[Schema, Features, SplitReport] | None = None
    try:
        rows, schema = clean_pairs(raw, prepare)
        if (evaluate := others.evaluate) is not None:
            problems += problems_of(lambda: assert_slices(evaluate, columns_to_slice(schema)))
            problems += problems_of(lambda: assert_can_evaluate_pairs(evaluate))
        described = _describe(rows, schema, others.split) if others.split is not None else None
    except InputError as error:
        problems += error.problems
    if described is not None:
        problems += _mismatches(others, described[1])
    if problems or described is None:
        raise InputError(*problems)
    return _summary(prepare, others, described, cores)


def _describe(rows: pl.DataFrame, schema: Schema, split: SplitParams) -> tuple[Schema, Features, SplitReport]:
    assert schema.pairs
    done = split_pairs(split, schema, schema.pairs, rows)
    return schema, done.features, done.report


def _mismatches(others: OtherSections, features: Features) -> list[str]:
    model, train, problems = others.model, others.train, list[str]()
    if model is not None:
        problems += problems_of(lambda: assert_model_reads(model, features))
        if train is not None:
            problems += problems_of(lambda: assert_train_params_fit(train, model, features))
    return problems


def _summary(
    prepare: PrepareParams, others: OtherSections, described: tuple[Schema, Features, SplitReport], cores: int
) -> str:
    schema, features, report = described
    assert schema.pairs
    assert others.train
    parts = ", ".join(f"{count} {part}" for part, count in report.rows.items() if count)
    text = {
        column.name: "text" if column.kind == "categorical" else f"{column.kind} and text"
        for column in schema.pairs.columns
        if column.is_text
    }
    notes = [*schema.notes, *report.notes, *train_warnings(others.train, features, cores)]
    return "\n".join(
        [
            f"{prepare.source}: {schema.rows} pairs ({parts})",
            f"target {features.target}: similarity, '{(schema.classes or [])[1]}' is alike, loss hinge_embedding",
            *(f"  {column.name}: {text.get(column.name, column.kind)}" for column in schema.pairs.columns),
            *(f"  {column.name}: not seen" for column in schema.columns if column.kind == "ignored"),
            *(f"note: {note}" for note in notes),
            "",
        ]
    )
