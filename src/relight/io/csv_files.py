"""CSV files by their names: comma or tab, plain or gzip."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from relight.errors import InputError


def separator_of(path: Path) -> str:
    """What stands between the values: a tab in .tsv files, a comma in all others."""
    return "\t" if ".tsv" in path.suffixes else ","


@contextmanager
def open_csv(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of the text, unpacked where the name ends in .gz.

    Raises:
        InputError: when the file cannot be opened, or the gzip data is damaged.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            yield cast(IO[bytes], file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: is a damaged gzip file ({error}); copy or download it again") from error
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
