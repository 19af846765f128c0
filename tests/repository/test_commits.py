import subprocess
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.repository.history import resolve_commit


def git(*arguments: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two commits; the last one is HEAD."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    for subject in ("one", "two"):
        git("commit", "-q", "--allow-empty", "-m", subject)
    return [git("rev-parse", "HEAD~1"), git("rev-parse", "HEAD")]


def name_experiment(name: str, baseline: str, commit: str) -> None:
    git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", commit)


def test_a_name_is_a_commit_a_branch_a_tag_or_an_experiment(commits: list[str]) -> None:
    git("tag", "-m", "the first", "v1", commits[0])
    name_experiment("fast", commits[0], commits[0])
    assert [resolve_commit(name) for name in ("HEAD", "main", "v1", "fast", commits[0][:8])] == [
        commits[1],
        commits[1],
        commits[0],
        commits[0],
        commits[0],
    ]


def test_an_experiment_of_the_git_remote_comes_with_the_call(commits: list[str], tmp_path: Path) -> None:
    git("clone", "-q", "--bare", ".", str(tmp_path / "remote.git"))
    git("remote", "add", "origin", str(tmp_path / "remote.git"))
    name_experiment("far", commits[0], commits[1])
    ref = f"refs/exps/{commits[0][:2]}/{commits[0][2:]}/far"
    git("push", "-q", "origin", ref)
    git("update-ref", "-d", ref)
    assert resolve_commit("far") == commits[1]


def test_a_name_of_nothing_or_of_several_is_said(commits: list[str]) -> None:
    said = "nowhere: is no experiment, commit, branch or tag; `dvc exp list --all` has their names"
    with pytest.raises(InputError, match=said):
        resolve_commit("nowhere")
    git("commit", "-q", "--allow-empty", "-m", "three")
    for baseline, commit in zip(commits, reversed(commits), strict=True):
        name_experiment("twice", baseline, commit)
    with pytest.raises(InputError, match="twice: is the name of several experiments"):
        resolve_commit("twice")


def test_of_several_experiments_of_one_name_that_of_head_is_meant(commits: list[str]) -> None:
    for baseline, commit in zip(commits, reversed(commits), strict=True):
        name_experiment("twice", baseline, commit)
    assert resolve_commit("twice") == commits[0]
