"""A reader of the user's own: a function from the path of the source to its rows, in place of the CSV and Parquet ones.

It returns a table (see frames.py), or yields one part of it after the other; then only one part is in memory at a time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from relight.data.schema import SourceReader
from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.closure import file_digests, own_files
from relight.own_code.loading import as_function, described, load
from relight.prepare.frames import TableHead, as_frame, is_table
from relight.runtime.tracebacks import blame_own_code

KEY = "prepare.reader"
FOLDER_ENDING = "/"
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst", ".zip")
_NEXT_STEPS = {  # by the type that was returned
    "NoneType": "; return the table",
    "LazyFrame": "; return its .collect()",
    "Series": "; return its .to_frame()",
    "Table": "; return pl.from_arrow(table)",
    "ndarray": "; name it, as {'x': array}",
    "Tensor": "; name it, as {'x': tensor.numpy()}",
}


class OwnTable:
    """The rows that a reader returned or yields; they pass once."""

    def __init__(self, path: Path, call: Call, project: Path = Path()) -> None:
        """Call the reader.

        Args:
            project: the folder below which the reader lies.

        Raises:
            InputError: if there is no such reader, or it does not take the path and its settings.
            RunError: for an exception of the reader, with its file and line.
        """
        self.path = path
        self._project = project
        target = load(call, KEY, project)
        self._reader = described(target, call)
        with blame_own_code(project, KEY):
            returned = as_function(target, call, KEY, "path")(path)
        self._unread = self._frames(returned)
        self._first: list[pl.DataFrame] = []

    @property
    def n_bytes(self) -> int:
        """The size on the disk."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files if file.is_file())

    def frames(self, _types: object = None) -> Iterator[pl.DataFrame]:
        """Yield the rows in their order, in tables of any number of rows; they keep their types.

        Raises:
            InputError: for a table that cannot be read, or tables that do not fit together, or no rows.
            RunError: for an exception of the reader, with its file and line.
        """
        while self._first:
            yield self._first.pop(0)
        yield from self._unread

    def head(self, n_rows: int, _n_bytes: int | None = None) -> TableHead:
        """Return the first `n_rows` rows at most; `frames` yields them again."""
        while sum(frame.height for frame in self._first) <= n_rows:
            frame = next(self._unread, None)
            if frame is None:
                return TableHead(pl.concat(self._first), is_whole=True)
            self._first.append(frame)
        return TableHead(pl.concat(self._first).head(n_rows), is_whole=False)

    def _frames(self, returned: Any) -> Iterator[pl.DataFrame]:
        types: pl.Schema | None = None
        n_rows = 0
        for number, table in enumerate(self._tables(returned), 1):
            try:
                frame = _with_types(as_frame(table), types)
            except InputError as error:
                part = f"table {number}: " if types is not None else ""
                raise InputError(*(f"{KEY}: {self._reader}: {part}{problem}" for problem in error.problems)) from error
            types, n_rows = frame.schema, n_rows + frame.height
            if frame.height:
                yield frame
        if n_rows == 0:
            raise InputError(f"{KEY}: {self._reader} must return rows, got none from {self.path}")

    def _tables(self, returned: Any) -> Iterator[Any]:
        if is_table(returned):
            yield returned
            return
        if not isinstance(returned, Iterator | list | tuple):
            raise self._wrong_type(returned, "")
        tables, end = iter(returned), object()
        while True:
            with blame_own_code(self._project, KEY):
                table = next(tables, end)
            if table is end:
                return
            if not is_table(table):
                raise self._wrong_type(table, "an iterator of ")
            yield table

    def _wrong_type(self, value: Any, before: str) -> InputError:
        name = type(value).__name__
        return InputError(
            f"{KEY}: {self._reader} must return a DataFrame of Polars or pandas, arrays by name, or an iterator of "
            f"them, got {before}{name}{_NEXT_STEPS.get(name, '')}"
        )


def _with_types(frame: pl.DataFrame, types: pl.Schema | None) -> pl.DataFrame:
    """Return a later table with the types of the first one.

    Raises:
        InputError: for other columns, and values that these types cannot hold.
    """
    if types is None or frame.schema == types:
        return frame
    if frame.columns != types.names():
        raise InputError(
            f"must have the columns of the first table, got {', '.join(frame.columns)} for {', '.join(types.names())}"
        )
    problems = [
        f"column '{name}' must be of type {dtype}, as in the first table, got {frame[name].dtype}; cast it"
        for name, dtype in types.items()
        if not _can_hold(dtype, frame[name])
    ]
    if problems:
        raise InputError(*problems)
    return frame.cast(types)


def _can_hold(dtype: pl.DataType, values: pl.Series) -> bool:
    """Return whether no value changes: numbers of another width, gaps, categories and texts."""
    if values.null_count() == len(values) or values.dtype == dtype:
        return True
    texts = (pl.String, pl.Categorical, pl.Enum)
    if not (dtype.is_numeric() and values.dtype.is_numeric()) and not (dtype in texts and values.dtype in texts):
        return False
    there = values.cast(dtype, strict=False)
    return there.null_count() == values.null_count() and there.cast(values.dtype).equals(values)


def ending_of(path: Path) -> str:
    """Return the ending that tells the reader's files from other tables: `.xlsx`, `.json.gz`; `/` for a folder."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        return "".join(suffixes[-2:])
    return suffixes[-1] if suffixes else FOLDER_ENDING if path.is_dir() else ""


def describe_reader(call: Call, source: Path, project: Path = Path()) -> SourceReader:
    """Return what a model remembers of the reader."""
    return SourceReader(
        call=call.call,
        settings=call.settings,
        ending=ending_of(source),
        files=file_digests(own_files(call, project), project),
    )
