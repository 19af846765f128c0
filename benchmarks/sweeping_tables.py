"""Compare the best trial of a sweep with the recipe that it started from, on real tables.

For each table (of `benchmarks/tables/`, or a sample of `relight data`) this copies the repository, sets only source,
target and seed in `recipes/table.yaml`, runs `dvc repro`, then `relight sweep --fast` with `recipes/sweep.yaml`, and
applies the best trial with `dvc exp apply`. Validation rows choose it; the scores printed are those of the test rows:
RMSE for numbers, log loss for classes, of each seed and their mean.

    python benchmarks/sweeping_tables.py [--tables FOLDER] [--only NAME ...] [--seeds N] [--trials N] [--jobs N]
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from accuracy import REPOSITORY, SCORE_OF, make_repository, print_row, run, shown, write_params

from relight.commands.samples import write_sample

QUICK = ("diabetes", "digits", "penguins")  # diamonds and flights_late take an hour and more on two cores
HEAD = ("table", "score", "default", "best of the sweep", "ratio of means", "seconds of a sweep")
BUDGET = "budget: {trials: 40, minutes: null}"


class Table(NamedTuple):
    file: Path
    target: str
    score: str


class Pair(NamedTuple):
    """Scores of the test rows with the recipe and with the best trial, and the seconds of the sweep."""

    default: float
    best: float
    seconds: float


def main(tables: Path, only: list[str], seeds: int, trials: int, jobs: int) -> None:
    print_row(*HEAD)
    print_row(*["---"] * len(HEAD))
    with tempfile.TemporaryDirectory() as samples:
        for name in only:
            table = table_of(tables / name) if (tables / name).exists() else sample(name, Path(samples))
            pairs = [pair(table, seed, trials, jobs) for seed in range(1, seeds + 1)]
            print_row(name, table.score, *cells(pairs))


def table_of(folder: Path) -> Table:
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    return Table(folder / meta["file"], meta["target"], SCORE_OF[meta["task"]])


def sample(name: str, folder: Path) -> Table:
    """Return a table of `relight data`, which the recipe splits."""
    write_sample(name, folder)
    return Table(folder / f"{name}.csv", "target", "rmse" if name == "diabetes" else "log_loss")


def pair(table: Table, seed: int, trials: int, jobs: int) -> Pair:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        make_repository(root, table.file)
        write_params(root, f"data/raw/{table.file.name}", table.target, seed)
        write_sweep(root, trials)
        run(["dvc", "repro", "--quiet"], root)
        commit(root)
        default = score_of(root, table.score)
        began = time.perf_counter()
        run(["relight", "sweep", "--fast", "--jobs", str(jobs)], root)
        seconds = time.perf_counter() - began
        run(["dvc", "exp", "apply", "--quiet", experiment(root)], root)
        return Pair(default, score_of(root, table.score), seconds)


def write_sweep(root: Path, trials: int) -> None:
    text = (REPOSITORY / "recipes/sweep.yaml").read_text(encoding="utf-8")
    assert BUDGET in text
    (root / "sweep.yaml").write_text(text.replace(BUDGET, f"budget: {{trials: {trials}}}"), encoding="utf-8")


def commit(root: Path) -> None:
    run(["git", "config", "user.name", "Benchmark"], root)
    run(["git", "config", "user.email", "benchmark@example.invalid"], root)
    run(["git", "add", "--all"], root)
    run(["git", "commit", "--quiet", "--message", "the recipe"], root)


def experiment(root: Path) -> str:
    """Return the name of the experiment that the sweep has kept."""
    [name] = run(["dvc", "exp", "list", "--name-only"], root).split()
    return name


def score_of(root: Path, score: str) -> float:
    return float(json.loads((root / "reports/metrics.json").read_text(encoding="utf-8"))["test"][score])


def cells(pairs: list[Pair]) -> tuple[str, ...]:
    """Return default, best, ratio and seconds as texts."""
    defaults, bests = [pair.default for pair in pairs], [pair.best for pair in pairs]
    return (
        f"{shown(statistics.mean(defaults))} ({', '.join(map(shown, defaults))})",
        f"{shown(statistics.mean(bests))} ({', '.join(map(shown, bests))})",
        f"{statistics.mean(bests) / statistics.mean(defaults):.3f}",
        f"{statistics.median(pair.seconds for pair in pairs):.0f}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=REPOSITORY / "benchmarks/tables")
    parser.add_argument("--only", nargs="+", default=QUICK)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    main(arguments.tables, arguments.only, arguments.seeds, arguments.trials, arguments.jobs)
