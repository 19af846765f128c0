"""Measure the cost of a sweep against that of the runs in it.

In a copy of the repository, on the table of penguins, pair by pair and in turn:

- `--fast`: the loop of a job of a sweep (proposals, ledger, pruning) against only the trainings in it;
- experiments: the whole `relight sweep` against `dvc exp run -S ...` of the same params, one after another in the
  workspace, both with an empty run-cache.

    python benchmarks/sweeping.py [TRIALS] [PAIRS]
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))
sys.path.insert(0, str(REPOSITORY / "src"))

from relight.sweep.in_process import InProcessTrainer  # noqa: E402
from relight.sweep.processes import acquire_slot  # noqa: E402
from relight.sweep.proposals import Proposal  # noqa: E402
from relight.sweep.settings import read_sweep_settings, with_proposal  # noqa: E402
from relight.sweep.storage import open_trial_queue, slots_folder  # noqa: E402
from relight.sweep.worker import run_trials  # noqa: E402
from tests.repositories import Repository, make_repository  # noqa: E402

MAX_FAST_RATIO, MAX_EXPERIMENTS_RATIO = 1.05, 1.2
SWEEP = """\
name: {name}
budget: {{trials: {trials}}}
seed: {seed}
prune: {prune}
params:
  train.optimizer.learning_rate: {{low: 0.0005, high: 0.02, log: true}}
  train.optimizer.weight_decay: {{low: 0.00001, high: 0.1, log: true}}
  model.mlp.dropout: {{low: 0.0, high: 0.5}}
"""


def main(trials: int, pairs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "relight"
        root.mkdir()
        repository = penguins(root)
        os.chdir(root)
        fast = [fast_pair(trials, seed) for seed in range(pairs)]
        experiments = [experiment_pair(repository, max(2, trials // 5), seed) for seed in range(max(1, pairs // 2))]
    print("                                          sweep s   bare s   ratio (median)")
    show("--fast, a job's loop", fast, MAX_FAST_RATIO)
    show("experiments, the whole command", experiments, MAX_EXPERIMENTS_RATIO)


def show(name: str, pairs: list[tuple[float, float]], at_most: float) -> None:
    ratios = [ours / bare for ours, bare in pairs]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name:<40} {ours:8.2f} {bare:8.2f} {statistics.median(ratios):7.3f}", end="")
    print(f"   (at most {at_most}; {len(pairs)} pairs, {min(ratios):.3f} to {max(ratios):.3f})")


def penguins(root: Path) -> Repository:
    repository = make_repository(root)
    shutil.copy(root / "recipes/penguins.yaml", root / "params.yaml")
    run(repository, "dvc", "repro", "-q")
    run(repository, "git", "add", "-A")
    run(repository, "git", "commit", "-qm", "penguins")
    return repository


def write_sweep(name: str, trials: int, seed: int, *, prune: bool) -> None:
    text = SWEEP.format(name=name, trials=trials, seed=seed, prune=str(prune).lower())
    Path("sweep.yaml").write_text(text, encoding="utf-8")


def fast_pair(trials: int, seed: int) -> tuple[float, float]:
    """Return wall seconds of a job's loop, and of the trainings in it. One training before warms up."""
    write_sweep(f"fast-{seed}", trials, seed, prune=True)
    settings = read_sweep_settings(Path("sweep.yaml"), fast=True)
    trainer, seconds = InProcessTrainer(), [0.0]
    trainer.train(settings.document, lambda _scores: False)

    def run_timed(_name: str, proposal: Proposal, is_hopeless: Callable[[Sequence[float]], bool]) -> float | None:
        pruning = [0.0]  # seconds that belong to the sweep, not to the training

        def timed_is_hopeless(scores: Sequence[float]) -> bool:
            began = time.perf_counter()
            is_pruned = is_hopeless(scores)
            pruning[0] += time.perf_counter() - began
            return is_pruned

        began = time.perf_counter()
        value = trainer.train(with_proposal(settings.document, proposal), timed_is_hopeless)
        seconds[0] += time.perf_counter() - began - pruning[0]
        return value

    began = time.perf_counter()
    with acquire_slot(slots_folder(settings.sweep)) as slot:
        ledger = open_trial_queue(settings.sweep)
        with ledger.heartbeat():
            run_trials(ledger, settings, slot, run_timed)
    return time.perf_counter() - began, seconds[0]


def experiment_pair(repository: Repository, trials: int, seed: int) -> tuple[float, float]:
    """Return wall seconds of `relight sweep`, and of `dvc exp run` of the same trials."""
    write_sweep(f"slow-{seed}", trials, seed, prune=False)
    settings = read_sweep_settings(Path("sweep.yaml"), fast=False)
    began = time.perf_counter()
    code, output = repository.relight("sweep")
    ours = time.perf_counter() - began
    assert code == 0, output
    proposals = [row.params for row in open_trial_queue(settings.sweep).records()]
    shutil.rmtree(".dvc/cache/runs")
    began = time.perf_counter()
    for number, proposal in enumerate([{}, *proposals]):
        sets = [word for key, value in proposal.items() for word in ("-S", f"{key}={value!r}")]
        run(repository, "dvc", "exp", "run", "-q", "-n", f"bare-{seed}-{number}", *sets)
        run(repository, "git", "checkout", "-q", ".")
    return ours, time.perf_counter() - began


def run(repository: Repository, *command: str) -> None:
    done: subprocess.CompletedProcess[str] = repository.run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (15, 4))
