import subprocess
from pathlib import Path

import pytest

from relight.errors import RunError
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
