"""check: read params and data, and say all that is wrong, before anything runs. Writes nothing."""

import os
from pathlib import Path

from relight.domain.cleaning import CleanTable, clean_table
from relight.domain.compatibility import assert_can_stop_early, assert_model_reads, remarks, settle_loss
from relight.domain.describing import describe
from relight.domain.features import Features
from relight.domain.splitting import assign_parts
from relight.errors import InputError
from relight.io.sections import Sections, check_sections
from relight.io.source import read_source
from relight.io.yaml12 import read_yaml
from relight.params.prepare import PrepareParams
from relight.params.split import SplitParams


def check(params: Path) -> str:
    """What the pipeline will do, and what is odd about it.

    Raises:
        InputError: with all that is wrong in params and data.
    """
    sections = check_sections(read_yaml(params))
    problems = list(sections.problems)
    clean = _clean(sections.prepare.params, problems)
    features = _features(sections.split.params, clean, problems)
    if features is not None:
        problems += _mismatches(sections, features)
    if problems or clean is None or features is None:
        raise InputError(*problems)
    return _summary(sections, clean, features)


def _clean(params: PrepareParams | None, problems: list[str]) -> CleanTable | None:
    if params is None:
        return None
    try:
        return clean_table(read_source(Path(params.source)), params)
    except InputError as error:
        problems += error.problems
        return None


def _features(params: SplitParams | None, clean: CleanTable | None, problems: list[str]) -> Features | None:
    if params is None or clean is None:
        return None
    try:
        return describe(params, clean.rows, clean.schema, assign_parts(params, clean.rows, clean.schema.target))
    except InputError as error:
        problems += error.problems
        return None


def _mismatches(sections: Sections, features: Features) -> list[str]:
    found: list[str] = []
    model, train = sections.model.params, sections.train.params
    checks = []
    if model is not None:
        checks.append(lambda: assert_model_reads(model, features))
    if train is not None:
        checks.append(lambda: settle_loss(train.loss, features.task) and None)
        checks.append(lambda: assert_can_stop_early(train, features))
    for assert_suits in checks:
        try:
            assert_suits()
        except InputError as error:
            found += error.problems
    return found


def _summary(sections: Sections, clean: CleanTable, features: Features) -> str:
    assert sections.prepare.params and sections.train.params
    parts = ", ".join(f"{count} {part}" for part, count in features.rows.items() if count)
    loss = settle_loss(sections.train.params.loss, features.task)
    odd = remarks(sections.train.params, features, os.cpu_count() or 1)
    columns = [f"  {column.name}: {column.kind}" for column in clean.schema.columns]
    return "\n".join(
        [
            f"{sections.prepare.params.source}: {clean.schema.rows} rows ({parts})",
            f"target {features.target}: {features.task}, loss {loss}",
            *columns,
            *(f"note: {note}" for note in (*clean.schema.notes, *features.notes, *odd)),
            "",
        ]
    )
