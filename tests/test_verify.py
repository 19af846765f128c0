"""A commit is made again and compared, with the real dvc; nothing is left of it."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.repositories import Repository, clean_environment

INSIDE = ".dvc/tmp/relight/verify"
VERIFY = "import sys; from relight.cli import main; sys.exit(main(['verify', *sys.argv[1:]]))"


def commit_all(repository: Repository, message: str) -> None:
    for command in (("git", "add", "-A"), ("git", "commit", "-qm", message)):
        done = repository.run(*command)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def committed(finished_copy: Repository) -> Repository:
    """The default pipeline, run and committed."""
    commit_all(finished_copy, "run")
    return finished_copy


@pytest.mark.usefixtures("new_interpreters")
def test_a_commit_is_rebuilt_whatever_the_workspace_and_the_cache_hold(committed: Repository) -> None:
    """Run with other hash seeds than the recorded run: they are drawn."""
    committed.edit("params.yaml", "epochs: 1000", "epochs: 7")
    committed.edit("src/relight/train/losses/losses.py", '"""', '"""broken """ 1 / 0')
    shutil.rmtree(committed.root / ".dvc/cache")
    shutil.rmtree(committed.root / "models")
    before = committed.run("git", "status", "--porcelain").stdout
    code, said = committed.relight("verify")
    assert code == 0, said
    assert "all 16 outs are equal, byte for byte\n" in said
    assert said.count("  equal\n") == 16
    assert committed.run("git", "status", "--porcelain").stdout == before
    assert committed.run("git", "worktree", "list").stdout.count("\n") == 1
    assert not (committed.root / INSIDE).exists()
    assert not (committed.root / "models").exists()
    assert not (committed.root / ".dvc/cache").exists()


def test_a_lock_of_other_code_is_found_with_how_far_the_weights_are_and_why(committed: Repository) -> None:
    committed.edit("src/relight/train/train.py", "        save_weights(weights, training.model)\n", PLANTED)
    committed.repro("train")
    assert committed.run("git", "commit", "-qm", "the lock alone", "dvc.lock").returncode == 0
    code, said = committed.relight("verify", "--stage", "train")
    assert code == 1
    assert "train  reports/train/curves.csv  equal\n" in said
    assert "train  models/model.pth          differs: the largest difference of a weight is 0.25, in " in said
    assert "dvc.lock was recorded with other bytes of src/relight/train" in said
    assert "the model was made by other code: src/relight/train/train.py" in said
    assert "error: verify: 3 of 4 outs of " in said


PLANTED = """        next(training.model.parameters()).data.view(-1)[0] += 0.25
        save_weights(weights, training.model)
"""


def test_a_stage_that_depends_on_the_hash_seed_is_found(committed: Repository) -> None:
    committed.edit("src/relight/train/train.py", ".write_csv())", ".write_csv() + str(hash('chance')))")
    assert committed.run("dvc", "repro", "train", env={"PYTHONHASHSEED": "1"}).returncode == 0
    commit_all(committed, "chance")
    code, said = committed.relight("verify", "--stage", "train")
    assert code == 1
    assert "train  reports/train/curves.csv  differs\n" in said
    assert said.count("  equal\n") == 3
    assert "a stage may depend on chance" in said


def test_raw_data_that_dvc_keeps_come_from_the_cache_and_damaged_ones_are_refused(committed: Repository) -> None:
    for command in (
        ("git", "rm", "-q", "--cached", "data/raw/line.yaml"),
        ("dvc", "add", "-q", "data/raw/line.yaml"),
    ):
        assert committed.run(*command).returncode == 0
    commit_all(committed, "the raw file is DVC's")
    raw = committed.root / "data/raw/line.yaml"
    (kept,) = (path for path in (committed.root / ".dvc/cache").rglob("*") if path.is_file() and same_bytes(path, raw))
    raw.unlink()
    code, said = committed.relight("verify", "--stage", "prepare")
    assert code == 0, said
    assert "all 2 outs are equal" in said
    kept.chmod(0o644)
    kept.write_bytes(kept.read_bytes() + b"#")
    code, said = committed.relight("verify", "--stage", "prepare")
    assert code == 2
    assert "data/raw/line.yaml: its recorded bytes are neither in the commit nor intact in the cache" in said


def test_a_frozen_stage_is_taken_as_recorded_and_the_others_run(committed: Repository) -> None:
    """As in `dvc repro`, although params.yaml has other values for them by now."""
    for name in ("train", "evaluate", "plot"):
        committed.edit("dvc.yaml", f"  {name}:\n", f"  {name}:\n    frozen: true\n")
    committed.edit("params.yaml", "epochs: 1000", "epochs: 20")
    commit_all(committed, "three frozen stages")
    code, said = committed.relight("verify")
    assert code == 0, said
    assert (said.count("  equal\n"), said.count("  frozen, not run\n")) == (7, 9)
    assert "is rebuilt: all 7 outs are equal, byte for byte, except those of evaluate, plot, train: " in said
    code, said = committed.relight("verify", "--stage", "train")
    assert (code, said) == (
        2,
        "error: --stage: must be one that runs, got train, which is frozen; `dvc unfreeze train` and a commit of "
        "dvc.yaml let it run\n",
    )


def same_bytes(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def test_what_cannot_be_verified_is_said(committed: Repository) -> None:
    code, said = committed.relight("verify", "nowhere")
    known = "`dvc exp list --all` has their names"
    assert (code, said) == (2, f"error: nowhere: is no experiment, commit, branch or tag; {known}\n")
    code, said = committed.relight("verify", "HEAD~1")
    assert (code, said) == (2, "error: dvc.lock: is not in HEAD~1; run `dvc repro` and commit it\n")
    code, said = committed.relight("verify", "--stage", "fit")
    assert (code, said.startswith("error: --stage: must be one of prepare, ")) == (2, True)
    committed.edit("stages/prepare.py", "def main", "raise SystemExit(3)\n\n\ndef main")
    commit_all(committed, "it fails")
    code, said = committed.relight("verify", "--stage", "prepare")
    assert code == 1
    assert "error: verify: `dvc repro` of HEAD ended with code " in said
    assert not (committed.root / INSIDE).exists()


@pytest.fixture
def endless(committed: Repository) -> Repository:
    committed.edit("params.yaml", "epochs: 1000", "epochs: 1000000000")
    commit_all(committed, "endless")
    return committed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_stopped_it_leaves_neither_a_folder_nor_a_process(endless: Repository, number: signal.Signals) -> None:
    run = subprocess.Popen(
        ("python", "-c", VERIFY, "--stage", "train"),
        cwd=endless.root,
        env={**clean_environment(), "PYTHONPATH": "src"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # where tests run in the background it is not
    )
    lock = endless.root / INSIDE / ".dvc/tmp/relight/lock"
    wait_until(lambda: run.poll() is not None or (lock.exists() and "train, pid " in lock.read_text()))
    stage = int(lock.read_text().split("train, pid ")[1])
    run.send_signal(number)
    assert run.wait(timeout=60) == {signal.SIGTERM: 143, signal.SIGINT: 130}.get(number, -number)
    wait_until(lambda: not is_alive(stage))
    if number != signal.SIGKILL:  # a killed one cannot: the next one does it
        assert not (endless.root / INSIDE).exists()
        return
    assert (endless.root / INSIDE).exists()
    assert endless.relight("verify", "HEAD~1", "--stage", "prepare")[0] == 0
    assert not (endless.root / INSIDE).exists()


def is_alive(pid: int) -> bool:
    """A zombie does not run: in a container it may never be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
