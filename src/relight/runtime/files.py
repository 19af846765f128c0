"""JSON artifacts, and files that are either whole or absent.

JSON has sorted keys, no NaN and a final newline, and is read back into the model that wrote it.
"""

import errno
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from relight.errors import InputError
from relight.runtime.lifetime import stops_raise
from relight.runtime.params import FORM_TAGS

Model = TypeVar("Model", bound=BaseModel)
TEMPORARY_PREFIX = ".relight-"  # of names that only a kill leaves behind
MAX_JSON_BYTES = 2**28  # the longest that Relight writes hold the levels of categories: eight million names fit
MAX_JSON_PARTS, MAX_JSON_VALUES = 2**21, 2**23
MAX_JSON_DEPTH = 64  # of lists and mappings in each other; Relight writes 8, and settings of own code may be deeper


def write_json(path: Path, content: BaseModel | dict[str, Any]) -> None:
    """Write JSON: same content, same bytes."""
    path.write_text(json_text(content), encoding="utf-8")


def json_text(content: BaseModel | dict[str, Any]) -> str:
    value = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def read_regular(path: Path, limit: int) -> bytes:
    """Return the content of a regular file.

    A pipe would wait for a writer and a device such as /dev/zero has no end, also behind a link. The size is looked at
    before memory is taken, because a file may have a size without taking room on the disk.

    Raises:
        InputError: if it is another kind of file, or larger than the limit.
        OSError: if it cannot be read.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        size = _regular_size(path, number)
        if size > limit:
            raise InputError(f"{path}: must have at most {limit:,} bytes, got {size:,}; run `dvc checkout --force`")
        with os.fdopen(number, "rb", closefd=False) as file:
            content = file.read(size + 1)
    finally:
        os.close(number)
    if len(content) != size:
        raise InputError(f"{path}: must stay as it is while it is read, got another size; run `dvc checkout --force`")
    return content


def assert_regular(path: Path) -> None:
    """Check that a file is no pipe and no device, before code that is not ours opens it.

    Raises:
        InputError: if it is one.
        OSError: if it cannot be read.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        _regular_size(path, number)
    finally:
        os.close(number)


def _regular_size(path: Path, file: int) -> int:
    status = os.fstat(file)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        kind = "a pipe" if stat.S_ISFIFO(status.st_mode) else "a device"
        raise InputError(f"{path}: must be a regular file, got {kind}; run `dvc checkout --force`")
    return status.st_size


def memory_bytes() -> int:
    """Return the memory of this machine: a larger file is not what some process held."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def read_json(path: Path) -> Any:
    """Return the JSON value of a file.

    Raises:
        InputError: if the file is missing, is no regular file or too large, or is not JSON.
    """
    try:
        content = read_regular(path, MAX_JSON_BYTES)
        _assert_few_values(content)
        value = json.loads(content.decode(), parse_constant=_refuse)
        _assert_flat(value)
        if b"\\u" in content:  # half of a pair, such as \ud800, is no letter, and no file or table can hold it
            json.dumps(value, ensure_ascii=False).encode()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({error}); run `dvc checkout` or `dvc repro`") from error
    return value


def _assert_few_values(content: bytes) -> None:
    """Check that the values need less than a gigabyte of memory: an empty list of two bytes takes 64.

    Raises:
        ValueError: if not.
    """
    n_parts, n_values = content.count(b"[") + content.count(b"{"), content.count(b",")
    if n_parts > MAX_JSON_PARTS or n_values > MAX_JSON_VALUES:
        raise ValueError(f"at most {MAX_JSON_PARTS:,} lists and mappings and {MAX_JSON_VALUES:,} values are read")


def _assert_flat(value: Any) -> None:
    """Check that nothing that walks through a value, function in function, goes too deep.

    Raises:
        RecursionError: as the parser itself does, for some hundred levels more.
    """
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        level = [part for part in level if isinstance(part, dict | list)]
        level = list(chain.from_iterable(part.values() if isinstance(part, dict) else part for part in level))
    if level:
        raise RecursionError(f"more than {MAX_JSON_DEPTH} lists and mappings in each other")


def read_model(path: Path, model: type[Model]) -> Model:
    """Return the JSON of a file as the model that wrote it."""
    value = read_json(path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        location = ".".join(str(part) for part in first["loc"] if part not in FORM_TAGS) or "the whole"
        raise InputError(f"{path}: {location}: {first['msg']}; run `dvc checkout` or `dvc repro`") from error


def read_format(path: Path, model: type[Model], version: int) -> Model:
    """Like `read_model`, for files that outlive the code that wrote them: they carry the version of their format."""
    value = read_json(path)
    actual = value.get("format") if isinstance(value, dict) else None
    if actual != version:
        raise InputError(f"{path}: must be of format {version}, got {actual}; use the Relight that made it")
    return read_model(path, model)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def write_bytes(path: Path, content: bytes) -> None:
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write to a temporary file, flush it to the disk, then rename: neither a reader nor a crash sees a part of it."""
    try:
        _remove_abandoned(path.parent)
        with stops_raise(), _temporary_file(path.parent) as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


@contextmanager
def _temporary_file(folder: Path) -> Iterator[IO[bytes]]:
    """Open a new file for the block; afterwards no file has its name.

    Its name is random, because several machines and containers may write into a folder, each with a process of the same
    number. Its lock tells `_remove_abandoned` that its writer lives, and a link that waits at its name is not followed.
    """
    while True:
        name = folder / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}.tmp"  # short: names have at most 255 bytes
        with open(name, "xb", opener=_open_without_links) as file:
            try:
                if _take(file.fileno()):
                    yield file
                    return
            finally:
                with suppress(OSError):  # it was renamed
                    name.unlink()


def _open_without_links(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _take(file: int) -> bool:
    """Lock a new file; return whether nobody has taken it for abandoned in between."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network disks have no locks; `_remove_abandoned` removes nothing there
        return True
    return os.fstat(file).st_nlink > 0


def _remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of this user whose writers were killed."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}{'[0-9a-f]' * 16}.tmp"):
        with suppress(OSError):  # it is renamed in this moment, a link, or its writer holds the lock
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                status = os.fstat(file)
                if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                    path.unlink()
            finally:
                os.close(file)


def _sync_folder(folder: Path) -> None:
    """Flush the new name to the disk. Some network disks cannot; the file is whole all the same."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode())
