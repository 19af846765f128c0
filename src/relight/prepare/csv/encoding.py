"""The encoding of a text table, found in its bytes: UTF-8, UTF-16 with its mark or its zeros, or Windows-1252.

Windows-1252 has a letter for nearly every byte, so that it fits any file; it is taken only if its letters make words.
"""

import codecs
import re
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from relight.data.text_format import CsvParams
from relight.errors import InputError

ENCODING_BYTES = 1 << 24  # that decide
_SAMPLE_BYTES = 1 << 18  # that decide on UTF-16 without a mark
_DECODED_BYTES = 1 << 22  # at a time
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
    return not strange and runs <= 0.05 * len(letters)


def decode(path: Path, file: IO[bytes], encoding: str, decoded: "SpooledTemporaryFile[bytes]") -> None:
    """Write a file as UTF-8.

    Raises:
        InputError: with the line from which on bytes are not in the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        while part := file.read(_DECODED_BYTES):
            text = decoder.decode(part)
            decoded.write(text.encode())
            line += text.count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}:{line}: or a line after it is not {encoding}; name the encoding in prepare, as "
            "`csv: {encoding: windows-1252}`, or save the file as UTF-8"
        ) from error
    decoded.seek(0)
