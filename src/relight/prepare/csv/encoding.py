"""The encoding of a text table, found in its bytes: UTF-8, UTF-16 with its mark or its zeros, or Windows-1252; and
what is no such table.

Windows-1252 has a letter for nearly every byte, so that it fits any file; it is taken only if its letters make words.
"""

import codecs
import json
import re
from pathlib import Path

from relight.data.text_format import CsvParams
from relight.errors import InputError

ENCODING_BYTES = 1 << 24  # that decide
_SAMPLE_BYTES = 1 << 18  # that decide on UTF-16 without a mark
_FOREIGN = {
    b"\x1f\x8b": "gzip data; name it .csv.gz",
    b"PAR1": "Parquet; name it .parquet",
    b"\x89PNG": "a picture",
    b"PK\x03\x04": "a zip or Excel file; save the table as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel file; save the table as CSV",
    b"%PDF": "PDF",
    b"SQLite format 3": "a database; read it with a function of your own (prepare.reader)",
    b"<!doctype html": "a web page; download the table itself",
    b"<html": "a web page; download the table itself",
    b"<?xml": "XML",
    b"version https://git-lfs": "a pointer of Git LFS; run `git lfs pull`",
}
_FOREIGN_TEXTS = {  # by their first lines
    r"\s*\{\s*\"|\s*\[\s*[\[{]": "JSON; write an object on each line, and name it .jsonl",
    r"(?i)(?:\s*%.*\n)*\s*@relation\b": (
        "ARFF; leave out the lines up to @data, and write `csv: {header: none}` in prepare"
    ),
    r"(?i)(?:\s*(?:--|/\*|#).*\n)*\s*(?:insert into|create (?:table|database)|drop table)\b": (
        "a dump of SQL; export the table as CSV"
    ),
    r"\s*\+-[-+]+\s*\n|.*\|.*\n[ |:]*-{3,}[-+|: ]*\n": (
        "a table drawn with lines; export it as CSV, or delete the lines"
    ),
    r"\{\\rtf": "a text of a word processor; save the table as CSV",
}
_OTHER_SEPARATORS = ":~^!*/§¦#\x01\x1e\x1f"
_BYTE_ORDER_MARKS = {  # the marks of UTF-32 begin with those of UTF-16
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MARKS_OF_TEXT = "€‚„…‘’“”•–—™§©«»®°±²³´µ·¹º¼½¾¿¡£¥ª\xa0×"  # what Windows-1252 has besides letters, and texts use


def find_encoding(path: Path, head: bytes, params: CsvParams, fallback: str) -> str:
    """Return the encoding, as Python calls it.

    Args:
        head: the first bytes.
        fallback: of bytes that are not UTF-8.

    Raises:
        InputError: for an empty file, another format, and bytes that are no UTF-8 and make no words otherwise.
    """
    _refuse_other_formats(path, head)
    if params.encoding != "auto":
        return "utf-8" if params.encoding.lower().replace("_", "-") in ("utf-8-sig", "utf8") else params.encoding
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
    if marked is not None:
        return marked
    if b"\0" in head[:_SAMPLE_BYTES]:
        return _encoding_of_zeros(head[:_SAMPLE_BYTES])
    if head.isascii() or _decodes_as_utf8(head):
        return "utf-8"
    text = head.decode(fallback, errors="replace")
    if fallback == "windows-1252" and not _is_european(text):
        line = head.count(b"\n", 0, next(at for at, byte in enumerate(head) if byte > 127)) + 1
        raise InputError(
            f"{path}:{line}: is not UTF-8, and its letters make no words in Windows-1252; name the encoding, as "
            "`csv: {encoding: gb18030}` in prepare (others: shift_jis, euc_kr, big5, windows-1250, windows-1251, "
            "mac_roman), or save the file as UTF-8"
        )
    return fallback


def _refuse_other_formats(path: Path, head: bytes) -> None:
    if head in (b"", codecs.BOM_UTF8):
        raise InputError(f"{path}: is empty ({len(head)} bytes)")
    start = head[:32].lower()
    for magic, what in _FOREIGN.items():
        if start.startswith(magic.lower()):
            raise InputError(f"{path}: is not CSV but {what}")
    text = head[:_SAMPLE_BYTES].decode("latin-1").lstrip("\ufeffï»¿")
    if (kind := next((what for pattern, what in _FOREIGN_TEXTS.items() if re.match(pattern, text)), None)) is not None:
        raise InputError(f"{path}: is not CSV but {kind}")


def refuse_one_column(path: Path, line: int, cells: list[str], separator: str) -> None:
    """Refuse a table of one column that holds several, which something else separates.

    Args:
        line: of the first row.
        cells: the values of the first rows.
    """
    first, below = cells[0], cells[1:]
    if not below:
        return
    if separator in first and all(cell.count(separator) == first.count(separator) for cell in below):
        raise InputError(f"{path}:{line}: each row stands in quotes, as one value; delete the quotes around whole rows")
    marks = (mark for mark in _OTHER_SEPARATORS if mark in first)
    mark = next((mark for mark in marks if all(cell.count(mark) == first.count(mark) for cell in below)), None)
    if mark is not None:
        shown = json.dumps(mark, ensure_ascii=mark < " ")
        raise InputError(
            f"{path}:{line}: only one column found; is the separator {shown}? If it is, write `csv: {{separator: "
            f"{shown}}}` in prepare"
        )
    _refuse_spaces(path, line, first, below)


def _refuse_spaces(path: Path, line: int, first: str, below: list[str]) -> None:
    """Refuse numbers that spaces separate; names in front of the rows, as R writes them, have no name of their own."""
    width, *widths = (len(cell.split()) for cell in (first, *below))
    n_values = widths[0]
    numbers = sum(
        value.strip('"').replace(".", "", 1).lstrip("-").isdigit() for cell in below for value in cell.split()
    )
    if n_values < 2 or set(widths) != {n_values} or width not in (n_values, n_values - 1) or 2 * numbers < sum(widths):
        return
    names = ", and the table without the names of its rows (row.names = FALSE in R)" if width < n_values else ""
    raise InputError(
        f"{path}:{line}: only one column found; if spaces separate the values, write `csv: {{separator: space}}` in "
        f"prepare{names}"
    )


def refuse_single_quotes(path: Path, line: int, values: list[list[str]]) -> None:
    """Refuse a table of which all values of a column stand in single quotes, which would be part of them.

    Args:
        line: of the first row.
        values: of the first rows.
    """
    rows = [row for row in values[1:] if len(row) == len(values[0])]
    for column in zip(*rows, strict=True):
        present = [cell.strip() for cell in column if cell.strip()]
        if len(present) > 1 and all(re.fullmatch("'[^']*'", cell) for cell in present):
            raise InputError(
                f"{path}:{line}: has values in single quotes, such as {present[0]}; if they are no part of the values, "
                'write `csv: {quote: "\'"}` in prepare, or else `csv: {quote: none}`'
            )


def _encoding_of_zeros(sample: bytes) -> str:
    """Return which of both UTF-16 has the zeros of the sample; UTF-8, which has none, if it is neither."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    n_pairs = max(len(sample) // 2, 1)
    if odd > 0.4 * n_pairs and even < 0.1 * n_pairs:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * n_pairs and odd < 0.1 * n_pairs else "utf-8"


def _decodes_as_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _is_european(text: str) -> bool:
    """Return whether what is no ASCII stands as in words: letters one by one among others, or marks outside of them."""
    strange = re.findall(rf"[^\x00-\x7f{_MARKS_OF_TEXT}\w]|(?<=[^\W\d_])[{_MARKS_OF_TEXT[20:]}](?=[^\W\d_])", text)
    letters = re.findall(r"[^\x00-\x7f\W]+", text)
    runs = sum(len(run) > 2 for run in letters)
    strange += re.findall(r"[a-zà-öø-ÿ][ŠŒŽŸÀ-ÖØ-Ý]|[A-Z][ŠŒŽŸÀ-ÖØ-Ý][a-z]", text)  # a capital within a word
    strange += re.findall(r"(?<![^\W\d_])[£¥¼½¾][^\W\d_]", text)
    is_icelandic = bool(re.search("[áíúóæÁÍÚÓÆ]", text))
    strange += [] if is_icelandic else re.findall("[ðþÐÞÝ]", text)  # Turkish, read as Icelandic
    is_czech = bool(re.search("[šžŠŽ]", text))
    strange += re.findall("[ìøùòÌØÙÒ]", text) if is_czech else []
    return not strange and runs <= 0.05 * len(letters)
