import hashlib
import os
import shutil
from pathlib import Path

import pytest

from relight.errors import InputError, RunError
from relight.runtime.dependencies import assert_unchanged, ignored_names, is_ignored, take_fingerprints
from tests.closure import REPOSITORY


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


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of code in a repository with the project's own .dvcignore."""
    shutil.copy(REPOSITORY / ".dvcignore", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code/inner").mkdir(parents=True)
    (tmp_path / "code/inner/loop.py").write_text("x = 1")
    return Path("code")


BACKUPS = ("loop.py.orig", ".loop.py.swp", "loop.py~", "#loop.py#", ".#loop.py", "__pycache__/loop.pyc")


@pytest.mark.parametrize("backup", BACKUPS)
def test_a_backup_beside_the_code_is_no_dependency(backup: str, code: Path) -> None:
    before = take_fingerprints(("code",))
    path = code / "inner" / backup
    path.parent.mkdir(exist_ok=True)
    path.write_text("x = 0")
    os.utime(code / "inner", ns=(1, 1))  # no luck with the clock
    assert_unchanged(before)
    after = take_fingerprints(("code",))
    assert {path: known.sha256 for path, known in after.items()} == {
        path: known.sha256 for path, known in before.items()
    }


@pytest.mark.parametrize("name", ["batches.py", "orig.py", "swp", "loop.py.jinja"])
def test_a_new_module_beside_the_code_is_a_change(name: str, code: Path) -> None:
    before = take_fingerprints(("code",))
    (code / "inner" / name).write_text("x = 0")
    os.utime(code / "inner", ns=(1, 1))
    with pytest.raises(RunError, match="code/inner: was changed while the stage ran"):
        assert_unchanged(before)
    assert code / "inner" / name in take_fingerprints(("code",))


def test_the_patterns_of_each_folder_above_count_up_to_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The .dvcignore of a model says nothing about code elsewhere in the repository."""
    for folder, pattern in (("", "*.outer"), ("top", "*.top"), ("top/src", "*.src"), ("top/models/price", "*.price")):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / ".dvcignore").write_text(pattern)
    (tmp_path / "top/.dvc").mkdir()
    monkeypatch.chdir(tmp_path / "top/models/price")
    assert ignored_names(Path()) == ("__pycache__", "*.top", "*.price")
    assert ignored_names(Path("../../src")) == ("__pycache__", "*.top", "*.src")


def test_patterns_are_names_without_folders_and_exceptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ignored_names(Path()) == ("__pycache__",)  # which Python writes whatever .dvcignore says
    Path(".dvcignore").write_text("# a comment\n*.orig\n.venv/\n\\#*#\n!kept.orig\n/data/raw\n\n")
    assert ignored_names(Path()) == ("__pycache__", "*.orig", ".venv", "#*#")
    assert is_ignored([".venv", "lib", "module.py"], ignored_names(Path()))
    assert not is_ignored(["data", "raw", "module.py"], ignored_names(Path()))
