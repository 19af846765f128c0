import subprocess
from pathlib import Path

import pytest

from relight.commands.untracked import UntrackedFile, find_untracked
from relight.errors import RunError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Git repository without a commit."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    return tmp_path


def write(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("x")


def git_add(*paths: str) -> None:
    subprocess.run(["git", "add", *paths], check=True)


@pytest.mark.usefixtures("folder")
def test_only_what_was_asked_for_is_named_and_what_is_staged_is_tracked() -> None:
    write("staged.csv", "new.csv", "other.csv", "many/a.csv", "many/b.csv", "many/__pycache__/c.pyc", "*.csv")
    git_add("staged.csv", "many/a.csv")
    asked = ["staged.csv", "new.csv", "many", "missing.csv"]
    assert find_untracked(asked) == [UntrackedFile("many/b.csv", False), UntrackedFile("new.csv", False)]
    assert find_untracked(["*.csv"]) == [UntrackedFile("*.csv", False)]  # a name, not a pattern
    assert find_untracked([]) == []


@pytest.mark.usefixtures("folder")
def test_an_ignored_file_is_named_as_such_unless_dvc_keeps_it() -> None:
    write("data/mine.csv", "data/kept.csv", "data/kept.csv.dvc", "parts/a.csv", "parts.dvc")
    Path(".gitignore").write_text("/data/*.csv\n/parts\n")
    git_add("data/kept.csv.dvc", "parts.dvc")
    assert find_untracked(["data/mine.csv", "data/kept.csv", "parts"]) == [UntrackedFile("data/mine.csv", True)]


@pytest.mark.usefixtures("folder")
def test_a_pointer_that_git_does_not_know_is_what_would_be_missing() -> None:
    write("data/kept.csv", "data/kept.csv.dvc")
    assert find_untracked(["data/kept.csv"]) == [UntrackedFile("data/kept.csv.dvc", False)]


@pytest.mark.usefixtures("folder")
def test_paths_are_those_of_the_current_folder_and_of_any_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    write("deep/ü a\n.csv", "above.csv")
    monkeypatch.chdir("deep")
    assert find_untracked(["ü a\n.csv"]) == [UntrackedFile("ü a\n.csv", False)]


def test_outside_a_repository_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="not a git repository"):
        find_untracked(["a.csv"])
