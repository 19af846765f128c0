"""Files that are whole or not there at all."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from relight.errors import InputError


def write_bytes(path: Path, content: bytes) -> None:
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write beside the place, flush to the disk, then rename: a reader never sees a part of it."""
    temporary = path.with_name(f".relight-{os.getpid()}.tmp")  # short: names may have 255 bytes
    try:
        with open(temporary, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):  # It is renamed, or was never made, or its folder is no folder.
            temporary.unlink()


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode())
