"""Named arrays in one safetensors file: no code inside, the same bytes for the same arrays."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Self

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load

from relight.errors import InputError

Arrays = dict[str, np.ndarray]

_CODES = {"int32": "I32", "float32": "F32", "int64": "I64"}  # in the order in which safetensors sorts them


class Layout(NamedTuple):
    """What an array will be: float32, int32 or int64, and its whole shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


class TensorsWriter:
    """Writes arrays some rows at a time, each to its place in the file: no array is ever whole in memory.

    Threads may write different rows at once. The pieces are written, not mapped: mapped pages count as memory
    until the disk has them.
    """

    def __init__(self, path: Path, layouts: Mapping[str, Layout]) -> None:
        header, starts = _header(layouts)
        self._path = path
        self._layouts = layouts
        self._starts = {name: len(header) + start for name, start in starts.items()}
        self._missing = sum(layout.n_bytes for layout in layouts.values())
        self._counting = Lock()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self._write(header, 0)

    def write(self, first_row: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Some rows of every array, from this row on."""
        for name, array in arrays.items():
            dtype, shape = self._layouts[name]
            assert array.dtype == dtype, name
            assert array.shape[1:] == shape[1:], name
            row_bytes = Layout(dtype, shape[1:]).n_bytes
            content = np.ascontiguousarray(array).data.cast("B") if array.size else b""
            self._write(content, self._starts[name] + first_row * row_bytes)
            with self._counting:
                self._missing -= len(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        os.close(self._file)
        assert kind is not None or self._missing == 0, f"{self._path} is not full"

    def _write(self, content: memoryview | bytes, offset: int) -> None:
        """All of it: the system may take less at once."""
        while len(content):
            written = os.pwrite(self._file, content, offset)
            content, offset = content[written:], offset + written


def write_tensors(path: Path, arrays: Arrays) -> None:
    """Whole arrays, which may be of different lengths."""
    layouts = {name: Layout(array.dtype.name, array.shape) for name, array in arrays.items()}
    with TensorsWriter(path, layouts) as file:
        file.write(0, arrays)


def _header(layouts: Mapping[str, Layout]) -> tuple[bytes, dict[str, int]]:
    """What stands before the arrays, byte for byte as the safetensors library writes it; where each array starts."""
    order = sorted(layouts, key=lambda name: (-list(_CODES).index(layouts[name].dtype), name))
    entries, starts, end = {}, {}, 0
    for name in order:
        dtype, shape = layouts[name]
        starts[name], end = end, end + layouts[name].n_bytes
        entries[name] = {"dtype": _CODES[dtype], "shape": list(shape), "data_offsets": [starts[name], end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, starts


def read_tensors(path: Path) -> Arrays:
    """The arrays of a file.

    Raises:
        InputError: when the file is missing or damaged.
    """
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    except SafetensorError as error:
        raise InputError(f"{path}: is damaged ({error}); run `dvc checkout --force`") from error


class StoredTensors:
    """The arrays of a file that stay there; some rows of them are read when they are asked for.

    They are read, not mapped: mapped pages would count as memory of the process.

    Attributes:
        layouts: of each array; all have the same number of rows.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            InputError: when the file is missing or damaged.
        """
        self._path = path
        self._check()
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            entries = json.loads(file.read(size))
        names = {code: name for name, code in _CODES.items()}
        self.layouts = {name: Layout(names[e["dtype"]], tuple(e["shape"])) for name, e in entries.items()}
        self._starts = {name: 8 + size + entry["data_offsets"][0] for name, entry in entries.items()}

    @property
    def names(self) -> list[str]:
        return list(self.layouts)

    @property
    def n_rows(self) -> int:
        return self.layouts["target"].shape[0]

    @property
    def row_bytes(self) -> int:
        """Of all arrays together."""
        return sum(Layout(dtype, shape[1:]).n_bytes for dtype, shape in self.layouts.values())

    def read(self, blocks: Sequence[range], names: Sequence[str]) -> Arrays:
        """The rows of these blocks, one after the other, of the arrays with these names."""
        with open(self._path, "rb", buffering=0) as file:
            return {name: self._read(file.fileno(), name, blocks) for name in names}

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
        """All of it: the system may give less at once."""
        while len(content):
            n_read = os.preadv(file, [content], offset)
            if n_read == 0:
                raise InputError(f"{self._path}: is damaged (it ends too early); run `dvc checkout --force`")
            content, offset = content[n_read:], offset + n_read

    def _check(self) -> None:
        try:
            with safe_open(self._path, framework="numpy"):
                pass
        except OSError as error:
            raise InputError(
                f"{self._path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`"
            ) from error
        except SafetensorError as error:
            raise InputError(f"{self._path}: is damaged ({error}); run `dvc checkout --force`") from error
