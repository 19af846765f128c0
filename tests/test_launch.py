"""Several processes train one model, on this machine. Every command has a time limit: a hang is a failure."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import polars.testing
import pytest
import torch
import yaml

from relight.cli import main
from tests.processes import at_work_in, children_of, remove_torn_rwlock, send, wait_until_nobody_is_at_work_in
from tests.repositories import REPOSITORY, Repository, clean_environment, make_repository, quick_environment

pytestmark = [pytest.mark.usefixtures("fork_server_of_several"), pytest.mark.xdist_group("several_processes")]

LIMIT = 600  # seconds: a hang, on the slowest machine
LAUNCH = ("python", "-c", "from relight.cli import entry; entry()", "launch")
FORK = b"fork_server.py\0several\0"  # in the command line of each process that a test forks to train with others
COMPILER = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")
TRAIN = ("python", "-m", "stages.train")
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
WRITTEN = ("models/model.pth", "models/model.json", "models/manifest.json", "reports/train/curves.csv")


class Launched:
    """A command in a repository, and its end."""

    def __init__(self, repository: Repository, *command: str, env: dict[str, str] | None = None) -> None:
        self.root = repository.root
        self.process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**quick_environment(), "PYTHONPATH": str(REPOSITORY / "src"), **(env or {})},
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
        """The pid of the process that trains with the first one."""
        forks = [pid for pid in at_work_in(self.root) if FORK in Path(f"/proc/{pid}/cmdline").read_bytes()]
        (pid,) = {*(forks or children_of(self.first()))} - {self.first()}
        return pid


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
    assert said.count("epoch 12 of 12") == 1  # only the first process speaks
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
    """A training with dropout, long enough to be killed in the middle."""
    repository_.edit("params.yaml", "dropout: 0.0", "dropout: 0.2")
    repository_.edit("params.yaml", "epochs: 12", "epochs: 150")
    return repository_


ADAMW = {"name": "adamw", "learning_rate": 0.002, "weight_decay": 0.01, "momentum": 0.0}
SGD = {"name": "sgd", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.9}
OFTEN = {"checkpoint_seconds": 0.02, "device": "cpu", "threads": 1, "seed": 7, "loss": "auto"}
LONG_EPOCHS = "few long epochs of TabM"
KILLED: dict[str, dict[str, Any]] = {  # sections of params.yaml; several times longer than the runs until the ends
    "mini-batches of an MLP with dropout": {
        "model": {"name": "mlp", "numeric": "standardize", "mlp": {"n_blocks": 2, "d_block": 24, "dropout": 0.2}},
        "train": {
            **OFTEN, "epochs": 140, "batch_size": 33, "optimizer": ADAMW, "early_stopping": {"patience": 999},
            "schedule": {"name": "cosine", "warmup": 5}, "calibration": "temperature",
        },
    },
    LONG_EPOCHS: {
        "model": {"name": "tabm_small", "numeric": "quantile_normal",
                  "tabm_small": {"k": 2, "n_blocks": 1, "d_block": 8, "n_bins": 4, "d_embedding": 2}},
        "train": {
            **OFTEN, "epochs": 6, "batch_size": 3, "optimizer": ADAMW, "early_stopping": None, "gradient_clip": 1.0,
        },
    },
    "full batches of a line": {
        "model": {"name": "linear", "numeric": "standardize"},
        "train": {**OFTEN, "epochs": 450, "batch_size": "full", "optimizer": SGD, "early_stopping": None},
    },
}  # fmt: skip
ENDS: dict[str, tuple[signal.Signals, Callable[[Launched], list[int]]]] = {  # and which processes get the signal
    "SIGKILL to dvc": (signal.SIGKILL, lambda run: [run.process.pid]),
    "SIGKILL to all": (signal.SIGKILL, lambda run: at_work_in(run.root)),
    "SIGKILL to the first": (signal.SIGKILL, lambda run: [run.first()]),
    "SIGKILL to the worker": (signal.SIGKILL, lambda run: [run.worker()]),
    "SIGTERM to the first": (signal.SIGTERM, lambda run: [run.first()]),
    "Ctrl-C": (signal.SIGINT, lambda run: at_work_in(run.root)),
}
# The kernel ends a process with its parent, which for a fork is the server; and Ctrl-C would reach a fork twice.
TO_NEW_INTERPRETERS = ("SIGKILL to dvc", "SIGKILL to the first", "Ctrl-C")
REPRO = (*LAUNCH, "--processes", "2", "dvc", "repro", "evaluate")


def ends_of(case: str) -> list[str]:
    """A share of the ends, in an order that is the same each time: each kill twice, each stop once."""
    order = [end for end in ENDS for _ in range(2 if "KILL" in end else 1)]
    random.Random(len(order)).shuffle(order)
    return order[list(KILLED).index(case) :: len(KILLED)]


def with_params(prepared: Repository, root: Path, sections: dict[str, Any]) -> Repository:
    shutil.copytree(prepared.root, root, symlinks=True)
    (root / "params.yaml").write_text(yaml.safe_dump({**yaml.safe_load(PARAMS), **sections}))
    return Repository(root)


def wait_for_checkpoints(run: Launched, number: int) -> None:
    """Until so many new ones were seen; a training that is over too early, or gets nowhere, is a failure."""
    until = time.monotonic() + LIMIT
    for _ in range(number):
        before = written(run.root)
        while written(run.root) == before:
            if run.process.poll() is not None or time.monotonic() > until:
                with suppress(ProcessLookupError):
                    os.killpg(run.process.pid, signal.SIGKILL)
                pytest.fail(f"no new checkpoint to be killed after: {run.said()}")
            time.sleep(0.005)


def written(root: Path) -> set[tuple[str, int]]:
    return {(path.name, path.stat().st_mtime_ns) for path in kept(root)}


def end_by(end: str, run: Launched) -> str:
    """Returns what it said; by then no process of it is left, whichever got the signal."""
    number, receivers = ENDS[end]
    send(number, receivers(run))
    said = run.said()
    assert run.process.returncode != 0
    wait_until_nobody_is_at_work_in(run.root)
    assert not (run.root / "models/model.pth").exists(), "ended too late"
    if end == "SIGKILL to the worker":
        assert said.count("error: worker 1 was killed by signal 9 (out of memory?); the same command goes on from") == 1
        assert said.count("error: train: the last good checkpoint is that at epoch") == 1
        assert said.count("error: ") == 2
    if number != signal.SIGKILL:
        assert said.count("was stopped; a checkpoint is kept at epoch") == 1
    remove_torn_rwlock(run.root)
    return said


def went_on_at(said: str) -> tuple[int, int]:
    """Epoch and step."""
    (place,) = re.findall(r"train: goes on from a checkpoint, at epoch (\d+), step (\d+)", said)
    return int(place[0]), int(place[1])


@pytest.mark.parametrize("case", KILLED)
def test_two_processes_killed_again_and_again_end_with_the_bytes_of_a_run_that_never_was(
    case: str, prepared: Repository, tmp_path: Path
) -> None:
    never = with_params(prepared, tmp_path / "never", KILLED[case])
    Launched(never, *REPRO).ends_well()
    killed, draw = with_params(prepared, tmp_path / "killed", KILLED[case]), random.Random(case)
    places: list[tuple[int, int]] = []  # where each run but the first went on
    for turn, end in enumerate(ends_of(case)):
        run = Launched(killed, *REPRO, env=clean_environment() if end in TO_NEW_INTERPRETERS else None)
        wait_for_checkpoints(run, draw.randint(1, 3))
        time.sleep(draw.uniform(0, 0.15))
        said = end_by(end, run)
        if turn > 0:
            places.append(went_on_at(said))
    places.append(went_on_at(Launched(killed, *REPRO).ends_well()))
    assert killed.bytes_of(*WRITTEN, "reports/metrics.json") == never.bytes_of(*WRITTEN, "reports/metrics.json")
    assert places == sorted(set(places))  # each run did some steps before its end
    assert not list((killed.root / ".dvc/tmp/relight/outs").iterdir())  # nor has the second process left anything
    if case == LONG_EPOCHS:
        assert any(one[0] == next_one[0] for one, next_one in pairwise(places)), "no two kills within an epoch"


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is here")
def test_two_processes_with_a_compiled_model_go_on_to_the_bytes_of_a_run_that_never_was_killed(
    long_: Repository, tmp_path: Path
) -> None:
    """The state after a kill is that of the whole run without its last checkpoint and all that came later."""
    cache = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    long_.edit("params.yaml", "n_blocks: 2", "n_blocks: 1")  # a block is compiled with less
    long_.edit("params.yaml", "threads: 1", "threads: 1\n  compile: true")
    killed = Repository(shutil.copytree(long_.root, tmp_path / "killed", symlinks=True))
    Launched(long_, *LAUNCH, "--processes", "2", *TRAIN, env=cache).ends_well()
    *_, last = sorted(kept(long_.root), key=lambda path: path.stat().st_mtime_ns)
    checkpoints = last.parent.parent.relative_to(long_.root)
    later = shutil.ignore_patterns(last.name, "finished")
    shutil.copytree(long_.root / checkpoints, killed.root / checkpoints, ignore=later)
    said = Launched(killed, *LAUNCH, "--processes", "2", "dvc", "repro", "train", env=cache).ends_well()
    assert (0, 0) < went_on_at(said) < (150, 0)
    assert killed.bytes_of(*WRITTEN) == long_.bytes_of(*WRITTEN)


def test_a_checkpoint_of_two_processes_is_not_for_one(long_: Repository) -> None:
    run = Launched(long_, *LAUNCH, "--processes", "2", *TRAIN)
    wait_for_checkpoints(run, 1)
    end_by("SIGKILL to all", run)
    long_.edit("params.yaml", "checkpoint_seconds: 0.3", "checkpoint_seconds: 3000")
    said = Launched(long_, *TRAIN).ends_well()
    assert "starts anew: the checkpoints of an unfinished run are of other processes" in said


def test_a_worker_that_does_not_answer_ends_the_run_in_time(long_: Repository) -> None:
    run = Launched(long_, *LAUNCH, "--processes", "2", "--timeout", "8", *TRAIN)
    wait_for_checkpoints(run, 1)
    os.kill(run.worker(), signal.SIGSTOP)
    said = run.said()
    assert "error: another process ended, or did not answer for 8 s; " in said
    assert run.process.returncode != 0
    wait_until_nobody_is_at_work_in(long_.root)


def test_a_process_of_torchrun_that_is_killed_ends_the_others(long_: Repository) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    run = Launched(long_, *torchrun, "-m", "stages.train")
    wait_for_checkpoints(run, 1)
    (worker,) = [pid for pid in children_of(run.process.pid) if pid != run.first()]
    os.kill(worker, signal.SIGKILL)
    assert "goes on from" in run.said()  # it sees the end of the other one, or torchrun stops it before
    assert run.process.returncode != 0
    assert not at_work_in(long_.root)
    assert not (long_.root / "models/model.pth").exists()


def test_a_process_of_another_machine_that_is_killed_ends_both(long_: Repository) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    lent = ("--processes", "1", "--nodes", "2", "--rendezvous", where, "--timeout", "60")
    first = Launched(long_, *LAUNCH, *lent, *TRAIN, env={"JOB_COMPLETION_INDEX": "0"})
    second = Launched(long_, *LAUNCH, *lent, *TRAIN, env={"JOB_COMPLETION_INDEX": "1"})
    wait_for_checkpoints(first, 1)
    os.kill(first.worker(), signal.SIGKILL)
    assert "error: worker 1 was killed by signal 9 (out of memory?); the same command goes on" in second.said()
    assert "error: another process ended, or did not answer for 60 s; " in first.said()
    assert (first.process.returncode, second.process.returncode) == (1, 1)


def test_a_port_in_use_is_named_at_once(repository_: Repository) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = Launched(repository_, *LAUNCH, "--processes", "2", "--rendezvous", f"127.0.0.1:{port}", "dvc", "repro")
        said = run.said()
    assert f"port {port} is in use; leave it out to get a free one" in said
    assert (run.process.returncode, said.count("\n")) == (2, 1)


def test_batch_normalisation_is_refused_before_anything_is_started(repository_: Repository) -> None:
    repository_.edit("params.yaml", "dropout: 0.0", "dropout: 0.0, batch_norm: true")
    run = Launched(repository_, *LAUNCH, "--processes", "2", *TRAIN)
    said = run.said()
    assert "error: model.mlp.batch_norm: must be false with several processes" in said
    assert (run.process.returncode, said.count("error: ")) == (2, 1)
    Launched(repository_, *LAUNCH, "--processes", "1", *TRAIN).ends_well()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA, and this test wants none")
def test_cuda_where_there_is_none_is_one_message(repository_: Repository) -> None:
    repository_.edit("params.yaml", "device: cpu", "device: cuda")
    run = Launched(repository_, *LAUNCH, "--processes", "2", *TRAIN)
    said = run.said()
    assert "error: train.device: cuda is not available on this machine" in said
    assert (run.process.returncode, said.count("error: ")) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--processes", "0", "dvc"], "--processes: must be at least 1, got 0"),
        (["--processes", "2", "--timeout", "0", "dvc"], "--timeout: must be at least 1, got 0"),
        (["--processes", "2", "--nodes", "2", "dvc"], "--node-rank: is needed because neither of SLURM_NODEID, "),
        (["--processes", "2", "--nodes", "2", "--node-rank", "0", "dvc"], "--rendezvous: is needed with --nodes"),
        (
            ["--processes", "2", "--nodes", "2", "--node-rank", "2", "--rendezvous", "a:1", "dvc"],
            "--node-rank: must be from 0 to 1, one less than --nodes, got 2",
        ),
        (["--processes", "2", "--rendezvous", "here", "dvc"], "--rendezvous: must be a host and a port, such as "),
        (["--processes", "2", "--rendezvous", "no.such.invalid:1", "dvc"], "cannot listen there: "),
        (["--processes", "2", "--rendezvous", "192.0.2.1:1", "dvc"], "cannot listen there: "),
        (["--processes", "1"], "needs a command, such as: relight launch --processes 2 dvc repro"),
        (["--processes", "1", "dvcc"], "relight launch: dvcc: cannot be run: No such file or directory"),
    ],
)
def test_arguments_that_make_no_sense(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELIGHT_TIMEOUT", "300")  # the command sets it, and the test must leave it as it was
    assert main(["launch", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_document_shows_commands_that_there_are_and_a_manifest_that_can_be_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (REPOSITORY / "docs/scale.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["launch", "--help"])
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    shown = {word for line in re.findall(r"relight launch[^`\n]*", text) for word in re.findall(r"--[a-z-]+", line)}
    assert shown == known - {"--help", "--timeout"}
    (manifest,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    service, job = yaml.safe_load_all(manifest)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert service["metadata"]["name"] == job["spec"]["template"]["spec"]["subdomain"]
    assert container["command"][:2] == ["relight", "launch"]
