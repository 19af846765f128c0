"""The settings of a person change no answer that is read from Git, and Git's own words are kept."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from relight.cli import main
from relight.commands.untracked import find_untracked, untracked_notes
from relight.doctor.environment import check_git, read_git_state
from relight.doctor.experiments import dvc_stashes
from relight.errors import InputError, RunError
from relight.provenance.rebuild import temporary_checkout
from relight.provenance.records import find_record
from relight.repository.git import is_shallow, make_sharing_repository, run_git
from relight.repository.history import commits_that_record, last_recording_commit, names_that_record, resolve_commit
from relight.repository.line_ends import find_changed_line_ends
from relight.repository.other_models import changed_folders

MODEL = "modèles/premier modèle"  # below the top of the Git repository
MD5S = ["0" * 32, "1" * 32]
LOCK = "stages:\n  train:\n    cmd: run\n    outs:\n    - path: é.bin\n      md5: {}\n      size: 1\n"

SETTINGS = {
    "colors": "[color]\nui = always\ndiff = always\nstatus = always\nbranch = always",
    "a pager": "[core]\npager = false\n[pager]\nlog = false\ndiff = false",
    "unquoted paths": "[core]\nquotePath = false",
    "a file monitor": "[core]\nfsmonitor = /bin/false\nuntrackedCache = true",
    "another diff": "[diff]\nexternal = /bin/false\nnoprefix = true\ncontext = 9\nrenames = copies",
    "diffs of a folder": "[diff]\nrelative = true\nsubmodule = log",
    "an order that is not there": "[diff]\norderFile = /nonexistent",
    "signatures": "[log]\nshowSignature = true\n[commit]\ngpgSign = true\n[push]\ngpgSign = true",
    "another log": "[log]\ndate = relative\nfollow = true\ndecorate = full\nabbrevCommit = true\ndiffMerges = off",
    "no first commit": "[log]\nshowRoot = false",
    "another format": "[format]\npretty = fuller\n[core]\nabbrev = 20",
    "another status": "[status]\nrelativePaths = false\nbranch = true\nshort = true\nshowStash = true",
    "untracked files": "[status]\nshowUntrackedFiles = all",
    "another encoding": "[i18n]\nlogOutputEncoding = latin1\ncommitEncoding = latin1",
    "hooks that refuse": "[core]\nhooksPath = HOOKS",
}
VARIABLES = {
    "GIT_EXTERNAL_DIFF": "/bin/false",
    "GIT_PAGER": "false",
    "GIT_TRACE": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_DIFF_OPTS": "-u9",
    "LC_ALL": "de_DE.UTF-8",
    "LANGUAGE": "de",
}


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout.strip()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's config, which has only a name so far."""
    file = tmp_path / "config"
    file.write_text("[user]\nname = T\nemail = t@example.invalid\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(file))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return file


@pytest.fixture
def model(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model with two commits of dvc.lock, and an edit that is in a stash as well, as DVC makes it."""
    assert config.exists()
    (tmp_path / "top" / MODEL / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "top")
    git("init", "-q", "-b", "main")
    monkeypatch.chdir(tmp_path / "top" / MODEL)
    Path(".gitattributes").write_text("*.csv text\n")
    Path("ä b.csv").write_bytes(b"x\r\n1\r\n")
    Path(".dvc/config").touch()
    for md5, subject in zip(MD5S, ("zuerst, für später", "then"), strict=True):
        Path("dvc.lock").write_text(LOCK.format(md5))
        Path("params.yaml").write_text(f"seed: {md5[0]}\n")
        git("add", "-A")
        git("commit", "-qm", subject)
    for text in ("seed: 7\n", "seed: 8\n"):
        Path("params.yaml").write_text(text)
        stash = git("stash", "create")
    # DVC's stashes end with a line break.
    tree, parents = git("rev-parse", f"{stash}^{{tree}}"), git("log", "-1", "--format=%P", stash).split()
    words = [word for parent in parents for word in ("-p", parent)]
    git("stash", "store", git("commit-tree", tree, *words, "-m", "WIP on main: 123 then\n\n"), "-m", "WIP on main: 1")
    Path("new é.py").touch()
    return Path.cwd()


def answers() -> dict[str, Any]:
    """All that is read from Git."""
    head, first = run_git("rev-parse", "HEAD", "HEAD~1").split()
    return {
        "recording": [commits_that_record(md5) for md5 in MD5S],
        "last": [last_recording_commit(md5) for md5 in MD5S],
        "names": [names_that_record(md5) for md5 in MD5S],
        "folders": changed_folders([(head, first)], "dvc.lock"),
        "line ends": find_changed_line_ends(["ä b.csv"]),
        "untracked": find_untracked(["new é.py", "params.yaml"]),
        "stashes": dvc_stashes(),
        "state": read_git_state(),
        "listed": run_git("ls-files", "-s"),
        "status": run_git("status", "--porcelain", "--untracked-files=no"),
        "named": resolve_commit("main"),
    }


def test_the_answers_are_right(model: Path) -> None:
    read = answers()
    assert [[commit.subject for commit in commits] for commits in read["recording"]] == [
        ["zuerst, für später"],
        ["then"],
    ]
    assert [last and last.subject for last in read["last"]] == [None, "then"]
    assert read["names"] == [[], ["main"]]
    assert [(folders.here, folders.elsewhere) for folders in read["folders"].values()] == [(True, False)]
    assert [(file.path, file.is_tracked) for file in read["line ends"]] == [("ä b.csv", True)]
    assert [file.path for file in read["untracked"]] == ["new é.py"]
    assert read["state"].top == str(model.parent.parent)
    assert (read["state"].n_commits, read["state"].is_nested, read["state"].missing) == (2, False, ())
    assert [(stash.name, stash.differing) for stash in read["stashes"]] == [("stash@{0}", ())]
    assert read["status"].split(" ", 2)[2] == '"mod\\303\\250les/premier mod\\303\\250le/params.yaml"'


@pytest.mark.parametrize("text", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.usefixtures("model")
def test_no_setting_changes_an_answer(config: Path, text: str, tmp_path: Path) -> None:
    before, hooks = answers(), tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "pre-push", "reference-transaction"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    config.write_text(f"{config.read_text()}{text.replace('HOOKS', str(hooks))}\n")
    assert answers() == before
    with temporary_checkout(run_git("rev-parse", "HEAD"), tmp_path / "checkout") as folder:
        assert folder == tmp_path / "checkout" / MODEL
        assert (folder / "params.yaml").read_text() == "seed: 1\n"


@pytest.mark.parametrize(("name", "value"), VARIABLES.items(), ids=VARIABLES.keys())
@pytest.mark.usefixtures("model")
def test_no_variable_changes_an_answer(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = answers()
    monkeypatch.setenv(name, value)
    assert answers() == before
    with pytest.raises(RunError, match=r"^git log: ambiguous argument 'nowhere'"):
        run_git("log", "nowhere")


@pytest.mark.usefixtures("model")
def test_all_that_git_says_is_kept_with_its_line_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunError) as error:
        run_git("-C", ".", "log", "nowhere")
    first, *others = str(error.value).splitlines()
    assert first == "git log: ambiguous argument 'nowhere': unknown revision or path not in the working tree."
    assert others == [
        "Use '--' to separate paths from revisions, like this:",
        "'git <command> [<revision>...] -- [<file>...]'",
    ]
    Path("dvc.yaml").write_text("stages: {}\n")
    git("update-ref", "-d", "HEAD")
    assert main(["compare"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: git rev-parse: ambiguous argument 'HEAD': unknown revision or path not in the working tree.",
        *(f"       {line}" for line in others),
    ]


def test_a_repository_of_another_user_is_not_taken_for_none(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    Path("dvc.yaml").write_text("stages: {}\n")
    Path("params.yaml").write_text("prepare: {}\n")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # Git's own tests do so
    top = model.parent.parent
    result = check_git(read_git_state())
    assert [finding.problem for finding in result.findings] == [
        f"Git refuses the repository {top}, because another user owns it (dubious ownership)"
    ]
    assert untracked_notes(Path("params.yaml")).endswith(f"; `git config --global --add safe.directory {top}`\n")
    assert main(["compare"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"error: git rev-parse: detected dubious ownership in repository at '{top}'"
    assert said[-1].strip() == f"git config --global --add safe.directory {top}"
    command = [*result.findings[0].commands[0]]
    subprocess.run(command, check=True)  # the next step works
    assert f"directory = {top}" in config.read_text()
    state = read_git_state()
    assert state is not None
    assert check_git(state).findings == []


@pytest.mark.usefixtures("config")
def test_outside_of_a_repository_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [finding.problem for finding in check_git(read_git_state()).findings] == [
        "this folder is not in a Git repository"
    ]


@pytest.fixture
def shallow(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of the last commit only."""
    git("clone", "-q", "--depth", "1", model.parent.parent.as_uri(), str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow" / MODEL)
    return Path.cwd()


@pytest.mark.usefixtures("shallow")
def test_a_shallow_clone_says_that_it_is_one_and_the_next_step_works() -> None:
    with pytest.raises(InputError, match=r"^HEAD~1: is no .*, which is shallow: .*`git fetch --unshallow`"):
        resolve_commit("HEAD~1")
    stranger = Path("old.pth")
    stranger.write_bytes(b"of a commit that is not here")
    with pytest.raises(InputError, match=r"no dvc\.lock .* records these bytes .*`git fetch --unshallow`"):
        find_record(stranger, Path(".dvc/cache"))
    git("fetch", "-q", "--unshallow")
    assert resolve_commit("HEAD~1") == git("rev-parse", "HEAD~1")
    assert not is_shallow()


@pytest.mark.usefixtures("shallow")
def test_edits_in_a_shallow_clone_come_into_a_repository_that_shares_its_objects(tmp_path: Path) -> None:
    Path("params.yaml").write_text("seed: 9\n")
    head, edits = git("rev-parse", "HEAD"), git("stash", "create")
    make_sharing_repository(tmp_path / "sharing", dict(os.environ))
    for revision, text in ((head, "seed: 1\n"), (edits, "seed: 9\n")):
        git("-C", str(tmp_path / "sharing"), "checkout", "-q", "--detach", revision)
        assert (tmp_path / "sharing" / MODEL / "params.yaml").read_text() == text
    assert git("-C", str(tmp_path / "sharing"), "rev-list", "--count", head) == "1"  # and no error for its parents
