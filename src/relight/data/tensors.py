"""Named arrays in one safetensors file, whole or in blocks of rows: no code inside, same arrays, same bytes."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Self

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load

from relight.data.features import Features
from relight.errors import InputError
from relight.runtime.files import assert_regular, memory_bytes, read_regular
from relight.runtime.messages import abbreviate, printable

Arrays = dict[str, np.ndarray]

METADATA = "__metadata__"  # a name of the format
_CODES = {"int32": "I32", "float32": "F32", "float64": "F64", "int64": "I64"}  # as safetensors sorts them


class Layout(NamedTuple):
    """The type of an array (float32, float64, int32 or int64), and its whole shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """The size of the whole array."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


class TensorsWriter:
    """Writes arrays some rows at a time, each at its offset in the file: no array is ever whole in memory.

    Threads may write different rows at once. The rows are written, not mapped: mapped pages count as memory
    until the disk has them.
    """

    def __init__(self, path: Path, layouts: Mapping[str, Layout]) -> None:
        header, starts = _header(layouts)
        self._path = path
        self._layouts = layouts
        self._starts = {name: len(header) + start for name, start in starts.items()}
        self._n_missing = sum(layout.n_bytes for layout in layouts.values())
        self._lock = Lock()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self._write(header, 0)

    def write(self, first_row: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write some rows of every array, from `first_row` on."""
        for name, array in arrays.items():
            dtype, shape = self._layouts[name]
            assert array.dtype == dtype, name
            assert array.shape[1:] == shape[1:], name
            row_bytes = Layout(dtype, shape[1:]).n_bytes
            content = np.ascontiguousarray(array).data.cast("B") if array.size else b""
            self._write(content, self._starts[name] + first_row * row_bytes)
            with self._lock:
                self._n_missing -= len(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        os.close(self._file)
        assert kind is not None or self._n_missing == 0, f"{self._path} is not full"

    def _write(self, content: memoryview | bytes, offset: int) -> None:
        """Write all of the content; one call of the system may write less."""
        while len(content):
            n_written = os.pwrite(self._file, content, offset)
            content, offset = content[n_written:], offset + n_written


def write_tensors(path: Path, arrays: Arrays) -> None:
    """Write whole arrays, which may be of different lengths."""
    layouts = {name: Layout(array.dtype.name, array.shape) for name, array in arrays.items()}
    with TensorsWriter(path, layouts) as file:
        file.write(0, arrays)


def _header(layouts: Mapping[str, Layout]) -> tuple[bytes, dict[str, int]]:
    """Return the bytes before the arrays, as the safetensors library writes them, and the offset of each array."""
    order = sorted(layouts, key=lambda name: (-list(_CODES).index(layouts[name].dtype), name))
    entries, starts, end = {}, {}, 0
    for name in order:
        dtype, shape = layouts[name]
        starts[name], end = end, end + layouts[name].n_bytes
        entries[name] = {"dtype": _CODES[dtype], "shape": list(shape), "data_offsets": [starts[name], end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, starts


class _NamedArrays(Arrays):
    """The arrays of a file; one that is missing is named."""

    def __init__(self, path: Path, arrays: Arrays) -> None:
        super().__init__(arrays)
        self._path = path

    def __missing__(self, name: str) -> np.ndarray:
        raise _missing(self._path, name, self)


def read_tensors(path: Path) -> Arrays:
    """Read the arrays of a file.

    Raises:
        InputError: when the file is missing or damaged, or `split` writes no such arrays.
    """
    try:
        content = read_regular(path, memory_bytes())
        _assert_own_types(path, content[8 : 8 + int.from_bytes(content[:8], "little")])
        return _NamedArrays(path, load(content))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    except (SafetensorError, ValueError) as error:  # NumPy has a ValueError for a size that no memory has
        raise InputError(f"{path}: is damaged ({error}); run `dvc checkout --force`") from error


def assert_widths(path: Path, shapes: Mapping[str, tuple[int, ...]], features: Features) -> None:
    """Check that a row of each array has as many numbers as the features say.

    Args:
        shapes: of the arrays of the file.

    Raises:
        InputError: if not: they are of another run.
    """
    sides = ("left_", "right_") if features.kind == "pairs" else ("",)
    widths = {f"{side}numeric": len(features.numeric) for side in sides}
    widths |= {f"{side}categories": len(features.categorical) for side in sides}
    if features.series is not None:
        widths = {"covariates": features.series.n_channels - 1}
    for name, width in widths.items():
        if name not in shapes:
            raise _missing(path, name, shapes)
        if len(shapes[name]) != 2 or shapes[name][1] != width:
            raise InputError(
                f"{path}: '{name}' must have {width} numbers in each row, as the features say, got the shape "
                f"{shapes[name]}; run `dvc checkout --force`, or `dvc repro`"
            )


def assert_classes(path: Path, target: np.ndarray, features: Features) -> None:
    """Check that each target is one of the classes, by its place among them, or shares of them.

    Raises:
        InputError: if not: the file is of another run, or was changed.
    """
    last = len(features.classes or []) - 1
    if last > 0 and target.size and not (target.min() >= 0 and target.max() <= last):
        raise InputError(
            f"{path}: 'target' must be from 0 to {last}, because {features.target} has {last + 1} classes, got "
            f"{target.min():g} to {target.max():g}; run `dvc checkout --force`, or `dvc repro`"
        )


def _missing(path: Path, name: str, names: Iterable[str]) -> InputError:
    here = abbreviate(sorted(names)) or "no array"
    return InputError(f"{path}: must hold the array '{name}', got {here}; run `dvc checkout --force`, or `dvc repro`")


def _assert_own_types(path: Path, header: bytes) -> None:
    """Check the types of the arrays; the safetensors library checks all else.

    Raises:
        InputError: for a type that Relight does not write; NumPy has no BF16, among others.
    """
    try:
        entries = json.loads(header)
        types = {name: entry["dtype"] for name, entry in entries.items() if name != METADATA}
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return  # the library says what is wrong
    for name, dtype in types.items():
        if dtype not in _CODES.values():
            raise InputError(
                f"{path}: '{printable(name)[:80]}' must be of type {', '.join(_CODES.values())}, got "
                f"{printable(str(dtype))[:80]}; the split stage did not write it: run `dvc checkout --force`, or "
                "`dvc repro`"
            )


class StoredTensors:
    """The arrays of a file, whose rows are read only when they are needed.

    They are read, not mapped: mapped pages would count as memory of the process.

    Attributes:
        layouts: the layout of each array; all have the same number of rows.
    """

    def __init__(self, path: Path) -> None:
        """Read the layouts.

        Raises:
            InputError: when the file is missing or damaged.
        """
        self._path = path
        self._check()
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = file.read(size)
        _assert_own_types(path, header)
        entries = {name: entry for name, entry in json.loads(header).items() if name != METADATA}
        names = {code: name for name, code in _CODES.items()}
        self.layouts = {name: Layout(names[e["dtype"]], tuple(e["shape"])) for name, e in entries.items()}
        self._starts = {name: 8 + size + entry["data_offsets"][0] for name, entry in entries.items()}

    @property
    def names(self) -> list[str]:
        """The names of the arrays."""
        return list(self.layouts)

    @property
    def n_rows(self) -> int:
        """The number of rows of each array."""
        if "target" not in self.layouts:
            raise _missing(self._path, "target", self.layouts)
        return (*self.layouts["target"].shape, 0)[0]

    @property
    def row_bytes(self) -> int:
        """The size of one row of all arrays together."""
        return sum(Layout(dtype, shape[1:]).n_bytes for dtype, shape in self.layouts.values())

    def read(self, blocks: Sequence[range], names: Sequence[str]) -> Arrays:
        """Read the rows of these blocks, one after the other, of the arrays with these names.

        Raises:
            InputError: when the file ends too early, or has fewer rows, or another array.
        """
        for name in names:
            if name not in self.layouts:
                raise _missing(self._path, name, self.layouts)
            self._assert_has_rows(name, max((block.stop for block in blocks), default=0))
        with open(self._path, "rb", buffering=0) as file:
            return {name: self._read(file.fileno(), name, blocks) for name in names}

    def _assert_has_rows(self, name: str, n_rows: int) -> None:
        """Check before memory is taken: other arrays, which say how many rows to read, may lie."""
        n_stored = (*self.layouts[name].shape, 0)[0]
        if n_rows > n_stored:
            raise InputError(
                f"{self._path}: '{name}' must have {n_rows} rows, got {n_stored}; "
                "run `dvc checkout --force`, or `dvc repro`"
            )

    def _read(self, file: int, name: str, blocks: Sequence[range]) -> np.ndarray:
        dtype, shape = self.layouts[name]
        array = np.empty((sum(map(len, blocks)), *shape[1:]), dtype)
        content, position = array.reshape(-1).view(np.uint8).data, 0
        row_bytes = Layout(dtype, shape[1:]).n_bytes
        for block in blocks:
            end = position + len(block) * row_bytes
            self._fill(file, content[position:end], self._starts[name] + block.start * row_bytes)
            position = end
        return array

    def _fill(self, file: int, content: memoryview, offset: int) -> None:
        """Fill all of the content; one call of the system may read less."""
        while len(content):
            n_read = os.preadv(file, [content], offset)
            if n_read == 0:
                raise InputError(f"{self._path}: is damaged (it ends too early); run `dvc checkout --force`")
            content, offset = content[n_read:], offset + n_read

    def _check(self) -> None:
        try:
            assert_regular(self._path)
            with safe_open(self._path, framework="numpy"):
                pass
        except OSError as error:
            raise InputError(
                f"{self._path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`"
            ) from error
        except SafetensorError as error:
            raise InputError(f"{self._path}: is damaged ({error}); run `dvc checkout --force`") from error
