"""kill -9, then `dvc repro`: every byte is as if nothing had happened. With the real dvc, in a real repository."""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import at_work_in, remove_torn_rwlock, send, wait_until, wait_until_nobody_is_at_work_in
from tests.repositories import Repository, clean_environment, make_repository, quick_environment

CHECKPOINTS = ".dvc/tmp/relight/checkpoints"
TRAINED = ("models/model.pth", "models/model.json", "models/manifest.json", "reports/train/curves.csv")
RESULTS = (*TRAINED, "reports/metrics.json")
ADAMW = {"name": "adamw", "learning_rate": 0.002, "weight_decay": 0.01, "momentum": 0.0}
SGD = {"name": "sgd", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.9}
OFTEN = {"checkpoint_seconds": 0.05, "device": "cpu", "threads": 1, "seed": 42, "loss": "auto"}
MLP = {"name": "mlp", "numeric": "standardize", "mlp": {"n_blocks": 2, "d_block": 48, "dropout": 0.2}}
RMSPROP = {"call": "torch.optim:RMSprop", "learning_rate": 0.002, "momentum": 0.5, "centered": True}
LONG_EPOCHS, BEST_BEFORE = "few long epochs of TabM", "the best epoch before the kills"
CASES: dict[str, dict[str, Any]] = {  # sections of params.yaml
    "mini-batches, BatchNorm and dropout": {
        "model": {**MLP, "mlp": {**MLP["mlp"], "batch_norm": True}},
        "train": {
            **OFTEN, "epochs": 120, "batch_size": 16, "optimizer": ADAMW, "early_stopping": None,
            "schedule": {"name": "cosine", "warmup": 5},
        },
    },
    "an optimizer by its class, and a rate for each step": {
        "model": MLP,
        "train": {
            **OFTEN, "epochs": 100, "batch_size": 16, "optimizer": RMSPROP, "early_stopping": None,
            "schedule": {"name": "one_cycle"},
        },
    },
    LONG_EPOCHS: {
        "model": {"name": "tabm_small", "numeric": "quantile_normal",
                  "tabm_small": {"k": 2, "n_blocks": 1, "d_block": 8, "n_bins": 4, "d_embedding": 2}},
        "train": {
            **OFTEN, "epochs": 4, "batch_size": 1, "optimizer": ADAMW, "early_stopping": None, "gradient_clip": 1.0,
        },
    },
    "full batches of a line": {
        "model": {"name": "linear", "numeric": "standardize"},
        "train": {**OFTEN, "epochs": 1200, "batch_size": "full", "optimizer": SGD, "early_stopping": None},
    },
    BEST_BEFORE: {
        "model": {**MLP, "mlp": {"n_blocks": 2, "d_block": 64, "dropout": 0.0}},
        "train": {
            **OFTEN, "epochs": 9999, "batch_size": 64, "optimizer": {**ADAMW, "learning_rate": 0.1},
            "early_stopping": {"patience": 400}, "calibration": "temperature",
        },
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A table, prepared and split. It is only read: `new_copy` is for changing something."""
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
    """A command in a session of its own, with what it says.

    Args:
        forks: else it and its stages are new interpreters, in one group.
    """

    def __init__(self, repository: Repository, *command: str, forks: bool = True) -> None:
        self.repository = repository
        environment = quick_environment() if forks else clean_environment()
        self._log = repository.root / ".dvc/tmp/said"
        with open(self._log, "w") as log:
            self.process = subprocess.Popen(
                command, cwd=repository.root, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 120
        while not holds():
            assert self.process.poll() is None, f"ended before {what}: {self.said}"
            assert time.monotonic() < end, f"waited in vain for {what}: {self.said}"
            time.sleep(0.005)

    def wait_for_checkpoints(self, number: int) -> None:
        """Until so many new ones are there."""
        for _ in range(number):
            before = kept(self.repository)
            self.wait_for(lambda before=before: kept(self.repository) != before, "a checkpoint")

    def interrupt(self) -> int:
        """Ctrl-C reaches all processes of the session; returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=120)

    def kill(self) -> None:
        """`kill -9` of the command, and of every process that it has started."""
        send(signal.SIGKILL, [self.process.pid, *at_work_in(self.repository.root)])
        assert self.process.wait(timeout=120) == -signal.SIGKILL
        wait_until_nobody_is_at_work_in(self.repository.root)
        remove_torn_rwlock(self.repository.root)

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


KILLS = 2  # of each case; all moments of writing a checkpoint are tried in one process, in tests/train/test_resume.py


@pytest.mark.parametrize("case", CASES)
def test_killed_again_and_again_the_run_ends_with_the_bytes_of_one_that_never_was(case: str, new_copy: NewCopy) -> None:
    whole = whole_run(new_copy("whole", CASES[case]))
    killed, draw, places = new_copy("killed", CASES[case]), random.Random(case), []
    first = 7 if case == BEST_BEFORE else 0  # so many checkpoints more before the first kill
    for turn in range(KILLS + (case == LONG_EPOCHS)):  # of three places two lie within an epoch
        running = Running(killed, "dvc", "repro", "evaluate")
        running.wait_for_checkpoints(draw.randint(1, 2) + (first if turn == 0 else 0))
        time.sleep(draw.uniform(0, 0.05))
        running.kill()
        assert turn == 0 or places.append(went_on_at(running.said)) is None
    last = killed.run("dvc", "repro", "evaluate")
    assert last.returncode == 0, last.stderr
    assert killed.bytes_of(*RESULTS) == whole
    assert_it_was_the_case(case, killed, [*places, went_on_at(last.stderr)])
    assert not (killed.root / CHECKPOINTS).exists()  # evaluate found the run recorded


def assert_it_was_the_case(case: str, killed: Repository, places: list[tuple[int, int]]) -> None:
    """The kills were where the name of the case says.

    Args:
        places: where each run but the first went on.
    """
    assert places == sorted(set(places))  # each of them did some steps
    if case == LONG_EPOCHS:
        assert any(one[0] == next_one[0] for one, next_one in pairwise(places)), "no two kills within an epoch"
    if case == BEST_BEFORE:
        best = json.loads((killed.root / "models/model.json").read_text())["best_epoch"]
        assert all(epoch > best for epoch, _ in places), "too early"


PLAIN: dict[str, Any] = {
    "model": {**MLP, "mlp": {**MLP["mlp"], "batch_norm": True}},
    "train": {**OFTEN, "epochs": 150, "batch_size": 16, "optimizer": ADAMW, "early_stopping": None},
}


def train_by_hand(repository: Repository) -> tuple[str, dict[str, bytes]]:
    """Return what the stage printed and made, without dvc, which knows nothing of it."""
    done = repository.run("python", "-m", "stages.train")
    assert done.returncode == 0, done.stderr
    return done.stderr, repository.bytes_of(*TRAINED)


@pytest.fixture(scope="session")
def plain(halfway: Repository, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of PLAIN, never killed."""
    root = tmp_path_factory.mktemp("plain") / "repository"
    shutil.copytree(halfway.root, root, symlinks=True)
    set_params(Repository(root), PLAIN)
    return train_by_hand(Repository(root))[1]


@pytest.mark.parametrize("to_all", [False, True], ids=["SIGTERM to the stage", "Ctrl-C"])
def test_a_run_that_is_stopped_keeps_a_checkpoint_and_says_where_it_goes_on(
    to_all: bool, new_copy: NewCopy, plain: dict[str, bytes]
) -> None:
    stopped = new_copy("stopped", PLAIN, checkpoint_seconds=3600)
    running = Running(stopped, "dvc", "repro", "train", forks=not to_all)
    running.wait_for(lambda: "epoch 15 of 150" in running.said, "15 epochs")
    if to_all:
        code = running.interrupt()
    else:
        os.kill(running.train_pid(), signal.SIGTERM)
        code = running.process.wait(timeout=120)
    assert code not in (0, None)
    said = (
        r"error: train: was stopped; a checkpoint is kept at epoch (\d+), step (\d+); `dvc repro` goes on from there\n"
    )
    (place,) = re.findall(said, running.said)
    assert "Traceback" not in running.said
    done = stopped.run("dvc", "repro", "train")
    assert done.returncode == 0, done.stderr
    assert went_on_at(done.stderr) == (int(place[0]), int(place[1])) >= (15, 0)
    assert stopped.bytes_of(*TRAINED) == plain


def test_a_temporary_experiment_goes_on_in_the_workspace_of_another_one(
    new_copy: NewCopy, plain: dict[str, bytes]
) -> None:
    """Its own workspace is gone; what it kept lies in the repository."""
    repository = new_copy("experiments", PLAIN)
    running = Running(repository, "dvc", "exp", "run", "--temp", "-n", "killed", "train")
    running.wait_for_checkpoints(2)
    running.kill()
    shutil.rmtree(repository.root / ".dvc/tmp/exps")
    done = repository.run("dvc", "exp", "run", "--temp", "-n", "again", "train")
    assert done.returncode == 0, done.stderr
    assert went_on_at(done.stderr) > (0, 0)
    assert_recorded(repository, "again", plain)


def refs_of(repository: Repository, experiment: str) -> list[str]:
    return repository.run("git", "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{experiment}").stdout.split()


def assert_recorded(repository: Repository, experiment: str, made: dict[str, bytes]) -> None:
    (name,) = refs_of(repository, experiment)
    recorded = yaml.safe_load(repository.run("git", "show", f"{name}:dvc.lock").stdout)["stages"]["train"]["outs"]
    assert {out["path"]: out["md5"] for out in recorded} == {
        path: hashlib.md5(content).hexdigest() for path, content in made.items()
    }


def test_a_queued_experiment_whose_worker_was_killed_goes_on_when_it_is_queued_again(
    new_copy: NewCopy, plain: dict[str, bytes]
) -> None:
    repository = new_copy("queue", PLAIN)
    work = ("timeout", "300", "bash", "-c", "dvc queue start | cat")  # until the queue is empty
    assert repository.run("dvc", "exp", "run", "--queue", "-n", "killed", "train").returncode == 0
    running = Running(repository, *work, forks=False)
    running.wait_for_checkpoints(2)
    (lock,) = (repository.root / ".dvc/tmp/exps").glob("tmp*/.dvc/tmp/relight/lock")
    os.killpg(os.getpgid(int(lock.read_text().split("train, pid ")[1])), signal.SIGKILL)  # worker, dvc and stage
    running.process.wait(timeout=60)
    assert repository.run("dvc", "exp", "run", "--queue", "-n", "again", "train").returncode == 0
    again = Running(repository, *work, forks=False)
    wait_until(lambda: bool(refs_of(repository, "again")), seconds=300)
    assert went_on_at(repository.run("dvc", "queue", "logs", "again").stdout) > (0, 0)
    assert_recorded(repository, "again", plain)
    again.kill()  # the worker would wait for more


def test_more_epochs_go_on_and_other_params_data_or_code_never_do(new_copy: NewCopy, plain: dict[str, bytes]) -> None:
    killed = new_copy("killed", PLAIN)
    running = Running(killed, "python", "-m", "stages.train")
    running.wait_for_checkpoints(4)
    running.kill()

    def copy(name: str) -> Repository:
        shutil.copytree(killed.root, killed.root.parent / name, symlinks=True)
        return Repository(killed.root.parent / name)

    def set_train(repository: Repository, **train: Any) -> Repository:
        set_params(repository, {**PLAIN, "train": {**PLAIN["train"], **train}})
        return repository

    said, made = train_by_hand(set_train(copy("more"), epochs=200))
    assert went_on_at(said) > (0, 0)
    assert made == train_by_hand(new_copy("more at once", PLAIN, epochs=200))[1] != plain

    other = set_train(copy("other"), epochs=1, optimizer={**ADAMW, "learning_rate": 0.001})
    other.edit("src/relight/train/losses/losses.py", '"""', '"""Changed. ')
    other.edit("params.yaml", "method: stratified", "method: random")
    assert other.run("python", "-m", "stages.split").returncode == 0
    (changed,) = re.findall(
        r"train: starts anew: the checkpoints of an unfinished run are of other (.*)\n", train_by_hand(other)[0]
    )
    assert changed.split(", ") == [
        "data/split/features.json",
        "data/split/train.safetensors",
        "data/split/validation.safetensors",
        "src/relight/train/losses/losses.py",
        "train.optimizer.learning_rate",
    ]


def test_after_the_last_step_nothing_is_trained_again(new_copy: NewCopy, plain: dict[str, bytes]) -> None:
    """The stage had ended when dvc was killed: it is not recorded, and dvc removes what it made."""
    repository = new_copy("ended", PLAIN)
    _, made = train_by_hand(repository)
    assert made == plain
    (repository.root / "models/model.pth").unlink()
    done = repository.run("dvc", "repro", "train")
    assert done.returncode == 0, done.stderr
    assert went_on_at(done.stderr) == (150, 0)
    assert "of 150" not in done.stderr  # no epoch is told
    assert repository.bytes_of(*TRAINED) == plain
    assert (repository.root / CHECKPOINTS).exists()
    assert repository.run("python", "-m", "stages.split").returncode == 0  # the next stage, whichever it is
    assert not (repository.root / CHECKPOINTS).exists()


def test_a_second_repro_beside_a_running_one_is_refused(new_copy: NewCopy) -> None:
    repository = new_copy("busy", PLAIN, epochs=10**9)
    running = Running(repository, "dvc", "repro", "train", forks=False)
    running.wait_for_checkpoints(1)
    second = repository.run("dvc", "repro", "train")
    assert running.process.poll() is None
    running.kill()
    assert second.returncode != 0
    assert "report.json' is busy, it is being blocked by" in second.stderr
    assert f"(PID {running.process.pid})" in second.stderr
