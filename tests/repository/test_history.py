import hashlib
import subprocess
from pathlib import Path

import pytest

from relight.repository.history import commits_that_record, committed_entries, last_recording_commit, names_that_record
from relight.repository.objects import path_md5

ONE, TWO, RAW = "1" * 32, "2" * 32, "a" * 32
LOCK = """schema: '2.0'
stages:
  train:
    cmd: run
    deps:
    - path: raw
      md5: {raw}
    outs:
    - path: model
      md5: {model}
  evaluate:
    deps:
    - path: model
      md5: {seen}
"""


def git(*arguments: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def record(model: str, seen: str, subject: str) -> str:
    Path("dvc.lock").write_text(LOCK.format(raw=RAW, model=model, seen=seen))
    git("add", "-A")
    git("commit", "-qm", subject)
    return git("rev-parse", "HEAD")


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A model, then another one that evaluate has not read yet; and a folder of code."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    Path("src/deep").mkdir(parents=True)
    Path("src/a b.py").write_text("a")
    Path("src/deep/c.py").write_text("c")
    return [record(ONE, ONE, "one"), record(TWO, ONE, "two")]


def test_a_commit_counts_where_a_stage_wrote_the_hash(commits: list[str]) -> None:
    assert [commit.id for commit in commits_that_record(ONE)] == [commits[0]]
    assert [(commit.id, commit.subject) for commit in commits_that_record(TWO)] == [(commits[1], "two")]
    assert [commit.id for commit in commits_that_record(RAW)] == [commits[0]]  # a raw file: none wrote it
    assert commits_that_record("3" * 32) == []


def test_the_last_run_is_the_last_change_of_the_lock_that_has_the_hash_still(commits: list[str]) -> None:
    assert last_recording_commit(ONE) is None  # evaluate still reads it, and none wrote it again
    Path("other").touch()
    git("add", "-A")
    git("commit", "-qm", "no run")
    last = last_recording_commit(TWO)
    assert last is not None
    assert last.id == commits[1]
    assert last_recording_commit("3" * 32) is None


def test_a_merge_counts_where_it_brought_what_no_parent_had(commits: list[str]) -> None:
    git("checkout", "-qb", "side", commits[0])
    Path("other").write_text("o")
    git("add", "-A")
    git("commit", "-qm", "side")
    git("merge", "-q", "--no-ff", "--no-commit", "main")
    merge = record("3" * 32, "3" * 32, "merge")
    assert [commit.id for commit in commits_that_record("3" * 32)] == [merge]
    assert [commit.id for commit in commits_that_record(TWO)] == [commits[1]]


def test_names_are_of_branches_tags_and_experiments_and_not_of_the_notes_of_dvc(commits: list[str]) -> None:
    git("tag", "v1", commits[0])
    for name in (f"{commits[0][:2]}/{commits[0][2:]}/ab", "exec/EXEC_HEAD", "stash"):
        git("update-ref", f"refs/exps/{name}", commits[0])
    assert names_that_record(ONE) == ["tag v1", "experiment ab"]
    assert names_that_record(TWO) == ["main"]


def test_files_and_folders_are_held_with_the_same_bytes(commits: list[str]) -> None:
    wanted = {path: str(path_md5(Path(path))) for path in ("src", "src/a b.py", "dvc.lock")}
    assert wanted["src/a b.py"] == hashlib.md5(b"a").hexdigest()
    assert committed_entries("HEAD", wanted.items()) == set(wanted.items())
    assert {path for path, _ in committed_entries(commits[0], wanted.items())} == {"src", "src/a b.py"}
    Path("src/deep/new.py").write_text("")
    assert committed_entries("HEAD", [("src", str(path_md5(Path("src")))), ("none", "0" * 32)]) == set()
