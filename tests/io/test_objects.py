import hashlib
import json
from pathlib import Path

import pytest

from relight.errors import RunError
from relight.io.objects import files_of, is_intact, md5_of, object_path


def put(cache: Path, content: bytes, ending: str = "") -> str:
    md5 = hashlib.md5(content).hexdigest() + ending
    path = cache / object_path(md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


def test_an_object_is_intact_when_its_bytes_are_those_of_its_name(tmp_path: Path) -> None:
    md5 = put(tmp_path, b"bytes")
    path = tmp_path / "files/md5/4b/3a6218bb3e3a7303e8a171a60fcf92"  # md5sum says so
    assert md5_of(path) == md5 == "4b3a6218bb3e3a7303e8a171a60fcf92"
    assert is_intact(tmp_path, md5)
    path.write_bytes(b"bytez")
    assert not is_intact(tmp_path, md5)
    path.unlink()
    assert not is_intact(tmp_path, md5)


def test_a_folder_is_a_list_of_files_and_a_damaged_list_is_not_read(tmp_path: Path) -> None:
    listed = json.dumps([{"md5": "ab" * 16, "relpath": "in/a.png"}]).encode()
    md5 = put(tmp_path, listed, ".dir")
    assert files_of(tmp_path, md5) == {"in/a.png": "ab" * 16}
    (tmp_path / object_path(md5)).write_bytes(listed[:-1])
    with pytest.raises(RunError, match=r"files/md5/.*: is missing or damaged; delete it"):
        files_of(tmp_path, md5)
