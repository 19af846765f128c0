import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from dvc_objects.db import ObjectDB
from dvc_objects.fs.memory import MemoryFileSystem

from relight.repository.objects import object_path
from relight.repository.remotes import _object_states

FILE, OTHER = b"five!", b"three"
MD5, OTHER_MD5 = (hashlib.md5(content).hexdigest() for content in (FILE, OTHER))
LIST = json.dumps([{"md5": OTHER_MD5, "relpath": "x"}]).encode()
FOLDER = hashlib.md5(LIST).hexdigest() + ".dir"
SIZES = {MD5: 5, FOLDER: 5}


@pytest.fixture
def far() -> ObjectDB:
    """A remote that is not a folder of this machine."""
    far = ObjectDB(MemoryFileSystem(global_store=False), "/far")
    for md5, content in ((MD5, FILE), (OTHER_MD5, OTHER), (FOLDER, LIST)):
        far.add_bytes(md5, content)
    return far


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """It knows what is in the folder."""
    (tmp_path / object_path(FOLDER)).parent.mkdir(parents=True)
    (tmp_path / object_path(FOLDER)).write_bytes(LIST)
    return tmp_path


def test_what_is_there_is_said_to_be_there_and_not_to_be_whole(far: ObjectDB, cache: Path) -> None:
    assert _object_states(far, SIZES, cache) == {MD5: "there", FOLDER: "there"}


def test_an_object_of_another_size_is_damaged(far: ObjectDB, cache: Path) -> None:
    far.add_bytes(MD5, b"cut")
    assert _object_states(far, SIZES, cache)[MD5] == "damaged"
    far.add_bytes(OTHER_MD5, b"")
    assert _object_states(far, SIZES, cache)[FOLDER] == "damaged"


def test_of_a_folder_each_file_must_be_there(far: ObjectDB, cache: Path, tmp_path: Path) -> None:
    far.delete(OTHER_MD5)
    assert _object_states(far, SIZES, cache) == {MD5: "there", FOLDER: "missing"}
    assert _object_states(far, SIZES, tmp_path / "empty")[FOLDER] == "there"  # its list stands for it
    far.delete(FOLDER)
    assert _object_states(far, SIZES, cache)[FOLDER] == "missing"


def test_a_remote_that_fails_is_no_remote_without_the_object(cache: Path) -> None:
    class Broken:
        class fs:  # noqa: N801
            @staticmethod
            def info(paths: list[str], **_: Any) -> list[Exception]:
                return [PermissionError("denied") for _ in paths]

        @staticmethod
        def oid_to_path(md5: str) -> str:
            return md5

    with pytest.raises(OSError, match="denied"):
        _object_states(Broken, SIZES, cache)
