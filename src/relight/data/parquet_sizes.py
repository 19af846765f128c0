"""The sizes that a Parquet file of a stranger claims, before anything is unpacked: 1 KB may hold 10 GB of one number.

Source: the metadata of the format (apache/parquet-format, `parquet.thrift`), in Thrift's compact protocol.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relight.errors import InputError

MAX_COLUMNS = 100_000
MAX_READ_BYTES = 64 << 20  # a larger file is not looked at: it may hold what is many times as large
MIN_UNPACKED_BYTES = 256 << 20  # that every file may have
MAX_PACKING = 1000  # times the size of the file that a larger one may have
_END_BYTES = 8  # the length of the metadata, and PAR1
_MAX_DEPTH = 20  # of structures in the metadata; the format has 7
_MIN_PAGE_BYTES = 8
_VALUE_BYTES = {6: 16}  # in memory, by the type: of texts only what points to them; 8 for all others
_SCHEMA, _N_ROWS, _ROW_GROUPS, _COLUMNS = 2, 3, 4, 1  # numbers of fields in the metadata
_META, _TYPE, _N_VALUES, _UNPACKED, _PACKED, _DATA_AT, _DICTIONARY_AT = 3, 1, 5, 6, 7, 9, 11
_PAGE_UNPACKED, _PAGE_PACKED, _PAGES = 2, 3, (5, 7, 8)  # data, dictionary, data of version 2


def assert_unpacks(path: Path) -> None:
    """Check that the file is not said to be far larger in memory than on the disk, by any of its parts.

    A file without such metadata passes: Polars says what is wrong with it.

    Raises:
        InputError: if it is, or if its parts cannot be told.
    """
    n_bytes = path.stat().st_size
    if not _END_BYTES < n_bytes <= MAX_READ_BYTES:
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            _assert_small(path, content, max(MIN_UNPACKED_BYTES, MAX_PACKING * n_bytes))
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: is a damaged Parquet file: its metadata cannot be read") from error


def _assert_small(path: Path, content: mmap.mmap, limit: int) -> None:
    metadata = _metadata(content)
    if metadata is None:
        return
    if (n_columns := len(metadata[_SCHEMA]) - 1) > MAX_COLUMNS:
        raise InputError(f"{path}: must have at most {MAX_COLUMNS} columns, got {n_columns}; leave out some")
    n_unpacked = 0
    for n_more in _unpacked_parts(content, metadata):
        n_unpacked += n_more
        if n_more < 0:
            raise ValueError("a size below 0")
        if n_unpacked > limit:
            raise InputError(
                f"{path}: must take at most {limit >> 20} MB in memory, {MAX_PACKING} times its size or "
                f"{MIN_UNPACKED_BYTES >> 20} MB, and it says that it takes more; write it again from a table you trust"
            )


def _metadata(content: mmap.mmap) -> dict[int, Any] | None:
    n_bytes = int.from_bytes(content[-_END_BYTES:-4], "little")
    start = len(content) - _END_BYTES - n_bytes
    if content[-4:] != b"PAR1" or start < 4:
        return None
    return _Thrift(content[start:-_END_BYTES]).struct()


def _unpacked_parts(content: mmap.mmap, metadata: dict[int, Any]) -> Iterator[int]:
    """Yield the bytes that each column of each row group takes in memory, as the largest of what is said of it."""
    n_pages = 0
    for group in metadata.get(_ROW_GROUPS, []):
        for column in group[_COLUMNS]:
            chunk, n_values, n_unpacked = column[_META], group.get(_N_ROWS, 0), 0
            width = _VALUE_BYTES.get(chunk[_TYPE], 8)
            n_in_pages = 0
            for n_page_values, n_page_bytes in _pages(content, chunk):
                n_pages += 1
                n_in_pages, n_unpacked = n_in_pages + n_page_values, n_unpacked + n_page_bytes
                if n_pages > len(content) // _MIN_PAGE_BYTES or min(n_page_values, n_page_bytes) < 0:
                    raise ValueError("the same pages several times, or a size below 0")
            yield max(width * max(n_values, n_in_pages, chunk[_N_VALUES]), n_unpacked, chunk[_UNPACKED])


def _pages(content: mmap.mmap, chunk: dict[int, Any]) -> Iterator[tuple[int, int]]:
    """Yield the number of values and the unpacked size of each page of a column, as the page itself says."""
    at = min(offset for offset in (chunk[_DATA_AT], chunk.get(_DICTIONARY_AT)) if offset)  # 0: it has none
    end = at + chunk[_PACKED]
    if at < 0 or not at <= end <= len(content):
        raise ValueError("a column out of the file")
    while at < end:
        reader = _Thrift(content, at)
        page = reader.struct()
        kind: dict[int, Any] = next((page[number] for number in _PAGES if number in page), {})
        yield kind.get(1, 0), page[_PAGE_UNPACKED]
        at = reader.at + max(0, page[_PAGE_PACKED])


class _Thrift:
    """Reads Thrift's compact protocol: structures as their fields by number.

    Raises:
        IndexError, ValueError: for bytes that are none.
    """

    def __init__(self, content: bytes | mmap.mmap, at: int = 0) -> None:
        self._content, self.at = content, at

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Return the fields of the structure that begins here."""
        if depth > _MAX_DEPTH:
            raise ValueError("too deep")
        fields: dict[int, Any] = {}
        number = 0
        content = self._content
        while head := content[self.at]:
            self.at += 1
            step, kind = head >> 4, head & 15
            number = number + step if step else self._zigzag()
            if kind in (5, 6):  # most fields; a table of 10,000 columns has 300,000 of them
                fields[number] = self._zigzag()
            else:
                fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        self.at += 1
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._varint())
            case 9 | 10:
                return self._list(depth)
            case 12:
                return self.struct(depth + 1)
        raise ValueError(f"a field of type {kind}")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        n_items = head >> 4 if head >> 4 < 15 else self._varint()
        if n_items > len(self._content) - self.at:
            raise ValueError("a list that is longer than the file")
        kind = 3 if head & 15 in (1, 2) else head & 15
        return [self._value(kind, depth + 1) for _ in range(n_items)]

    def _byte(self) -> int:
        value = self._content[self.at]
        self.at += 1
        return value

    def _bytes(self, n_bytes: int) -> bytes:
        if n_bytes > len(self._content) - self.at:
            raise ValueError("a text that is longer than the file")
        self.at += n_bytes
        return self._content[self.at - n_bytes : self.at]

    def _varint(self) -> int:
        content, at = self._content, self.at
        byte = value = content[at]  # most numbers are of one byte
        shift = 0
        while byte & 128:
            at, shift = at + 1, shift + 7
            byte = content[at]
            value = value & ~(1 << shift) | byte << shift  # in the place of the sign that the number goes on
            if shift > 63:
                raise ValueError("a number of more than 64 bits")
        self.at = at + 1
        return value

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
