"""Text tables as bytes: packed files are unpacked while they are read, and only so far as their size makes likely."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from relight.errors import InputError

MIN_UNPACKED_BYTES = 256 << 20  # that every packed file may have
MAX_PACKING = 100  # times the size of the file that a larger one may have; tables of numbers have 3 to 10
_BUFFER_BYTES = 1 << 20
_PROGRAMS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zip": "zip"}
_OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
PACKED_ENDINGS = tuple(_PROGRAMS)
_DAMAGES = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, OSError)


@contextmanager
def open_csv(path: Path) -> Iterator[IO[bytes]]:
    """Open the bytes of the text, unpacked if the name ends in .gz, .bz2, .xz or .zip.

    Raises:
        InputError: when the file cannot be opened, packed data is damaged, it unpacks to far more than its size, or a
            zip file has other than one table.
    """
    ending = path.suffix.lower()
    try:
        if ending not in _PROGRAMS:
            with open(path, "rb") as file:
                yield file
            return
        with _unpacked(path, ending) as packed, io.BufferedReader(_Bounded(packed, path), _BUFFER_BYTES) as file:
            yield cast(IO[bytes], file)
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except _DAMAGES as error:
        if ending not in _PROGRAMS or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise InputError(
            f"{path}: is a damaged {_PROGRAMS[ending]} file ({error}); copy or download it again"
        ) from error


@contextmanager
def _unpacked(path: Path, ending: str) -> Iterator[IO[bytes]]:
    if ending in _OPENERS:
        with _OPENERS[ending](path) as file:
            yield cast(IO[bytes], file)
        return
    with zipfile.ZipFile(path) as archive, archive.open(_only_table(path, archive)) as file:
        yield file


def _only_table(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [info for info in archive.infolist() if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        raise InputError(f"{path}: must hold one table, got {len(files)} files; unpack it into a folder")
    if files[0].flag_bits & 1:
        raise InputError(f"{path}: is encrypted; unpack it first")
    return files[0]


class _Bounded(io.RawIOBase):
    """The bytes of a packed file of a stranger: 16 MB of it may hold 16 GB."""

    def __init__(self, packed: IO[bytes], path: Path) -> None:
        self._packed, self._path, self._n_bytes = packed, path, 0
        self._limit = max(MIN_UNPACKED_BYTES, MAX_PACKING * path.stat().st_size)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def tell(self) -> int:
        """Return the number of bytes that were unpacked."""
        return self._n_bytes

    def readinto(self, buffer: Any) -> int:
        """Unpack the next bytes into a buffer; return how many."""
        view = memoryview(buffer)
        part = self._packed.read(len(view))
        view[: len(part)] = part
        self._n_bytes += len(part)
        if self._n_bytes > self._limit:
            raise InputError(
                f"{self._path}: must unpack to at most {self._limit >> 20} MB, {MAX_PACKING} times its size or "
                f"{MIN_UNPACKED_BYTES >> 20} MB; if you trust it, unpack it with `{_UNPACK[self._path.suffix.lower()]}`"
            )
        return len(part)


_UNPACK = {".gz": "gunzip", ".bz2": "bunzip2", ".xz": "unxz", ".zip": "unzip"}
