"""Commits are told apart by the folders whose files they change."""

import subprocess
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.repository.git import read_files_at
from relight.repository.history import committed_entries, failed_experiments
from relight.repository.objects import bytes_md5, path_md5
from relight.repository.other_models import (
    ChangedFolders,
    assert_model_here,
    changed_folders,
    commits_of_other_models,
)


def git(*arguments: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit(**texts: str) -> str:
    """Return a commit on the first one in which files of the models have these texts."""
    git("checkout", "-q", "--detach", "main")
    for name, text in texts.items():
        Path(name.replace("__", "/").replace("_", ".")).write_text(text)
    git("commit", "-qam", "change")
    return git("rev-parse", "HEAD")


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two models, and a file that both read."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    for folder in ("a", "a b/ü", "data"):
        Path(folder).mkdir(parents=True)
    for path in ("a/dvc.lock", "a/params.yaml", "a b/ü/dvc.lock", "a b/ü/params.yaml", "data/t.csv"):
        Path(path).write_text(path)
    git("add", "-A")
    git("commit", "-qm", "start")
    return git("rev-parse", "HEAD")


def test_what_a_commit_is_about_depends_on_the_folder_that_asks(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = commit(a__dvc_lock="1", a__params_yaml="1")
    unfinished = commit(a__params_yaml="2")
    Path("a b/ü/dvc.lock").write_text("3")
    both = commit(a__dvc_lock="3")
    shared = commit(data__t_csv="4")
    pairs = [(each, base) for each in (run, unfinished, both, shared)]
    git("checkout", "-q", "main")
    monkeypatch.chdir("a")
    assert list(changed_folders(pairs, "dvc.lock").values()) == [
        ChangedFolders(here=True, elsewhere=False),
        ChangedFolders(here=False, elsewhere=False),
        ChangedFolders(here=True, elsewhere=True),
        ChangedFolders(here=False, elsewhere=False),
    ]
    assert changed_folders(pairs, "params.yaml")[unfinished].here
    assert commits_of_other_models(pairs, "dvc.lock") == set()
    monkeypatch.chdir("../a b/ü")
    assert commits_of_other_models(pairs, "dvc.lock") == {run, unfinished}
    monkeypatch.chdir("../..")
    assert commits_of_other_models(pairs, "dvc.lock") == {run, unfinished, both}
    assert changed_folders([], "dvc.lock") == {}


def test_failed_experiments_are_those_that_were_to_run_here(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC keeps them in a reflog, each with the commit that it was queued with."""
    queued = {"one": commit(a__params_yaml="1"), "code": commit(data__t_csv="1")}
    for name, each in queued.items():
        message = f"commit: dvc-exp:{base}:{base}:{name}"
        git("update-ref", "--create-reflog", "-m", message, "refs/exps/celery/failed", each)
    git("checkout", "-q", "main")
    assert failed_experiments(base) == ["code"]
    monkeypatch.chdir("a")
    assert failed_experiments(base) == ["code", "one"]
    monkeypatch.chdir("../a b/ü")
    assert failed_experiments(base) == ["code"]


def test_a_command_for_a_model_says_where_the_models_are(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert base
    assert_model_here()  # a repository without any model: the command says what it lacks
    for folder in ("a", "a b/ü"):
        Path(folder, "dvc.yaml").touch()
    git("add", "-A")
    for folder, others in ((".", "a b/ü, a"), ("data", "../a b/ü, ../a")):
        monkeypatch.chdir(folder)
        with pytest.raises(InputError) as caught:
            assert_model_here()
        assert str(caught.value) == (
            f"{Path.cwd()}: must be the folder of a model, got one without dvc.yaml; go to {others} and run the "
            "command there"
        )
    (Path("..") / ".dvc").mkdir()
    Path("../a/src/deep").mkdir(parents=True)
    for folder, others in (("../a/src/deep", r"\.\./\.\., \.\./\.\./\.\./a b/ü"), ("..", r"\.\., \.\./\.\./a b/ü")):
        monkeypatch.chdir(folder)
        with pytest.raises(InputError, match=f"; go to {others} and run the command there$"):
            assert_model_here()  # first the model that this folder is in
    monkeypatch.chdir("..")
    assert_model_here()


@pytest.mark.usefixtures("base")
def test_files_of_commits_are_named_from_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("a b/ü")
    places = [("HEAD", "dvc.lock"), ("HEAD", "../../data/t.csv"), ("HEAD", "data/t.csv"), ("HEAD", "../../a/dvc.lock")]
    assert read_files_at(places) == {
        ("HEAD", "dvc.lock"): "a b/ü/dvc.lock".encode(),
        ("HEAD", "../../data/t.csv"): b"data/t.csv",
        ("HEAD", "../../a/dvc.lock"): b"a/dvc.lock",
    }
    entries = {("../../data", str(path_md5(Path("../../data")))), ("../../data/t.csv", bytes_md5(b"data/t.csv"))}
    assert committed_entries("HEAD", [*entries, ("../../a", "0" * 32 + ".dir"), ("t.csv", "0" * 32)]) == entries
