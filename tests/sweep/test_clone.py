"""Experiments in a clone, by the real `dvc`, on a pipeline of one small stage."""

import subprocess
from pathlib import Path

import pytest

from relight.errors import RunError
from relight.sweep.clone import Baseline, ExperimentClone, current_baseline, existing_experiments
from tests.repositories import clean_environment

STAGE = """\
import os, sys, time
from pathlib import Path

parent, began = os.getppid(), time.monotonic()
seconds = float(Path("params.yaml").read_text().split("seconds: ")[1].split()[0])
if seconds < 0:
    sys.exit("error: seconds: must be at least 0")
Path("started").touch()
while os.getppid() == parent and time.monotonic() - began < seconds:  # as a stage of ours ends with its dvc
    time.sleep(0.05)
Path("out.txt").write_text(Path("note.txt").read_text() + str(seconds))
"""
DVC = "stages: {wait: {cmd: exec python stage.py, deps: [stage.py, note.txt], params: [seconds], outs: [out.txt]}}\n"
MODEL = "modèles/a b"  # with a .dvc of its own, as next to other pipelines
FILES = {
    "stage.py": STAGE,
    "dvc.yaml": DVC,
    "params.yaml": "seconds: 0.5  # to wait\n",
    "note.txt": "committed ",
    ".gitignore": "/started\n/out.txt\n",
}


def run(*command: str) -> str:
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExperimentClone:
    """A clone for a repository that is itself shallow, with a model below its top whose note was changed.

    The person's settings refuse to clone and to push.
    """
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    root = tmp_path / "Größe"
    (tmp_path / "whole" / MODEL).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "whole" / MODEL)
    for name, text in FILES.items():
        Path(name).write_text(text)
    run("git", "init", "-q", "-b", "main", "../..")
    run("git", "config", "user.name", "Test")
    run("git", "config", "user.email", "test@example.invalid")
    run("dvc", "init", "-q", "--subdir")
    run("git", "add", "-A")
    for subject in ("before", "start"):
        run("git", "commit", "-q", "--allow-empty", "-m", subject)
    run("git", "clone", "-q", "--depth", "1", (tmp_path / "whole").as_uri(), str(root))
    monkeypatch.chdir(root / MODEL)
    run("git", "config", "user.name", "Test")
    run("git", "config", "user.email", "test@example.invalid")
    run("git", "config", "--global", "protocol.file.allow", "never")
    run("git", "config", "--global", "push.gpgSign", "true")
    Path("note.txt").write_text("changed ")
    baseline = current_baseline()
    assert baseline._replace(changes="") == Baseline(
        str(root), run("git", "rev-parse", "HEAD").strip(), "", str(root / MODEL / ".dvc/cache")
    )
    return ExperimentClone(root / MODEL / ".dvc/tmp/clone", baseline)


def never(_folder: Path) -> bool:
    return False


def test_experiments_come_to_the_repository_whatever_was_left_in_the_clone(side: ExperimentClone) -> None:
    commit = run("git", "rev-parse", "HEAD").strip()
    before = run("git", "status", "--porcelain")
    assert not side.run("hopeless", ["seconds=600"], lambda folder: (folder / "started").exists())
    note = side.model / ".dvc/tmp/exps/run/workspace/workspace.run"  # a killed dvc leaves it so now and then
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text("")
    (side.folder / ".git/index.lock").touch()
    lost = f"refs/exps/{commit[:2]}/{commit[2:]}/hopeless"  # a dvc that was killed after its commit leaves this
    run("git", "-C", str(side.folder), "symbolic-ref", "refs/exps/exec/EXEC_BRANCH", lost)
    (side.model / "params.yaml").write_text("torn")
    assert side.run("short", ["seconds=0.25"], never)
    assert existing_experiments(["hopeless", "short"], commit) == {"short"}
    assert run("git", "show", f"refs/exps/{commit[:2]}/{commit[2:]}/short:./params.yaml") == "seconds: 0.25 # to wait\n"
    assert run("git", "status", "--porcelain") == before  # the workspace is as it was
    run("dvc", "exp", "apply", "short")
    assert Path("out.txt").read_text() == "changed 0.25"  # from the cache that both share


def test_what_a_stage_says_is_why_it_failed(side: ExperimentClone) -> None:
    with pytest.raises(RunError, match=r"^seconds: must be at least 0"):
        side.run("wrong", ["seconds=-1"], never)
    (side.folder / ".git/HEAD").write_text("torn")  # beyond what Git mends: it is made anew
    assert side.run("right", ["seconds=0"], never)
