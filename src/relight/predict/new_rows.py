"""The rows to predict: of a table, of a file that the model's own reader reads, or of a frame in memory."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from pydantic import ValidationError

from relight.data.schema import SourceReader
from relight.data.text_format import TextFormat
from relight.errors import InputError, problems_of
from relight.model.saved_model import SavedModel
from relight.own_code.calls import Call
from relight.own_code.closure import own_files
from relight.own_code.digests import changed_files
from relight.predict.input_columns import input_columns
from relight.prepare.frames import as_frame, is_table
from relight.prepare.own_reader import FOLDER_ENDING, OwnTable, ending_of
from relight.prepare.plain.formats import find_new_format
from relight.prepare.plain.tables import plain_frame
from relight.prepare.source import SourceTable, file_kind
from relight.runtime.messages import did_you_mean, notify
from relight.runtime.places import assert_stays

FRAME_NAME = "the frame"
GROUP = "\0group"  # no column of a table has this name


class NewRows(NamedTuple):
    """Raw rows.

    Attributes:
        name: names them in messages.
        frames: tables of any number of rows, in order, as they came; iterated once.
        plain: returns such a table with plain texts.
    """

    name: str
    frames: Iterable[pl.DataFrame]
    plain: "PlainTexts"

    def whole(self) -> pl.DataFrame:
        """Return all rows at once."""
        return pl.concat(list(self.frames))


class PlainTexts:
    """Makes the texts of new rows plain: they are written as in training, or as their first rows say."""

    def __init__(self, saved: SavedModel) -> None:
        self._trained = saved.features.text_format or TextFormat()
        self._saved = saved
        self._form: TextFormat | None = None

    def __call__(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Return some of the rows with plain texts; the first of them decide."""
        if self._form is None:
            numeric = [column.name for column in input_columns(self._saved) if column.kind == "numeric"]
            self._form = find_new_format(raw, self._trained, numeric)
        return plain_frame(raw, self._form)


def open_table(table: Path, saved: SavedModel, project: Path = Path()) -> NewRows:
    """Return the rows of a file or a folder.

    Args:
        saved: the model that predicts them; the reader of its source reads what has the same ending.
        project: the folder below which the reader lies.

    Raises:
        InputError: for what is no table, a reader that the project lacks, and a link out of the repository in a folder.
    """
    if table.is_dir():
        assert_stays(table)
    reader, plain = saved.features.reader, PlainTexts(saved)
    if reader is not None and table.exists():
        if ending_of(table) == reader.ending:
            return NewRows(str(table), _read_with(reader, table, project), plain)
        _assert_table_or(reader, table)
    if table.suffix == ".yaml":
        raise InputError(f"{table}: must be a table (.csv, .tsv, .parquet, or a folder of them)")
    return NewRows(str(table), _source_table(table, saved.features.text_format).frames({}), plain)


def _source_table(table: Path, trained: TextFormat | None) -> SourceTable:
    """Return a table whose dialect is found anew; only what its bytes leave open is as in training."""
    if trained is None:
        return SourceTable(table)
    asked = trained.requested
    csv = asked.model_copy(update={"separator": "auto", "encoding": "auto"})
    encoding = asked.encoding if asked.encoding != "auto" else trained.encoding
    is_eight_bit = not encoding.lower().startswith("utf")
    return SourceTable(table, csv, encoding) if is_eight_bit else SourceTable(table, csv)


def rows_of_frame(frame: Any, saved: SavedModel) -> NewRows:
    """Return the rows of a frame of Polars or pandas, or of arrays by name.

    Raises:
        InputError: for another type, and for columns that cannot be read.
    """
    if not is_table(frame):
        raise InputError(
            f"predict: must be given a path, a DataFrame of Polars or pandas, or arrays by name, "
            f"got {type(frame).__name__}"
        )
    try:
        rows = as_frame(frame)
    except InputError as error:
        raise InputError(*(f"{FRAME_NAME}: {problem}" for problem in error.problems)) from error
    if rows.height == 0:
        raise InputError(f"{FRAME_NAME}: has columns but no rows")
    return NewRows(FRAME_NAME, [rows], PlainTexts(saved))


def _read_with(reader: SourceReader, table: Path, project: Path) -> Iterator[pl.DataFrame]:
    call = _call_of(reader)
    is_there = not problems_of(lambda: own_files(call, project))
    changed = changed_files(call, reader.files, project) if is_there else []
    if changed:
        notify(
            f"note: {', '.join(changed)}: has changed since the model was trained, and reads {table} as it "
            "is now; `dvc repro` trains with it"
        )
    try:
        return OwnTable(table, call, project).frames()
    except InputError as error:
        next_step = "; run in the folder of the model's project, or write the rows as .csv or .parquet"
        raise InputError(*(f"{table}: {problem}{next_step}" for problem in error.problems)) from error


def _call_of(reader: SourceReader) -> Call:
    try:
        return Call.model_validate({**reader.settings, "call": reader.call})
    except ValidationError as error:
        raise InputError(f"features.reader of model.json: {error.errors()[0]['msg']}") from error


def _assert_table_or(reader: SourceReader, table: Path) -> None:
    try:
        file_kind(table)
    except InputError as error:
        what = (
            "be a folder"
            if reader.ending == FOLDER_ENDING
            else f"end in {reader.ending}"
            if reader.ending
            else "have no ending"
        )
        raise InputError(
            f"{table}: must {what}, as the source that {reader.call} read, or be a table "
            "(.csv, .tsv, .parquet, or a folder of them)"
        ) from error


def select_kept(raw: pl.DataFrame, keep: Sequence[str], name: str) -> pl.DataFrame:
    """Return the columns to keep, as they came, each once.

    Args:
        name: of the rows, for messages.

    Raises:
        InputError: with all that the rows lack.
    """
    missing = [column for column in keep if column not in raw.columns]
    if missing:
        raise InputError(
            *(f"keep: '{column}' is not a column of {name}{did_you_mean(column, raw.columns)}" for column in missing)
        )
    return raw.select(list(dict.fromkeys(keep)))


def with_kept(kept: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the kept columns, then the predictions.

    Raises:
        InputError: with each column that has the name of one of the predictions.
    """
    taken = [column for column in kept.columns if column in predictions.columns]
    if taken:
        raise InputError(
            *(f"keep: '{column}' is a column of the predictions as well; rename it in the table" for column in taken)
        )
    return pl.concat([kept, predictions], how="horizontal") if kept.columns else predictions


def one_row_each(kept: pl.DataFrame, group: pl.Series, what: str) -> pl.DataFrame:
    """Return one row of the kept columns for each group, in order of first appearance, with the group in front.

    Args:
        group: (n_rows,), the group of each row.
        what: a group is, as `sequence`.

    Raises:
        InputError: with each column that has several values in a group.
    """
    groups = pl.DataFrame([group.alias(GROUP), *kept]).group_by(GROUP, maintain_order=True)
    problems = []
    for column in kept.columns:
        n_values = groups.agg(pl.col(column).n_unique())
        several = n_values.filter(pl.col(column) > 1)
        if several.height:
            name, n = several.row(0)
            problems.append(f"keep: '{column}' must have one value for each {what}, got {n} for {what} '{name}'")
    if problems:
        raise InputError(*problems)
    return groups.agg(pl.col(column).first() for column in kept.columns)
