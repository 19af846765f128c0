"""Measure prepare and split against a plain Polars program, in time and in memory.

Makes a mixed table (12 columns, about 100 bytes a row) and runs, in turn and each in its own process: the stages
prepare and split, as `dvc repro` starts them; a Polars program of two streaming passes (mean and deviation of the
numbers, then standardise and write Parquet); and, if it is installed, pandas, which standardises in memory and writes
the bare numbers.

    python benchmarks/prepare.py [MILLIONS_OF_ROWS [ROUNDS]] [--pandas] [--folder FOLDER]
"""

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

REPOSITORY = Path(__file__).resolve().parent.parent
MAX_RATIO, MAX_PEAK_GB = 1.1, 1.0  # the ratio is to the Polars program
PANDAS_UP_TO = 5  # million rows, unless asked for
BLOCK = 262_144

NUMBERS = ["x1", "x2", "x3", "x4", "w1", "w2", "g1", "g2", "y"]
PARAMS = """\
prepare: {source: data/raw/table.csv, target: y, task: auto, ignore: []}
split: {method: random, column: null, train: 0.8, validation: 0.1, test: 0.1, seed: 42}
"""
OTHER_SECTIONS = ("model", "train", "evaluate", "plot")

POLARS = f"""
import polars as pl
numbers, rows = {NUMBERS}, pl.scan_csv("table.csv")
fitted = rows.select(
    *(pl.col(n).mean().alias(n) for n in numbers), *(pl.col(n).std().alias(n + " std") for n in numbers)
).collect(engine="streaming").row(0, named=True)
rows.with_columns((pl.col(n) - fitted[n]) / fitted[n + " std"] for n in numbers).sink_parquet("out.parquet")
"""
PANDAS = f"""
import pandas as pd
numbers, rows = {NUMBERS}, pd.read_csv("table.csv")
rows[numbers] = (rows[numbers] - rows[numbers].mean()) / rows[numbers].std()
rows[numbers].to_numpy("float32").tofile("out.parquet")
"""


class Cost(NamedTuple):
    seconds: float
    cpu: float  # seconds of all cores: other load on the machine changes them little
    peak: float  # GB


def main(millions: float, rounds: int, with_pandas: bool, folder: Path) -> None:
    table = folder / "table.csv"
    # In its own process, because a process inherits the peak of the one that starts it.
    maker = multiprocessing.get_context("spawn").Process(target=write_table, args=(table, round(millions * 1e6)))
    maker.start()
    maker.join()
    work = {"prepare + split": lambda: stages(folder), "polars, two passes": lambda: script(POLARS, folder)}
    if with_pandas:
        work["pandas"] = lambda: script(PANDAS, folder)
    with repository(folder, table):
        for run in work.values():
            run()  # does not count: the first pages of a virtual machine's file cache cost ten times the later ones
        costs: dict[str, list[Cost]] = {name: [] for name in work}
        for _ in range(rounds):
            for name, run in work.items():
                costs[name].append(run())
    report(costs, f"{millions:g} million rows, {table.stat().st_size / 1e9:.2f} GB of CSV, {rounds} rounds")


def write_table(path: Path, n_rows: int) -> None:
    """Write the table; the same rows in every run."""
    generator = np.random.default_rng(42)
    with open(path, "wb") as file:
        for start in range(0, n_rows, BLOCK):
            block = make_rows(generator, min(BLOCK, n_rows - start))
            file.write(block.write_csv(include_header=start == 0).encode())


def make_rows(generator: np.random.Generator, n: int) -> pl.DataFrame:
    """Return four columns of numbers, two of integers, 10 and 1000 categories, a boolean, two with gaps, the target."""
    x = generator.normal(size=(7, n))
    gaps = generator.random((2, n)) < np.array([[0.1], [0.02]])
    return pl.DataFrame(
        {
            "x1": x[0].round(6),
            "x2": (x[1] * 1000).round(5),
            "x3": np.exp(x[2]).round(7),
            "x4": (x[3] / 1000).round(9),
            "w1": generator.integers(0, 100_000, n),
            "w2": generator.integers(0, 50, n),
            "city": np.array([f"city_{k}" for k in range(10)])[generator.integers(0, 10, n)],
            "product": np.array([f"product_{k:04d}" for k in range(1000)])[generator.integers(0, 1000, n)],
            "member": generator.random(n) < 0.5,
            "g1": pl.Series(x[4].round(6)).set(pl.Series(gaps[0]), None),
            "g2": pl.Series((x[5] * 100).round(4)).set(pl.Series(gaps[1]), None),
            "y": (2 * x[0] + x[1] + x[6]).round(6),
        }
    )


@contextmanager
def repository(folder: Path, table: Path) -> Iterator[None]:
    """Provide a copy of the repository whose source is the table."""
    copy = folder / "repository"
    shutil.rmtree(copy, ignore_errors=True)
    (copy / ".dvc").mkdir(parents=True)  # its folder tells where a project begins
    for name in ("src", "stages"):
        shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "dvc.yaml", copy / "dvc.yaml")
    (copy / "params.yaml").write_text(PARAMS + sections_of((REPOSITORY / "params.yaml").read_text()))
    (copy / "data/raw").mkdir(parents=True)
    os.link(table, copy / "data/raw/table.csv")
    yield
    shutil.rmtree(copy)


def sections_of(params: str) -> str:
    """Return the sections that only the check of all params reads, not prepare or split."""
    sections = ("\n" + params).split("\n")
    kept, keep = [], False
    for line in sections:
        keep = line.split(":")[0] in OTHER_SECTIONS if line[:1].isalpha() else keep
        kept += [line] if keep else []
    return "\n".join([*kept, ""])


def stages(folder: Path) -> Cost:
    copy = folder / "repository"
    shutil.rmtree(copy / ".dvc/tmp", ignore_errors=True)  # the check of all params runs again, as the first time
    ours = {"PYTHONPATH": "src"}
    parts = [measure([sys.executable, "-m", f"stages.{stage}"], copy, ours) for stage in ("prepare", "split")]
    for out in ("prepared", "split"):
        shutil.rmtree(copy / "data" / out)  # as dvc does before a stage runs again
    return Cost(sum(p.seconds for p in parts), sum(p.cpu for p in parts), max(p.peak for p in parts))


def script(code: str, folder: Path) -> Cost:
    cost = measure([sys.executable, "-c", code], folder, {})
    (folder / "out.parquet").unlink()
    return cost


def measure(command: list[str], folder: Path, environment: dict[str, str]) -> Cost:
    """Run a command; return wall time, CPU time and the peak memory of it or of a process that it started."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment})
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{command[1:3]} failed")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024**2)


def report(costs: dict[str, list[Cost]], what: str) -> None:
    plain = costs["polars, two passes"]
    print(what)
    print(f"{'':20}{'seconds':>9}{'ratio':>7}{'from':>6}{'to':>6}{'CPU s':>8}{'peak GB':>9}")
    for name, runs in costs.items():
        seconds, cpu = (statistics.median(values) for values in zip(*(run[:2] for run in runs), strict=True))
        ratios = [run.seconds / other.seconds for run, other in zip(runs, plain, strict=True)]
        spread = f"{statistics.median(ratios):7.2f}{min(ratios):6.2f}{max(ratios):6.2f}"
        print(f"{name:20}{seconds:9.1f}{spread}{cpu:8.1f}{max(run.peak for run in runs):9.2f}")
    print(f"prepare + split: at most {MAX_RATIO} times the Polars program, and at most {MAX_PEAK_GB:g} GB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("millions", nargs="?", type=float, default=2)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--pandas", action="store_true", help=f"also beyond {PANDAS_UP_TO} million rows")
    parser.add_argument("--folder", type=Path, help="the folder for temporary files")
    arguments = parser.parse_args()
    with_pandas = arguments.pandas or (arguments.millions <= PANDAS_UP_TO and find_spec("pandas") is not None)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        main(arguments.millions, arguments.rounds, with_pandas, Path(temporary))
