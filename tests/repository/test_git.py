import subprocess
from pathlib import Path

import pytest

from relight.errors import InputError, RunError
from relight.repository.git import read_files_at, run_git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits of a file with two lines."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
    for text in ("one\n", "two\nlines"):
        (tmp_path / "a b.txt").write_text(text)
        (tmp_path / "empty").touch()
        subprocess.run(["git", "add", "-A"], check=True)
        who = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
        subprocess.run(["git", *who, "commit", "-qm", text], check=True)
    return tmp_path


@pytest.mark.usefixtures("repository")
def test_files_of_several_commits_come_with_their_bytes_and_those_that_are_not_there_do_not() -> None:
    places = [("HEAD~1", "a b.txt"), ("HEAD", "none"), ("HEAD", "empty"), ("HEAD", "a b.txt"), ("nowhere", "a b.txt")]
    assert read_files_at(places) == {
        ("HEAD~1", "a b.txt"): b"one\n",
        ("HEAD", "empty"): b"",
        ("HEAD", "a b.txt"): b"two\nlines",
    }
    assert read_files_at([]) == {}


@pytest.mark.usefixtures("repository")
def test_what_git_refuses_is_said_in_its_words() -> None:
    assert run_git("log", "--format=%s", "-1") == "two lines"
    with pytest.raises(RunError, match="git log: ambiguous argument 'nowhere'"):
        run_git("log", "nowhere")


@pytest.mark.usefixtures("repository")
def test_a_file_that_is_too_large_is_named_and_those_before_it_are_no_matter() -> None:
    with pytest.raises(InputError, match=r"^a b\.txt of HEAD: must have at most 8 bytes, got 9$"):
        read_files_at([("HEAD~1", "a b.txt"), ("HEAD", "a b.txt"), ("HEAD", "empty")], limit=8)


@pytest.mark.usefixtures("repository")
def test_a_name_with_a_line_break_asks_for_nothing_else() -> None:
    places = [("HEAD", "empty\nHEAD:./a b.txt"), ("HEAD\nHEAD", "empty"), ("HEAD", "a b.txt")]
    assert read_files_at(places) == {("HEAD", "a b.txt"): b"two\nlines"}


def test_without_a_repository_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(RunError, match="git cat-file: not a git repository"):
        read_files_at([("HEAD", "a")])
