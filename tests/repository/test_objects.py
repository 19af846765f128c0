import hashlib
import json
from pathlib import Path

import pytest

from relight.errors import RunError
from relight.repository.objects import (
    file_md5,
    find_with_md5,
    folder_files,
    folders_containing,
    is_intact,
    object_path,
    object_state,
    path_md5,
)


def put(cache: Path, content: bytes, ending: str = "") -> str:
    md5 = hashlib.md5(content).hexdigest() + ending
    path = cache / object_path(md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


def test_an_object_is_intact_when_its_bytes_are_those_of_its_name(tmp_path: Path) -> None:
    md5 = put(tmp_path, b"bytes")
    path = tmp_path / "files/md5/4b/3a6218bb3e3a7303e8a171a60fcf92"  # md5sum says so
    assert file_md5(path) == md5 == "4b3a6218bb3e3a7303e8a171a60fcf92"
    assert is_intact(tmp_path, md5)
    path.write_bytes(b"bytez")
    assert not is_intact(tmp_path, md5)
    path.unlink()
    assert not is_intact(tmp_path, md5)


def test_a_folder_is_a_list_of_files_and_a_damaged_list_is_not_read(tmp_path: Path) -> None:
    listed = json.dumps([{"md5": "ab" * 16, "relpath": "in/a.png"}]).encode()
    md5 = put(tmp_path, listed, ".dir")
    assert folder_files(tmp_path, md5) == {"in/a.png": "ab" * 16}
    (tmp_path / object_path(md5)).write_bytes(listed[:-1])
    with pytest.raises(RunError, match=r"files/md5/.*: is missing or damaged; delete it"):
        folder_files(tmp_path, md5)


def test_a_folder_is_as_whole_as_its_files_are(tmp_path: Path) -> None:
    file = put(tmp_path, b"bytes")
    md5 = put(tmp_path, json.dumps([{"md5": file, "relpath": "in/a.png"}]).encode(), ".dir")
    assert (object_state(tmp_path, file), object_state(tmp_path, md5)) == ("intact", "intact")
    assert folders_containing(tmp_path, file) == [md5]
    (tmp_path / object_path(file)).write_bytes(b"bytez")
    assert (object_state(tmp_path, file), object_state(tmp_path, md5)) == ("damaged", "damaged")
    (tmp_path / object_path(file)).unlink()
    assert (object_state(tmp_path, file), object_state(tmp_path, md5)) == ("missing", "missing")
    (tmp_path / object_path(md5)).write_bytes(b"[]")
    assert object_state(tmp_path, md5) == "damaged"
    assert folders_containing(tmp_path / "none", file) == []


def test_a_folder_in_its_place_has_the_name_that_dvc_gives_it(tmp_path: Path) -> None:
    """The names are those of `dvc add` of dvc 3.67."""
    for path, content in (("b/c.txt", b"c"), ("a.txt", b"a"), ("__pycache__/x.pyc", b"no data")):
        (tmp_path / "folder" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / path).write_bytes(content)
    assert path_md5(tmp_path / "folder") == "987a1b4d7bf340132bb13dc87b929cb5.dir"
    for name in ("b/c", "b-a", "a"):
        (tmp_path / "other" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / name).write_bytes(b"hello")
    assert path_md5(tmp_path / "other") == "417c11e6887e6259e0b148e3dd331df0.dir"  # b-a comes before b/c
    assert path_md5(tmp_path / "folder/a.txt") == hashlib.md5(b"a").hexdigest()
    assert path_md5(tmp_path / "nothing") is None


def test_a_file_is_found_in_its_place_before_the_cache_and_only_with_its_bytes(tmp_path: Path) -> None:
    md5, place = put(tmp_path, b"bytes"), tmp_path / "place"
    place.write_bytes(b"bytes")
    assert find_with_md5(place, md5, tmp_path) == place
    place.write_bytes(b"other")
    assert find_with_md5(place, md5, tmp_path) == tmp_path / object_path(md5)
    (tmp_path / object_path(md5)).write_bytes(b"bytez")
    assert find_with_md5(place, md5, tmp_path) is None
