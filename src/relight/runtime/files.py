"""JSON artifacts, atomic file writes.

JSON artifacts: sorted keys, no NaN, a final newline; read back into the model they came from.

Files that are whole or not there at all.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from relight.errors import InputError

Model = TypeVar("Model", bound=BaseModel)
TEMPORARY_PREFIX = ".relight-"  # what such a name begins with; a kill may leave one


def write_json(path: Path, content: BaseModel | dict[str, Any]) -> None:
    """Same content, same bytes."""
    path.write_text(json_text(content), encoding="utf-8")


def json_text(content: BaseModel | dict[str, Any]) -> str:
    value = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def read_json(path: Path) -> Any:
    """The JSON value of a file.

    Raises:
        InputError: when the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    except ValueError as error:
        raise InputError(f"{path}: is not JSON ({error}); run `dvc checkout` or `dvc repro`") from error


def read_model(path: Path, model: type[Model]) -> Model:
    """The JSON of a file as the model that wrote it."""
    value = read_json(path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        location = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(f"{path}: {location}: {first['msg']}; run `dvc checkout` or `dvc repro`") from error


def read_format(path: Path, model: type[Model], version: int) -> Model:
    """The same for what is kept longer than the code that wrote it."""
    value = read_json(path)
    actual = value.get("format") if isinstance(value, dict) else None
    if actual != version:
        raise InputError(f"{path}: must be of format {version}, got {actual}; use the Relight that made it")
    return read_model(path, model)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def write_bytes(path: Path, content: bytes) -> None:
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write beside the place, flush to the disk, then rename: a reader never sees a part of it, nor does a crash."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}.tmp")  # short: names may have 255 bytes
    try:
        with open(temporary, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):  # It is renamed, or was never made, or its folder is no folder.
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk once its folder is. Some network disks know no such thing: the file is whole anyhow."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode())
