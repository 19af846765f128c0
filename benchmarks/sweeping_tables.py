"""Whether a sweep is worth its time: its best trial beside the recipe that it started from, on real tables.

For each table (`benchmarks/accuracy.py` says whose) this copies the repository, sets nothing but source, target and
seed in `recipes/table.yaml`, runs `dvc repro`, then `relight sweep --fast` with `recipes/sweep.yaml` as it stands, and
takes over what it found with `dvc exp apply`. Validation rows choose; what is printed are the scores of the test rows:
RMSE for numbers, log loss for classes, of each seed and their mean.

    python benchmarks/sweeping_tables.py [--tables FOLDER] [--only NAME ...] [--seeds N] [--trials N] [--jobs N]
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from accuracy import REPOSITORY, SCORE_OF, make_repository, print_row, run, shown, write_params

LARGE_ENOUGH = ("diamonds", "digits", "flights_late")  # others have some hundred rows: one row decides what is better
HEAD = ("table", "score", "default", "best of the sweep", "ratio of means", "seconds of a sweep")
BUDGET = "budget: {trials: 40, minutes: null}"


class Pair(NamedTuple):
    """Scores of the test rows, by what params.yaml says and by the best trial."""

    default: float
    best: float
    seconds: float


def main(tables: Path, only: list[str], seeds: int, trials: int, jobs: int) -> None:
    print_row(*HEAD)
    print_row(*["---"] * len(HEAD))
    for name in only:
        meta = json.loads((tables / name / "meta.json").read_text(encoding="utf-8"))
        score = SCORE_OF[meta["task"]]
        pairs = [pair(tables / name / meta["file"], meta, score, seed, trials, jobs) for seed in range(1, seeds + 1)]
        print_row(name, score, *beside(pairs))


def pair(table: Path, meta: dict[str, Any], score: str, seed: int, trials: int, jobs: int) -> Pair:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        make_repository(root, table)
        write_params(root, f"data/raw/{table.name}", meta["target"], seed)
        write_sweep(root, trials)
        run(["dvc", "repro", "--quiet"], root)
        commit(root)
        default = score_of(root, score)
        began = time.perf_counter()
        run(["relight", "sweep", "--fast", "--jobs", str(jobs)], root)
        seconds = time.perf_counter() - began
        run(["dvc", "exp", "apply", "--quiet", experiment(root)], root)
        return Pair(default, score_of(root, score), seconds)


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
    """The one that the sweep has kept."""
    [name] = run(["dvc", "exp", "list", "--name-only"], root).split()
    return name


def score_of(root: Path, score: str) -> float:
    return float(json.loads((root / "reports/metrics.json").read_text(encoding="utf-8"))["test"][score])


def beside(pairs: list[Pair]) -> tuple[str, ...]:
    """Default, best, ratio, seconds."""
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
    parser.add_argument("--only", nargs="+", default=LARGE_ENOUGH)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    main(asked.tables, asked.only, asked.seeds, asked.trials, asked.jobs)
