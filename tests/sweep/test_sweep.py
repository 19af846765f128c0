"""`relight sweep` in real repositories: no trial is lost and none counted twice, whatever is killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
import yaml

from relight.sweep.params import SweepParams
from relight.sweep.proposals import PerTrialSampler, search_distributions
from relight.sweep.storage import open_study
from relight.sweep.trial_queue import TrialQueue, TrialRecord
from tests.repositories import Repository, clean_environment, make_repository

FAST = """\
name: fast
seed: 3
budget: {trials: 40}
params:
  train.optimizer.learning_rate: {low: 0.0005, high: 0.02, log: true}
  train.optimizer.weight_decay: {low: 0.0, high: 0.1}
  train.batch_size: [16, 32, full]
"""
SLOW = """\
name: slow
metric: validation.log_loss
direction: minimize
budget: {trials: 3}
params:
  train.optimizer.learning_rate: {low: 0.0005, high: 0.02, log: true}
  train.optimizer.name: [adam, adamw]
"""
LIMIT = 1200  # seconds, on a busy machine


@pytest.fixture(scope="module")
def penguins(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Committed with a small model, without the plot stage; prepared and split. It is only read."""
    root = tmp_path_factory.mktemp("penguins") / "repository"
    root.mkdir()
    repository = make_repository(root)
    shutil.copy(root / "recipes/penguins.yaml", root / "params.yaml")
    repository.edit("params.yaml", "name: mlp", "name: linear")
    repository.edit("params.yaml", "epochs: 200", "epochs: 12")
    pipeline = (root / "dvc.yaml").read_text(encoding="utf-8")
    stages, after = pipeline.split("  plot:\n")[0], pipeline.split("\n# What other projects take")[1]
    (root / "dvc.yaml").write_text(f"{stages}\n# What other projects take{after}", encoding="utf-8")
    assert repository.run("git", "commit", "-qam", "penguins").returncode == 0
    assert repository.run("dvc", "repro", "-q", "split").returncode == 0
    assert repository.run("git", "add", "-A").returncode == 0
    assert repository.run("git", "commit", "-qm", "split").returncode == 0
    return repository


@pytest.fixture
def repository(penguins: Repository, tmp_path: Path) -> Repository:
    shutil.copytree(penguins.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy")


@contextmanager
def started(repository: Repository, *arguments: str) -> Iterator[subprocess.Popen]:
    """`relight sweep` in the background; at the end it is gone."""
    start = "import sys; from relight.cli import main; sys.exit(main(sys.argv[1:]))"
    with open(repository.root / ".git/said", "a") as said:
        sweep = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", start, "sweep", *arguments],
            cwd=repository.root,
            env={**clean_environment(), "PYTHONPATH": "src"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield sweep
    finally:
        sweep.kill()
        sweep.wait()


def sweep_params(repository: Repository) -> SweepParams:
    return SweepParams.model_validate(yaml.safe_load((repository.root / "sweep.yaml").read_text()))


def rows_of(repository: Repository) -> list[TrialRecord]:
    params = sweep_params(repository)
    file = repository.root / f".dvc/tmp/relight/sweeps/{params.name}/study.journal"
    if not file.exists():
        return []
    return trial_queue(params, file).records()


def trial_queue(params: SweepParams, file: Path) -> TrialQueue:
    study = open_study(params.storage, file, params.name, params.direction or "minimize", PerTrialSampler(params))
    lock = file.with_name("take.lock")
    return TrialQueue(
        study, search_distributions(params), lock, n_trials=params.budget.trials, minutes=params.budget.minutes
    )


def wait_for(repository: Repository, n_ended: int) -> None:
    until = time.monotonic() + LIMIT
    while sum(row.state != "running" for row in rows_of(repository)) < n_ended:
        assert time.monotonic() < until, (repository.root / ".git/said").read_text()
        time.sleep(0.1)


def wait_for_message(repository: Repository, message: str) -> None:
    until = time.monotonic() + LIMIT
    while message not in (repository.root / ".git/said").read_text():
        assert time.monotonic() < until, f"not said: {message}"
        time.sleep(0.01)


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def experiments(repository: Repository) -> dict[str, str]:
    """Names and commits."""
    said = repository.run("git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").stdout
    return {line.split()[0].rsplit("/", 1)[1]: line.split()[1] for line in said.splitlines() if "/exec/" not in line}


def at(repository: Repository, commit: str, path: str) -> str:
    return repository.run("git", "show", f"{commit}:{path}").stdout


def test_forty_fast_trials_by_two_jobs(repository: Repository) -> None:
    (repository.root / "sweep.yaml").write_text(FAST)
    code, said = repository.relight("sweep", "--fast", "--jobs", "2")
    assert code == 0, said
    rows = rows_of(repository)
    assert [row.number for row in rows] == list(range(40))
    assert {row.state for row in rows} == {"complete", "pruned"}
    best = min((row for row in rows if row.state == "complete"), key=lambda row: row.value or 0)
    name = f"fast-{best.number:04d}"
    assert f"dvc exp apply {name}" in said
    assert list(experiments(repository)) == [name]
    assert "note:" not in said  # the experiment reaches what the queue says
    done = repository.run("dvc", "exp", "apply", name)
    assert done.returncode == 0, done.stderr
    curves = pl.read_csv(repository.root / "reports/train/curves.csv")
    assert curves["validation_score"].min() == best.value
    applied = yaml.safe_load((repository.root / "params.yaml").read_text())
    assert applied["train"]["optimizer"]["learning_rate"] == best.params["train.optimizer.learning_rate"]


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_fast_trials_outlive_kills_of_a_worker_and_of_the_sweep(repository: Repository) -> None:
    (repository.root / "sweep.yaml").write_text(FAST)
    moments = random.Random(7)
    with started(repository, "--fast", "--jobs", "2", "--keep", "0") as sweep:
        wait_for(repository, moments.randrange(3, 8))
        time.sleep(moments.random() / 10)
        os.kill(moments.choice(children_of(sweep.pid)), signal.SIGKILL)
        wait_for_message(repository, "was killed (signal 9); it starts again")
        wait_for(repository, moments.randrange(12, 20))
        time.sleep(moments.random() / 10)
        sweep.send_signal(signal.SIGKILL)
        sweep.wait()
    before = {row.number: row for row in rows_of(repository) if row.state != "running"}
    under_way = {row.number: row.params for row in rows_of(repository) if row.state == "running"}
    assert 12 <= len(before) < 40
    with started(repository, "--fast", "--keep", "0") as again:
        assert again.wait(LIMIT) == 0, (repository.root / ".git/said").read_text()
    rows = {row.number: row for row in rows_of(repository)}
    assert list(rows) == list(range(40))
    assert {row.state for row in rows.values()} <= {"complete", "pruned"}
    assert {number: rows[number] for number in before} == before  # seconds and all: none ran twice
    assert all(params.items() <= rows[number].params.items() for number, params in under_way.items())
    assert "was killed (signal 9); it starts again" in (repository.root / ".git/said").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_trials_are_experiments_and_outlive_a_kill(repository: Repository) -> None:
    (repository.root / "sweep.yaml").write_text(SLOW)
    status = repository.run("git", "status", "--porcelain").stdout
    with started(repository, "--jobs", "2") as sweep:
        wait_for(repository, 1)
        sweep.send_signal(signal.SIGKILL)
        sweep.wait()
    finished = experiments(repository)
    with started(repository, "--jobs", "2") as again:
        assert again.wait(LIMIT) == 0, (repository.root / ".git/said").read_text()
    rows = rows_of(repository)
    assert [(row.number, row.state) for row in rows] == [(n, "complete") for n in range(3)]
    made = experiments(repository)
    assert sorted(made) == ["slow-0000", "slow-0001", "slow-0002", "slow-default"]
    ended = [name for name in finished if name != "slow-default"]
    assert {name: made[name] for name in ended} == {name: finished[name] for name in ended}
    for row in rows:
        commit = made[f"slow-{row.number:04d}"]
        optimizer = yaml.safe_load(at(repository, commit, "params.yaml"))["train"]["optimizer"]
        assert {f"train.optimizer.{key}": optimizer[key] for key in ("learning_rate", "name")} == row.params
        metrics = yaml.safe_load(at(repository, commit, "reports/metrics.json"))
        assert metrics["validation"]["log_loss"] == row.value
    assert repository.run("git", "status", "--porcelain").stdout == status  # the workspace is as it was
    assert "# " in at(repository, made["slow-0000"], "params.yaml")  # with its remarks


def test_two_clones_share_a_study_in_a_database(penguins: Repository, tmp_path: Path) -> None:
    both: list[Repository] = []
    for name in ("one", "other"):
        shutil.copytree(penguins.root, tmp_path / name, symlinks=True)
        both.append(Repository(tmp_path / name))
        text = FAST.replace("trials: 40", "trials: 24") + f"storage: sqlite:///{tmp_path}/study.db\n"
        (both[-1].root / "sweep.yaml").write_text(text)
    with started(both[0], "--fast", "--keep", "0") as one, started(both[1], "--fast", "--keep", "0") as other:
        codes = one.wait(LIMIT), other.wait(LIMIT)
    said = [(repository.root / ".git/said").read_text() for repository in both]
    assert codes == (0, 0), said
    params = sweep_params(both[0])
    rows = trial_queue(params, tmp_path / "here/study.journal").records()
    assert [row.number for row in rows] == list(range(24))
    assert {row.state for row in rows} <= {"complete", "pruned"}
    names = [line.split(":")[0] for text in said for line in text.splitlines() if line.startswith("fast-00")]
    ran = [name for name in names if " " not in name]
    assert sorted(ran) == [f"fast-{number:04d}" for number in range(24)]  # each by one of them alone
