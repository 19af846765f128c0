"""check: read params and data, and say all that is wrong, before anything runs. Writes nothing."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from relight.domain.cleaning import CleanTable, clean_table
from relight.domain.compatibility import assert_can_stop_early, remarks, settle_loss
from relight.domain.describing import PartsReport, describe, report_parts
from relight.domain.features import Features
from relight.domain.models.requirements import assert_model_reads
from relight.domain.splitting import assign_parts
from relight.errors import InputError
from relight.io.sections import Sections, check_sections
from relight.io.source import read_source
from relight.io.yaml12 import read_yaml
from relight.params.prepare import PrepareParams
from relight.params.split import SplitParams

Asked = ParamSpec("Asked")


def check(params: Path) -> str:
    """What the pipeline will do, and what is odd about it.

    Raises:
        InputError: with all that is wrong in params and data.
    """
    sections = check_sections(read_yaml(params))
    problems = list(sections.problems)
    clean = _clean(sections.prepare.params, problems)
    described = _describe(sections.split.params, clean, problems)
    if described is not None:
        problems += _mismatches(sections, described[0])
    if problems or clean is None or described is None:
        raise InputError(*problems)
    return _summary(sections, clean, *described)


def _clean(params: PrepareParams | None, problems: list[str]) -> CleanTable | None:
    if params is None:
        return None
    try:
        return clean_table(read_source(Path(params.source)), params)
    except InputError as error:
        problems += error.problems
        return None


def _describe(
    params: SplitParams | None, clean: CleanTable | None, problems: list[str]
) -> tuple[Features, PartsReport] | None:
    if params is None or clean is None:
        return None
    try:
        parts = assign_parts(params, clean.rows, clean.schema.target)
        features = describe(params, clean.rows, clean.schema, parts)
        return features, report_parts(clean.rows, features, parts)
    except InputError as error:
        problems += error.problems
        return None


def _mismatches(sections: Sections, features: Features) -> list[str]:
    found: list[str] = []
    if (model := sections.model.params) is not None:
        found += _problems_of(assert_model_reads, model, features)
    if (train := sections.train.params) is not None:
        found += _problems_of(settle_loss, train.loss, features.task)
        found += _problems_of(assert_can_stop_early, train, features)
    return found


def _problems_of(assert_suits: Callable[Asked, object], *args: Asked.args, **kwargs: Asked.kwargs) -> list[str]:
    try:
        assert_suits(*args, **kwargs)
    except InputError as error:
        return list(error.problems)
    return []


def _summary(sections: Sections, clean: CleanTable, features: Features, report: PartsReport) -> str:
    assert sections.prepare.params
    assert sections.train.params
    parts = ", ".join(f"{count} {part}" for part, count in report.rows.items() if count)
    loss = settle_loss(sections.train.params.loss, features.task)
    odd = remarks(sections.train.params, features, os.cpu_count() or 1)
    seen = features.names
    kinds = {column.name: column.kind if column.name in seen else "not seen" for column in clean.schema.columns}
    return "\n".join(
        [
            f"{sections.prepare.params.source}: {clean.schema.rows} rows ({parts})",
            f"target {features.target}: {features.task}, loss {loss}",
            *(f"  {name}: {kind}" for name, kind in kinds.items()),
            *(f"note: {note}" for note in (*clean.schema.notes, *report.notes, *odd)),
            "",
        ]
    )
