"""The source that `prepare.source` names: a table (a regular file, or a folder of them, inside the repository), or the
description of points on a known line, the data of the tutorial."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from relight.data.text_format import CsvParams
from relight.errors import InputError
from relight.own_code.calls import Call
from relight.prepare.csv.dialect import find_dialect
from relight.prepare.csv.files import PACKED_ENDINGS
from relight.prepare.csv.reader import ColumnTypes, csv_frames, csv_names
from relight.prepare.frames import TableHead
from relight.prepare.own_reader import OwnTable
from relight.prepare.params import LineParams
from relight.prepare.typed_files import TypedKind, typed_frames, typed_schema
from relight.runtime.params import check_document
from relight.runtime.places import assert_in_repository
from relight.runtime.strict_yaml import read_yaml

SourceKind = Literal["line", "csv"] | TypedKind
_TEXT_ENDINGS = (".csv", ".tsv", ".tab", ".psv")
_KINDS: dict[str, SourceKind] = {  # by the ending, in whatever letters
    **{ending + packed: "csv" for ending in _TEXT_ENDINGS for packed in ("", *PACKED_ENDINGS)},
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), "excel"),
}
_LOOSE_KINDS: dict[str, SourceKind] = {  # tables if they are named, and in a folder often something else
    **{ending + packed: "csv" for ending in (".txt", ".data", ".dat") for packed in ("", *PACKED_ENDINGS)},
    ".zip": "csv",
}
_READ = ".csv, .tsv, .txt (also as .gz, .bz2, .xz, .zip), .parquet, .jsonl, .xlsx"
_NEXT_STEPS = {
    ".zst": "unpack it with `unzstd`",
    ".json": "write it as .jsonl, with an object on each line",
    **dict.fromkeys((".feather", ".arrow", ".ipc"), "write it as .parquet: `pl.read_ipc(file).write_parquet(...)`"),
    **dict.fromkeys((".pkl", ".pickle"), "a pickle may run code when it is read, and is never read; write .parquet"),
}
_AUTO = CsvParams()


def generate_line(params: LineParams, target: str | list[str]) -> pl.DataFrame:
    """Return the columns `x` and the target: y = weight * x + bias (+ noise), (n_points,) each.

    They are bit for bit the tutorial's `X = torch.arange(start, stop, step)` and `y = weight * X + bias`.

    Raises:
        InputError: for several targets, or one that is named x.
    """
    if not isinstance(target, str):
        raise InputError(f"prepare.target: must be one column for a line, got {', '.join(target)}; name it y")
    if target == "x":
        raise InputError("prepare.target: x is the input of a line; name the target y")
    x = _arange(params.start, params.stop, params.step)
    y = np.float32(params.weight) * x + np.float32(params.bias)
    if params.noise > 0:
        drawn = np.random.default_rng(params.seed).normal(0, params.noise, len(x))
        y = y + drawn.astype(np.float32)
    return pl.DataFrame({"x": x, target: y})


def true_line(params: LineParams) -> dict[str, float]:
    """Return the parameters that a model should learn from the points."""
    return {"weight": params.weight, "bias": params.bias}


def _arange(start: float, stop: float, step: float) -> np.ndarray:
    """Return float32 points from start, not including stop, with the rounding of `torch.arange` on one thread.

    PyTorch counts in vectors of eight, two at a time: the first of each eight is rounded to float32
    before the others are added to it. The last points, fewer than two vectors, are counted one by one.
    """
    n_points = int(np.ceil((stop - start) / step))
    index = np.arange(n_points)
    in_vectors = index < n_points // 16 * 16
    first_of_eight = _fused_multiply_add(start, index // 8 * 8, step).astype(np.float32).astype(np.float64)
    points = np.where(
        in_vectors, _fused_multiply_add(first_of_eight, index % 8, step), _fused_multiply_add(start, index, step)
    )
    return points.astype(np.float32)


def _fused_multiply_add(start: float | np.ndarray, index: np.ndarray, step: float) -> np.ndarray:
    """Return start + index * step without rounding the product, as PyTorch's fused multiply-add; it matters near 0.

    The step is split in two parts, short enough that the product of each with an index below 2^24 is exact.
    """
    high = float(np.float32(step))
    return start + index * high + index * (step - high)


class SourceTable:
    """The files of one table: of one kind, with the same columns, in the order of their names."""

    def __init__(self, path: Path, csv: CsvParams = _AUTO, encoding: str = "windows-1252") -> None:
        """Find the files, and read the names of their columns.

        Args:
            csv: how text tables are written.
            encoding: of a text that is not UTF-8, if `csv` leaves it open.

        Raises:
            InputError: for files that do not fit together, or that cannot be read at all.
        """
        self.path = path
        self.files = _files(path)
        kind = file_kind(path)
        self.is_csv = kind == "csv"
        self._typed_kind: TypedKind = "parquet" if kind == "csv" or kind == "line" else kind
        self.dialects = {file: find_dialect(file, csv, encoding) for file in self.files} if self.is_csv else {}
        columns = self._columns(self.files[0])
        for file in self.files[1:]:
            if self._columns(file) != columns:
                what = "columns" if self.is_csv else "columns and types"
                raise InputError(f"{file}: must have the {what} of {self.files[0].name}")

    @property
    def n_bytes(self) -> int:
        """The size on the disk."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def is_packed(self) -> bool:
        """Return whether the size on the disk says little about that in memory."""
        return not self.is_csv or any(file.suffix.lower() in PACKED_ENDINGS for file in self.files)

    def frames(self, types: ColumnTypes) -> Iterator[pl.DataFrame]:
        """Yield the rows in their order, in tables of any number of rows.

        Args:
            types: of CSV columns; the others are text, as are all columns of a piece with a value that does not fit.

        Raises:
            InputError: with file and line, for what could be read in two ways; for no rows.
        """
        n_rows = 0
        for file in self.files:
            is_text = file in self.dialects
            frames = csv_frames(file, types, self.dialects[file]) if is_text else typed_frames(file, self._typed_kind)
            for frame in frames:
                n_rows += frame.height
                yield frame
        if n_rows == 0:
            raise InputError(f"{self.path}: has columns but no rows")

    def head(self, n_rows: int, n_bytes: int | None = None) -> TableHead:
        """Return the first `n_rows` rows at most, CSV as texts, so that types are decided on all values.

        Args:
            n_bytes: in memory, after which there are fewer rows; None for no such limit.
        """
        frames: list[pl.DataFrame] = []
        for frame in self.frames({}):
            frames.append(frame)
            is_full = n_bytes is not None and sum(frame.estimated_size() for frame in frames) > n_bytes
            if is_full or sum(frame.height for frame in frames) > n_rows:
                return TableHead(pl.concat(frames).head(n_rows), is_whole=False)
        return TableHead(pl.concat(frames), is_whole=True)

    def _columns(self, file: Path) -> list[str] | pl.Schema:
        if self.is_csv:
            return csv_names(file, self.dialects[file])
        return typed_schema(file, self._typed_kind)


def open_source(
    source: Path, reader: Call | None = None, csv: CsvParams = _AUTO
) -> SourceTable | OwnTable | LineParams:
    """Return a table that is not read yet, or the description of a generated one.

    Args:
        reader: a function of the user's own that reads it, whatever its ending.
        csv: how text tables are written.

    Raises:
        InputError: with all that keeps it from being read.
    """
    if reader is not None:
        assert_in_repository(source)
        return OwnTable(source, reader)
    if source_kind(source) != "line":
        return SourceTable(source, csv)
    checked = check_document(read_yaml(source), LineParams)
    if checked.params is None:
        raise InputError(*checked.problems)
    return checked.params


def source_kind(source: Path) -> SourceKind:
    """Return what the source is by its name, or by the names of the files in a folder.

    Raises:
        InputError: for a path outside the repository, missing, no regular file, or of another kind.
    """
    assert_in_repository(source)
    return file_kind(source)


def file_kind(path: Path) -> SourceKind:
    """Return what a file, or the files of a folder, are by their names.

    Raises:
        InputError: for a file that is missing or of another kind, and for a folder without tables or of several kinds.
    """
    if path.is_file() and path.suffix == ".yaml":
        return "line"
    return _kinds(path)[_ending(_files(path)[0])]


def _files(path: Path) -> list[Path]:
    """Return the file itself, or the tables of a folder in the order of their names."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _ending(file) in _KINDS and file.is_file())
        if not files:
            raise InputError(f"{path}: has no tables in it ({_READ})")
        other = next((file for file in files if _ending(file) != _ending(files[0])), None)
        if other is not None:
            raise InputError(f"{path}: must hold files of one kind, got {files[0].name} and {other.name}")
        return files
    if not path.is_file():
        raise InputError(f"{path}: no such file" if not path.exists() else f"{path}: is not a regular file")
    if not _ending(path):
        step = _NEXT_STEPS.get(path.suffix.lower(), "or read it with a function of your own: prepare.reader")
        raise InputError(f"{path}: must end in .yaml, {_READ}, or be a folder of such tables; {step}")
    return [path]


def _kinds(path: Path) -> dict[str, SourceKind]:
    return _KINDS if path.is_dir() else _KINDS | _LOOSE_KINDS


def _ending(path: Path) -> str:
    """Return the ending that tells the format of a table; empty for other files."""
    name = path.name.lower()
    return max((ending for ending in (*_KINDS, *_LOOSE_KINDS) if name.endswith(ending)), key=len, default="")
