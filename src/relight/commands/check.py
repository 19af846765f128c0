"""`relight check`: everything that is wrong in params.yaml and the data, before anything runs. It writes nothing."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.commands.check_pairs import check_pairs, mismatches
from relight.commands.check_series import series_lines
from relight.data.features import Features, name_with_offset
from relight.data.parquet import rechunk
from relight.data.positive import positive_reason
from relight.data.schema import Schema
from relight.data.text_format import TextFormat
from relight.errors import ColumnError, InputError, RelightError, problems_of
from relight.evaluate.checks import (
    assert_can_evaluate_forecasts,
    assert_can_evaluate_sequences,
    assert_slices,
    columns_to_slice,
)
from relight.params import Sections, check_sections
from relight.prepare.params import LineParams, PrepareParams
from relight.prepare.plain.formats import FoundFormat
from relight.prepare.plain.tables import PlainTable, open_plain, read_plain
from relight.prepare.sequences import clean_sequences
from relight.prepare.series import regularize_series
from relight.prepare.table import PLANNING_ROWS, TableCleaner, clean_table, with_source
from relight.prepare.targets import clean_target, value_task
from relight.runtime.messages import shorten_notes
from relight.runtime.strict_yaml import read_yaml
from relight.split.assignment import assign_rows
from relight.split.description import describe_features
from relight.split.params import SplitParams
from relight.split.report import SplitReport, report_split
from relight.split.sequences import split_sequences
from relight.split.series import split_series
from relight.split.statistics import CHUNK_ROWS
from relight.train.auto import resolve_loss
from relight.train.checks import assert_counts, train_warnings
from relight.train.params import TrainParams

MAX_CHECKED_BYTES = 64 << 20  # only the first rows of a larger source are checked: prepare and split read all of it
N_CHECKED_ROWS = 16_384
MAX_HELD_BYTES = 128 << 20  # of a packed source, in memory; of a larger one only the first rows are checked


class _CleanTable(NamedTuple):
    """A whole table, in chunks as split reads it."""

    chunks: list[pl.DataFrame]
    schema: Schema
    texts: TextFormat = TextFormat()

    def columns(self, names: list[str]) -> pl.DataFrame:
        """Return some columns of all rows."""
        return pl.concat([chunk.select(names) for chunk in self.chunks])


class _FirstRows(NamedTuple):
    """The first rows of a large table: how they are cleaned."""

    cleaning: TableCleaner
    n_bytes: int
    rows: pl.DataFrame
    found: FoundFormat


def check(params: Path) -> str:
    """Return what the pipeline will do, with notes on what is unusual.

    Raises:
        InputError: with everything that is wrong in params and data.
    """
    sections = check_sections(read_yaml(params))
    problems = list(sections.problems)
    if sections.prepare.params is not None and sections.prepare.params.task == "similarity":
        return _check_pairs(sections, sections.prepare.params)
    clean = _clean_source(sections.prepare.params, problems)
    problems += _slice_problems(sections, clean)
    if isinstance(clean, _FirstRows) and not problems:
        return _first_summary(sections, clean)
    described = _describe(sections.split.params, clean, problems) if isinstance(clean, _CleanTable) else None
    if described is not None and isinstance(clean, _CleanTable):
        problems += mismatches(sections, described[0])
        problems += _count_problems(sections.train.params, clean)
    if problems or not isinstance(clean, _CleanTable) or described is None:
        raise InputError(*problems)
    return _summary(sections, clean, *described)


def _check_pairs(sections: Sections, prepare: PrepareParams) -> str:
    try:
        raw = read_plain(prepare, Path(prepare.source))
    except RelightError as error:
        raise InputError(*sections.problems, *error.problems) from error
    return check_pairs(raw, prepare, sections)


def _clean_source(params: PrepareParams | None, problems: list[str]) -> _CleanTable | _FirstRows | None:
    if params is None:
        return None
    try:
        if params.sequence is not None:  # all of it, whatever its size: prepare holds all of it as well
            clean_rows = regularize_series if params.task == "forecast" else clean_sequences
            raw = read_plain(params, Path(params.source))
            clean = clean_rows(raw.rows, params)
            return _CleanTable([clean.rows], with_source(clean.schema, params, raw.found), raw.found.format)
        content = open_plain(params, Path(params.source))
        if not isinstance(content, LineParams) and _is_large(content):
            first = content.head(N_CHECKED_ROWS)
            cleaning = TableCleaner(first.rows, params, is_whole=first.is_whole)
            return _FirstRows(cleaning, content.n_bytes, first.rows, content.found)
        return _clean_whole(content, params)
    except RelightError as error:  # what reading the code has found is found again by running it, without its line
        problems += [problem for problem in error.problems if not any(each.endswith(problem) for each in problems)]
        return None


def _is_large(content: PlainTable) -> bool:
    """Return whether only the first rows are checked; of a reader's rows it is not known how many its file makes."""
    is_long = content.is_own and not content.head(PLANNING_ROWS).is_whole
    return is_long or content.n_bytes > MAX_CHECKED_BYTES


def _clean_whole(content: PlainTable | LineParams, params: PrepareParams) -> _CleanTable | _FirstRows:
    if isinstance(content, LineParams):
        clean = clean_table(content, params)
        return _CleanTable(list(rechunk([clean.rows], CHUNK_ROWS)), clean.schema)
    first = content.head(PLANNING_ROWS, MAX_HELD_BYTES if content.is_packed else None)
    cleaning = TableCleaner(first.rows, params, is_whole=first.is_whole)
    frames = [first.rows] if first.is_whole else content.frames(cleaning.types)
    chunks, n_bytes = list[pl.DataFrame](), 0
    for chunk in rechunk(cleaning.clean(frames), CHUNK_ROWS):
        chunks.append(chunk)
        n_bytes += int(chunk.estimated_size())
        if content.is_packed and n_bytes > MAX_HELD_BYTES:
            rows = first.rows.head(N_CHECKED_ROWS)
            return _FirstRows(TableCleaner(rows, params, is_whole=False), content.n_bytes, rows, content.found)
    return _CleanTable(chunks, with_source(cleaning.schema(), params, content.found), content.found.format)


def _describe(
    params: SplitParams | None, clean: _CleanTable, problems: list[str]
) -> tuple[Features, SplitReport] | None:
    if params is None:
        return None
    try:
        if clean.schema.series is not None:
            return split_series(params, clean.schema, clean.schema.series, pl.concat(clean.chunks))[1:3]
        if clean.schema.sequence is not None:
            done = split_sequences(params, clean.schema, clean.schema.sequence, pl.concat(clean.chunks))
            return done.features, done.report
        parts, params, notes, _ = assign_rows(params, clean.schema, clean.columns)
        features = describe_features(params, clean.schema, parts, clean.chunks)
        return features, report_split(params, clean.schema, features, parts, clean.chunks).preceded_by(notes)
    except InputError as error:
        problems += error.problems
        return None


def _count_problems(params: TrainParams | None, clean: _CleanTable) -> list[str]:
    """Return the first target that the loss poisson cannot learn."""
    if params is None or params.loss != "poisson" or clean.schema.task != "regression":
        return []
    values = pl.concat([chunk.select(clean.schema.target) for chunk in clean.chunks]).to_series()
    counts = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return problems_of(lambda: assert_counts(counts, np.arange(len(counts)), clean.schema.target))


def _slice_problems(sections: Sections, clean: _CleanTable | _FirstRows | None) -> list[str]:
    prepare, evaluate = sections.prepare.params, sections.evaluate.params
    if prepare is None or evaluate is None or clean is None:
        return []
    if prepare.task == "forecast":
        return problems_of(lambda: assert_can_evaluate_forecasts(evaluate))
    if prepare.sequence is not None:
        return problems_of(lambda: assert_can_evaluate_sequences(evaluate))
    if isinstance(clean, _CleanTable):
        return problems_of(lambda: assert_slices(evaluate, columns_to_slice(clean.schema)))
    targets = [prepare.target] if isinstance(prepare.target, str) else prepare.target
    weight = [] if prepare.weight is None else [prepare.weight]
    return problems_of(lambda: assert_slices(evaluate, [*clean.cleaning.kinds, *targets, *weight]))


def _summary(sections: Sections, clean: _CleanTable, features: Features, report: SplitReport) -> str:
    assert sections.prepare.params
    assert sections.train.params
    schema = clean.schema
    parts = ", ".join(f"{count} {part}" for part, count in report.rows.items() if count)
    loss = resolve_loss(sections.train.params.loss, features.task)
    warnings = train_warnings(sections.train.params, features, os.cpu_count() or 1)
    inputs = features.columns if features.series is None else features.series.sources
    kinds = {column.name: column.kind if column.name in inputs else "not seen" for column in schema.columns}
    return "\n".join(
        [
            f"{sections.prepare.params.source}: {schema.rows} rows ({parts})",
            f"target {features.target}: {features.task}, loss {loss}",
            *series_lines(schema, clean.chunks[0]),
            *_positive_lines(sections.prepare.params, features),
            *clean.texts.lines(),
            *([f"weight {features.weight}"] if features.weight is not None else []),
            *([f"query {features.query}: its candidates are ranked"] if features.query is not None else []),
            *(f"  {name}: {kind}" for name, kind in kinds.items()),
            *_offset_lines(features),
            *(f"note: {note}" for note in shorten_notes([*schema.notes, *report.notes, *warnings])),
            "",
        ]
    )


def _positive_lines(params: PrepareParams, features: Features) -> list[str]:
    if features.positive_class is None or features.classes is None:
        return []
    return [f"positive class {features.positive_class}: {positive_reason(features.classes, params.positive)}"]


def _first_positive_lines(params: PrepareParams, rows: pl.DataFrame) -> list[str]:
    """Return the positive class of the first rows; of all rows, another one may be the rarer."""
    if not isinstance(params.target, str) or params.task not in ("auto", "binary", "multiclass"):
        return []
    try:
        classes = clean_target(rows[params.target], value_task(params.task), params.positive).classes or []
    except ColumnError:
        return []  # a class may come later; prepare counts all rows
    if len(classes) != 2:
        return []
    return [f"positive class {classes[-1]} in these rows: {positive_reason(classes, params.positive)}"]


def _offset_lines(features: Features) -> list[str]:
    """Return what is subtracted before numbers become float32, so that different values stay apart; mostly nothing."""
    names = [number.shown_name for number in features.numeric if number.offset]
    names += [name_with_offset(features.target, features.target_offset)] if features.target_offset else []
    return [f"read as differences, which float32 keeps apart: {', '.join(names)}"] if names else []


def _first_summary(sections: Sections, first: _FirstRows) -> str:
    assert sections.prepare.params
    return "\n".join(
        [
            f"{sections.prepare.params.source}: {first.n_bytes >> 20} MB, of which the first {N_CHECKED_ROWS} rows "
            "were checked; prepare and split check the others",
            *_first_positive_lines(sections.prepare.params, first.rows),
            *first.found.format.lines(),
            *(f"  {name}: {kind}" for name, kind in first.cleaning.kinds.items()),
            *(f"note: {note}" for note in shorten_notes([*first.found.notes, *first.cleaning.notes])),
            "",
        ]
    )
