"""A table of record pairs against all sections of params.yaml, before anything runs."""

import os

import polars as pl

from relight.data.features import Features
from relight.data.schema import Schema
from relight.errors import InputError, problems_of
from relight.evaluate.checks import assert_can_evaluate_pairs, assert_slices, columns_to_slice
from relight.model.checks import assert_model_reads
from relight.params import Sections
from relight.prepare.pairs import clean_pairs
from relight.prepare.params import PrepareParams
from relight.prepare.plain.tables import PlainRows
from relight.prepare.table import with_source
from relight.runtime.messages import shorten_notes
from relight.split.pairs import split_pairs
from relight.split.params import SplitParams
from relight.split.report import SplitReport
from relight.train.auto import resolve_loss
from relight.train.checks import assert_train_params_fit, train_warnings


def check_pairs(raw: PlainRows, prepare: PrepareParams, sections: Sections) -> str:
    """Return what the pipeline will do.

    Raises:
        InputError: with everything that is wrong, also in the sections themselves.
    """
    problems = list(sections.problems)
    described: tuple[Schema, Features, SplitReport] | None = None
    try:
        rows, schema = clean_pairs(raw.rows, prepare)
        schema = with_source(schema, prepare, raw.found)
        if (evaluate := sections.evaluate.params) is not None:
            problems += problems_of(lambda: assert_slices(evaluate, columns_to_slice(schema)))
            problems += problems_of(lambda: assert_can_evaluate_pairs(evaluate))
        if (split := sections.split.params) is not None:
            described = _describe(rows, schema, split)
    except InputError as error:
        problems += error.problems
    if described is not None:
        problems += mismatches(sections, described[1])
    if problems or described is None:
        raise InputError(*problems)
    return _summary(raw, sections, *described)


def mismatches(sections: Sections, features: Features) -> list[str]:
    """Return what the model, and training it, cannot do with these features; nothing for a section with problems."""
    problems: list[str] = []
    if (model := sections.model.params) is not None:
        problems += problems_of(lambda: assert_model_reads(model, features))
        if (train := sections.train.params) is not None:
            problems += problems_of(lambda: assert_train_params_fit(train, model, features))
    return problems


def _describe(rows: pl.DataFrame, schema: Schema, split: SplitParams) -> tuple[Schema, Features, SplitReport]:
    assert schema.pairs
    done = split_pairs(split, schema, schema.pairs, rows)
    return schema, done.features, done.report


def _summary(raw: PlainRows, sections: Sections, schema: Schema, features: Features, report: SplitReport) -> str:
    assert schema.pairs
    assert sections.prepare.params
    assert sections.train.params
    parts = ", ".join(f"{count} {part}" for part, count in report.rows.items() if count)
    text = {
        column.name: "text" if column.kind == "categorical" else f"{column.kind} and text"
        for column in schema.pairs.columns
        if column.is_text
    }
    warnings = train_warnings(sections.train.params, features, os.cpu_count() or 1)
    notes = shorten_notes([*schema.notes, *report.notes, *warnings])
    loss = resolve_loss(sections.train.params.loss, features.task)
    return "\n".join(
        [
            f"{sections.prepare.params.source}: {schema.rows} pairs ({parts})",
            f"target {features.target}: similarity, '{(schema.classes or [])[1]}' is alike, loss {loss}",
            *raw.found.format.lines(),
            *(f"  {column.name}: {text.get(column.name, column.kind)}" for column in schema.pairs.columns),
            *(f"  {column.name}: not seen" for column in schema.columns if column.kind == "ignored"),
            *(f"note: {note}" for note in notes),
            "",
        ]
    )
