"""kill -9, then `dvc repro`: every byte is as if nothing had happened. With the real dvc, in a real repository."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repositories import Repository, clean_environment, make_repository

CHECKPOINTS = ".dvc/tmp/relight/checkpoints"
RESULTS = ("models/model.pth", "models/model.json", "reports/train/curves.csv", "reports/metrics.json")
ADAMW = {"name": "adamw", "learning_rate": 0.002, "weight_decay": 0.01, "momentum": 0.0}
SGD = {"name": "sgd", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.9}
OFTEN = {"checkpoint_seconds": 0.05, "device": "cpu", "threads": 1, "seed": 42, "loss": "auto"}
MLP = {"name": "mlp", "numeric": "standardize", "mlp": {"n_blocks": 2, "d_block": 48, "dropout": 0.2}}
CASES: dict[str, dict[str, Any]] = {  # sections of params.yaml
    "mini-batches, BatchNorm and dropout": {
        "model": {**MLP, "mlp": {**MLP["mlp"], "batch_norm": True}},
        "train": {
            **OFTEN, "epochs": 700, "batch_size": 16, "optimizer": ADAMW, "early_stopping": None,
            "schedule": {"name": "cosine", "warmup": 5},
        },
    },
    "few long epochs of TabM": {
        "model": {"name": "tabm_small", "numeric": "quantile_normal",
                  "tabm_small": {"k": 2, "n_blocks": 1, "d_block": 8, "n_bins": 4, "d_embedding": 2}},
        "train": {
            **OFTEN, "epochs": 9, "batch_size": 1, "optimizer": ADAMW, "early_stopping": None, "gradient_clip": 1.0,
        },
    },
    "full batches of a line": {
        "model": {"name": "linear", "numeric": "standardize"},
        "train": {**OFTEN, "epochs": 6000, "batch_size": "full", "optimizer": SGD, "early_stopping": None},
    },
    "the best epoch before the kills": {
        "model": MLP,
        "train": {
            **OFTEN, "epochs": 9999, "batch_size": 16, "optimizer": ADAMW, "early_stopping": {"patience": 600},
            "calibration": "temperature",
        },
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A table, prepared and split. For reading alone: `new_copy` is for changing something."""
    root = tmp_path_factory.mktemp("halfway") / "repository"
    root.mkdir()
    repository = make_repository(root)
    shutil.copy(repository.root / "recipes/penguins.yaml", repository.root / "params.yaml")
    assert repository.repro("split") == ["prepare", "split"]
    return repository


NewCopy = Callable[..., Repository]


@pytest.fixture
def new_copy(halfway: Repository, tmp_path: Path) -> NewCopy:
    """Copies of the repository, with some sections of params.yaml and some keys of `train` set."""

    def copy(name: str, sections: dict[str, Any], **train: Any) -> Repository:
        shutil.copytree(halfway.root, tmp_path / name, symlinks=True)
        repository = Repository(tmp_path / name)
        set_params(repository, {**sections, "train": {**sections["train"], **train}})
        return repository

    return copy


def set_params(repository: Repository, sections: dict[str, Any]) -> None:
    path = repository.root / "params.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **sections}), encoding="utf-8")


def whole_run(repository: Repository) -> dict[str, bytes]:
    assert repository.repro("evaluate") == ["train", "evaluate"]
    return repository.bytes_of(*RESULTS)


class Running:
    """A command in a session of its own, with what it says."""

    def __init__(self, repository: Repository, *command: str) -> None:
        self.repository = repository
        self._log = repository.root / ".dvc/tmp/said"
        with open(self._log, "w") as log:
            self.process = subprocess.Popen(
                command, cwd=repository.root, env=clean_environment(), stdout=log, stderr=log, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 120
        while not holds():
            assert self.process.poll() is None, f"ended before {what}: {self.said}"
            assert time.monotonic() < end, f"waited in vain for {what}: {self.said}"
            time.sleep(0.002)

    def wait_for_checkpoints(self, number: int) -> None:
        """Until so many new ones are there."""
        for _ in range(number):
            before = kept(self.repository)
            self.wait_for(lambda before=before: kept(self.repository) != before, "a checkpoint")

    def signal(self, number: int) -> int:
        """To all processes of the session; returns the exit code."""
        os.killpg(self.process.pid, number)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        assert self.signal(signal.SIGKILL) == -signal.SIGKILL
        rwlock = self.repository.root / ".dvc/tmp/rwlock"  # a kill may leave it empty, and DVC cannot read that
        if rwlock.exists() and rwlock.stat().st_size == 0:
            rwlock.unlink()

    def train_pid(self) -> int:
        return int((self.repository.root / ".dvc/tmp/relight/lock").read_text().split("train, pid ")[1])


def kept(repository: Repository) -> set[tuple[str, int, int]]:
    """The files of checkpoints as they are now."""
    found = set()
    for path in (repository.root / CHECKPOINTS).glob("*/*.checkpoint"):
        status = path.stat()
        found.add((str(path), status.st_ino, status.st_mtime_ns))
    return found


def went_on_at(said: str) -> tuple[int, int]:
    """Epoch and step."""
    (place,) = re.findall(r"train: goes on from a checkpoint, at epoch (\d+), step (\d+)", said)
    return int(place[0]), int(place[1])


KILLS = 5  # of each case


@pytest.mark.parametrize("case", CASES)
def test_killed_again_and_again_the_run_ends_with_the_bytes_of_one_that_never_was(case: str, new_copy: NewCopy) -> None:
    whole = whole_run(new_copy("whole", CASES[case]))
    killed, draw, places = new_copy("killed", CASES[case]), random.Random(case), []
    for _ in range(KILLS):
        running = Running(killed, "dvc", "repro", "evaluate")
        running.wait_for_checkpoints(draw.randint(1, 5))
        time.sleep(draw.uniform(0, 0.05))
        running.kill()
        places += [went_on_at(running.said)] if places else [(0, 0)]
    last = killed.run("dvc", "repro", "evaluate")
    assert last.returncode == 0, last.stderr
    assert killed.bytes_of(*RESULTS) == whole
    assert not (killed.root / CHECKPOINTS).exists()  # evaluate found the run recorded
