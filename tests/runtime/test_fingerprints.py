import hashlib
import os
from pathlib import Path

import pytest

from relight.errors import InputError, RunError
from relight.runtime.dependencies import assert_unchanged, take_fingerprints


def make(root: Path) -> tuple[str, str]:
    """A file, and a folder with a file in a folder."""
    (root / "file").write_bytes(b"abc")
    (root / "folder" / "inner").mkdir(parents=True)
    (root / "folder" / "inner" / "part").write_bytes(b"def")
    return str(root / "file"), str(root / "folder")


def test_a_file_has_the_hash_of_its_bytes(tmp_path: Path) -> None:
    file, _ = make(tmp_path)
    (only,) = take_fingerprints((file,)).values()
    assert only.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_a_folder_stands_for_itself_and_all_that_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    assert list(take_fingerprints(make(tmp_path)[1:])) == [folder, folder / "inner", folder / "inner" / "part"]


def test_what_nobody_touched_is_unchanged(tmp_path: Path) -> None:
    assert_unchanged(take_fingerprints(make(tmp_path)))


def test_a_file_that_was_written_again_with_the_same_bytes_is_unchanged(tmp_path: Path) -> None:
    before = take_fingerprints(make(tmp_path))
    (tmp_path / "file").write_bytes(b"abc")
    os.utime(tmp_path / "file", ns=(1, 1))
    assert_unchanged(before)


def test_of_a_large_file_the_time_stands_for_the_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relight.runtime.dependencies.MAX_HASHED_BYTES", 2)
    file, _ = make(tmp_path)
    before = take_fingerprints((file,))
    assert [known.sha256 for known in before.values()] == [None]
    assert_unchanged(before)
    os.utime(file, ns=(1, 1))
    with pytest.raises(RunError, match="file: was changed while the stage ran"):
        assert_unchanged(before)


@pytest.mark.parametrize("place", ["file", "folder/inner/part"])
def test_a_file_with_other_bytes_is_named(place: str, tmp_path: Path) -> None:
    before = take_fingerprints(make(tmp_path))
    (tmp_path / place).write_bytes(b"xyz")
    os.utime(tmp_path / place, ns=(1, 1))  # no luck with the clock
    with pytest.raises(RunError) as caught:
        assert_unchanged(before)
    assert caught.value.problems == (
        f"{tmp_path / place}: was changed while the stage ran",
        "the result mixes two states, and was thrown away; run `dvc repro` again",
    )


@pytest.mark.parametrize("place", ["folder/new", "folder/inner/new"])
def test_a_new_file_in_a_folder_is_a_change_of_the_folder(place: str, tmp_path: Path) -> None:
    before = take_fingerprints(make(tmp_path))
    (tmp_path / place).write_bytes(b"")
    os.utime((tmp_path / place).parent, ns=(1, 1))
    with pytest.raises(RunError, match=f"{(tmp_path / place).parent}: was changed while the stage ran"):
        assert_unchanged(before)


@pytest.mark.parametrize("place", ["file", "folder/inner/part"])
def test_a_file_that_is_gone_is_named(place: str, tmp_path: Path) -> None:
    before = take_fingerprints(make(tmp_path))
    (tmp_path / place).unlink()
    with pytest.raises(RunError, match=f"{place}: was changed while the stage ran"):
        assert_unchanged(before)


def test_a_missing_dependency_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: no such file; run `dvc repro`, or `dvc pull` if it was pushed"):
        take_fingerprints((str(tmp_path / "gone"),))
