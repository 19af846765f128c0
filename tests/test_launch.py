"""Several processes train one model, on this machine. Every command has a time limit: a hang is a failure."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import polars.testing
import pytest
import torch

from tests.repositories import REPOSITORY, Repository, clean_environment, make_repository

LIMIT = 120  # seconds
LAUNCH = (sys.executable, "-c", "from relight.cli import entry; entry()", "launch")
TRAIN = (sys.executable, "-m", "stages.train")
PARAMS = """\
prepare: {source: data/raw/penguins.csv, target: species, task: auto, ignore: []}
split: {method: stratified, column: null, train: 0.6, validation: 0.2, test: 0.2, seed: 1}
model: {name: mlp, numeric: standardize, mlp: {n_blocks: 2, d_block: 24, dropout: 0.0}}
train:
  seed: 7
  epochs: 12
  batch_size: 33
  loss: auto
  optimizer: {name: adamw, learning_rate: 0.002, weight_decay: 0.01, momentum: 0.0}
  early_stopping: {patience: 400}
  device: cpu
  threads: 1
  checkpoint_seconds: 0.3
evaluate: {}
plot: {dpi: 72}
"""
WRITTEN = ("models/model.pth", "models/model.json", "reports/train/curves.csv")


class Launched:
    """A command in a repository, and its end."""

    def __init__(self, repository: Repository, *command: str, env: dict[str, str] | None = None) -> None:
        self.root = repository.root
        self.process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**clean_environment(), "PYTHONPATH": str(REPOSITORY / "src"), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def said(self) -> str:
        """All that it said; fails the test where it hangs."""
        try:
            said, _ = self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            pytest.fail(f"hangs: {self.process.communicate()[0]}")
        return str(said)

    def ends_well(self) -> str:
        said = self.said()
        assert self.process.returncode == 0, said
        return said

    def first(self) -> int:
        """The pid of the train stage, which is the first process."""
        return int(re.findall(r"train, pid (\d+)", (self.root / ".dvc/tmp/relight/lock").read_text())[0])

    def worker(self) -> int:
        """The pid of the process that the train stage has started."""
        (pid,) = children_of(self.first())
        return pid


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(happened: Callable[[], bool], seconds: float = LIMIT) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.02)


def kept(root: Path) -> list[Path]:
    return list(root.glob(".dvc/tmp/relight/checkpoints/*/*.checkpoint"))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Up to the split."""
    root = tmp_path_factory.mktemp("prepared") / "repository"
    root.mkdir()
    repository = make_repository(root)
    (root / "params.yaml").write_text(PARAMS)
    repository.repro("split")
    return repository


@pytest.fixture
def repository_(prepared: Repository, tmp_path: Path) -> Repository:
    shutil.copytree(prepared.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy")


@pytest.fixture(scope="module")
def two(prepared: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Trained by two processes, in a `dvc repro` that ended well."""
    root = tmp_path_factory.mktemp("two") / "repository"
    shutil.copytree(prepared.root, root, symlinks=True)
    repository = Repository(root)
    Launched(repository, *LAUNCH, "--processes", "2", "dvc", "repro", "train").ends_well()
    return repository


def curves_of(repository: Repository) -> pl.DataFrame:
    return pl.read_csv(repository.root / "reports/train/curves.csv")


def weights_of(repository: Repository) -> dict[str, torch.Tensor]:
    return dict(torch.load(repository.root / "models/model.pth", weights_only=True))


def test_one_process_and_two_give_the_same_curve(repository_: Repository, two: Repository) -> None:
    repository_.repro("train")
    one_curves, two_curves = curves_of(repository_), curves_of(two)
    assert len(one_curves) == 12
    pl.testing.assert_frame_equal(two_curves, one_curves, rel_tol=1e-4)
    one_weights, two_weights = weights_of(repository_), weights_of(two)
    assert list(two_weights) == list(one_weights)
    for name, weight in one_weights.items():
        torch.testing.assert_close(two_weights[name], weight, rtol=1e-3, atol=1e-5)
    assert '"processes"' not in (repository_.root / "models/model.json").read_text()
    assert '"processes": 2,' in (two.root / "models/model.json").read_text()


def test_torchrun_gives_the_bytes_of_launch(repository_: Repository, two: Repository) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    said = Launched(repository_, *torchrun, "-m", "stages.train").ends_well()
    assert said.count("epoch 12 of 12") == 1  # the first process alone speaks
    assert repository_.bytes_of(*WRITTEN) == two.bytes_of(*WRITTEN)


def test_two_machines_give_the_bytes_of_two_processes_on_one(repository_: Repository, two: Repository) -> None:
    """Both of them this one; the second lends a process, and runs no dvc."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    lent = ("--processes", "1", "--nodes", "2", "--rendezvous", where, "--timeout", "60")
    second = Launched(repository_, *LAUNCH, *lent, "dvc", "repro", "train", env={"SLURM_NODEID": "1"})
    first = Launched(repository_, *LAUNCH, *lent, "dvc", "repro", "train", env={"SLURM_NODEID": "0"})
    assert "Running stage 'train'" in first.ends_well()
    assert "Running stage" not in second.ends_well()
    assert repository_.bytes_of(*WRITTEN) == two.bytes_of(*WRITTEN)


@pytest.fixture
def long_(repository_: Repository) -> Repository:
    """With dropout, and long enough to be killed in the middle."""
    repository_.edit("params.yaml", "dropout: 0.0", "dropout: 0.2")
    repository_.edit("params.yaml", "epochs: 12", "epochs: 150")
    return repository_


def wait_for_new_checkpoint(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in kept(root)}
    wait_until(lambda: any(path.stat().st_mtime_ns != before.get(path) for path in kept(root)))


def killed_worker(run: Launched) -> None:
    os.kill(run.worker(), signal.SIGKILL)
    said = run.said()
    assert said.count("error: worker 1 was killed by signal 9 (out of memory?); the same command goes on from") == 1
    assert said.count("error: ") == 1


def killed_group(run: Launched) -> None:
    os.killpg(run.process.pid, signal.SIGKILL)
    run.said()


def killed_first(run: Launched) -> None:
    worker = run.worker()
    os.kill(run.first(), signal.SIGKILL)
    run.said()
    wait_until(lambda: not is_alive(worker), seconds=10)


def terminated(run: Launched) -> None:
    os.kill(run.first(), signal.SIGTERM)
    assert "was stopped; a checkpoint is kept at epoch" in run.said()


def interrupted(run: Launched) -> None:
    os.killpg(run.process.pid, signal.SIGINT)
    assert "was stopped; a checkpoint is kept at epoch" in run.said()


def test_killed_in_every_way_and_started_again_they_give_the_bytes_of_a_run_that_never_was(long_: Repository) -> None:
    launch = (*LAUNCH, "--processes", "2", "dvc", "repro", "train")
    never = Repository(shutil.copytree(long_.root, long_.root.parent / "never", symlinks=True))
    Launched(never, *launch).ends_well()
    for place, end in enumerate([killed_worker, killed_group, killed_first, terminated, interrupted]):
        run = Launched(long_, *launch)
        wait_for_new_checkpoint(long_.root)
        pids = [run.first(), run.worker()]
        end(run)
        assert run.process.returncode != 0
        wait_until(lambda pids=pids: not any(is_alive(pid) for pid in pids), seconds=10)
        assert not (long_.root / "models/model.pth").exists()
        assert len(kept(long_.root)) == min(2, place + 1) or len(kept(long_.root)) == 2
    assert "train: goes on from a checkpoint, at epoch" in Launched(long_, *launch).ends_well()
    assert long_.bytes_of(*WRITTEN) == never.bytes_of(*WRITTEN)
