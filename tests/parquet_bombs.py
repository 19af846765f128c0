"""Parquet files of a few hundred bytes, written by hand: one number as often as wanted, with any size in the metadata.

Source: apache/parquet-format, `parquet.thrift`; Thrift's compact protocol.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise

INT32, INT64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12  # kinds of Thrift
Field = tuple[int, int, bytes]  # number, kind, content


def varint(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def zigzag(value: int) -> bytes:
    return varint((value << 1) ^ (value >> 63))


def a_struct(*fields: Field) -> bytes:
    numbers = [0, *(number for number, _, _ in fields)]
    steps = [after - before for before, after in pairwise(numbers)]
    parts = (bytes([step << 4 | kind]) + content for step, (_, kind, content) in zip(steps, fields, strict=True))
    return b"".join(parts) + b"\0"


def a_list(kind: int, *items: bytes) -> bytes:
    head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + varint(len(items))
    return head + b"".join(items)


def text(content: bytes) -> bytes:
    return varint(len(content)) + content


@dataclass(frozen=True)
class Bomb:
    """One column `x` of whole numbers, each of them 7.

    Attributes:
        n_values: that the run in the page makes.
        n_rows, n_claimed: as the metadata says; None for the true number.
        page_bytes: unpacked, as the page says; None for the true number.
        n_columns: all with the same pages.
        is_list: all values are one list, in one row.
        n_before: bytes in front of the pages, which nothing reads.
    """

    n_values: int
    n_rows: int | None = None
    n_claimed: int | None = None
    page_bytes: int | None = None
    n_columns: int = 1
    is_list: bool = False
    n_before: int = 0

    def content(self) -> bytes:
        """The bytes of the file."""
        header = a_struct((1, INT32, zigzag(1)), (2, INT32, zigzag(0)))
        dictionary_page = self._page(struct.pack("<q", 7), 2, (7, header))
        data_page = self._page(self._run(), 0, (5, self._data_header()))
        pages = dictionary_page + data_page
        metadata = self._metadata(len(dictionary_page), len(pages))
        return b"PAR1" + bytes(self.n_before) + pages + metadata + struct.pack("<I", len(metadata)) + b"PAR1"

    def _run(self) -> bytes:
        run = varint(self.n_values << 1)
        if not self.is_list:
            return b"\1" + run + b"\0"
        # One row: the repetition level is 0 once, then 1; the definition level is always 1.
        repetition = varint(1 << 1) + b"\0" + varint((self.n_values - 1) << 1) + b"\1"
        definition = run + b"\1"
        levels = b"".join(struct.pack("<I", len(each)) + each for each in (repetition, definition))
        return levels + b"\1" + run + b"\0"

    def _data_header(self) -> bytes:
        numbers = (self.n_values, 8, 3, 3)  # values, then encodings: by the dictionary, levels as runs
        return a_struct(*((index, INT32, zigzag(number)) for index, number in enumerate(numbers, 1)))

    def _page(self, content: bytes, kind: int, header: tuple[int, bytes]) -> bytes:
        n_unpacked = len(content) if self.page_bytes is None or kind else self.page_bytes
        sizes = ((1, INT32, zigzag(kind)), (2, INT32, zigzag(n_unpacked)), (3, INT32, zigzag(len(content))))
        return a_struct(*sizes, (header[0], STRUCT, header[1])) + content

    def _metadata(self, n_dictionary_bytes: int, n_bytes: int) -> bytes:
        n_rows = (1 if self.is_list else self.n_values) if self.n_rows is None else self.n_rows
        n_values = self.n_values if self.n_claimed is None else self.n_claimed
        names = [f"x{index}".encode() if self.n_columns > 1 else b"x" for index in range(self.n_columns)]
        columns, start = [], 4 + self.n_before
        for name in names:
            path = (text(name), text(b"list"), text(b"element")) if self.is_list else (text(name),)
            chunk = a_struct(
                (1, INT32, zigzag(2)), (2, LIST, a_list(INT32, zigzag(8), zigzag(0), zigzag(3))),
                (3, LIST, a_list(BINARY, *path)), (4, INT32, zigzag(0)),
                (5, INT64, zigzag(n_values)), (6, INT64, zigzag(n_bytes)), (7, INT64, zigzag(n_bytes)),
                (9, INT64, zigzag(start + n_dictionary_bytes)), (11, INT64, zigzag(start)),
            )  # fmt: skip
            columns.append(a_struct((2, INT64, zigzag(4)), (3, STRUCT, chunk)))
        group = a_struct((1, LIST, a_list(STRUCT, *columns)), (2, INT64, zigzag(n_bytes)), (3, INT64, zigzag(n_rows)))
        schema = [a_struct((4, BINARY, text(b"schema")), (5, INT32, zigzag(self.n_columns)))]
        for name in names:
            schema += self._schema(name)
        return a_struct(
            (1, INT32, zigzag(1)),
            (2, LIST, a_list(STRUCT, *schema)),
            (3, INT64, zigzag(n_rows)),
            (4, LIST, a_list(STRUCT, group)),
        )

    def _schema(self, name: bytes) -> list[bytes]:
        number = ((1, INT32, zigzag(2)), (3, INT32, zigzag(0)))
        if not self.is_list:
            return [a_struct(*number, (4, BINARY, text(name)))]
        return [
            a_struct((3, INT32, zigzag(0)), (4, BINARY, text(name)), (5, INT32, zigzag(1)), (6, INT32, zigzag(3))),
            a_struct((3, INT32, zigzag(2)), (4, BINARY, text(b"list")), (5, INT32, zigzag(1))),
            a_struct(*number, (4, BINARY, text(b"element"))),
        ]
