"""Files that are whole or not there at all."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from relight.errors import InputError

TEMPORARY = ".relight-"  # what such a name begins with; a kill may leave one


def write_bytes(path: Path, content: bytes) -> None:
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write beside the place, flush to the disk, then rename: a reader never sees a part of it, nor does a crash."""
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}.tmp")  # short: names may have 255 bytes
    try:
        with open(temporary, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _flush_names(path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):  # It is renamed, or was never made, or its folder is no folder.
            temporary.unlink()


def _flush_names(folder: Path) -> None:
    """A new name is on the disk once its folder is. Some network disks know no such thing: the file is whole anyhow."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode())
