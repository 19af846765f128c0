"""Parts of the catalogue in `test_bad_inputs.py`: a good workspace, and ways to spoil it."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl
import torch

from relight.evaluate.evaluate import evaluate
from relight.evaluate.params import EvaluateParams
from relight.model.params import ModelParams
from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.runtime.lifetime import single_instance
from relight.runtime.strict_yaml import read_yaml
from relight.split.params import SplitParams
from relight.split.split import split
from relight.train.params import TrainParams
from relight.train.train import train

PARAMS = """\
prepare:
  source: data/raw/table.csv
  target: y
  task: auto
  ignore: []
split:
  method: ordered
  column: null
  train: 0.6
  validation: 0.2
  test: 0.2
  seed: 42
model:
  name: linear
  numeric: standardize
  mlp: {n_blocks: 3, d_block: 256, dropout: 0.1}
train:
  seed: 42
  epochs: 2
  batch_size: full
  loss: auto
  optimizer: {name: sgd, learning_rate: 0.01, weight_decay: 0.0, momentum: 0.0}
  early_stopping: null
  device: cpu
  threads: 1
evaluate: {}
plot: {dpi: 150}
"""
ROWS = [f"{k / 4},{'ab'[k % 2]},{k / 2 + 0.25}" for k in range(20)]
TABLE = "\n".join(["x,c,y", *ROWS, ""])
LINE = "kind: line\nweight: 0.7\nbias: 0.3\nstart: 0.0\nstop: 1.0\nstep: 0.02\nnoise: 0.0\nseed: 42\n"

READ = "20 rows (12 train, 4 validation, 4 test)"  # what check says of a table that is read as meant
CHECK = ("check",)
PREDICT = ("predict", "data/raw/table.csv", "-o", "out.csv")
SHOW = ("show",)

Make = Callable[[], None]


class Case(NamedTuple):
    """One row of the catalogue: what is wrong, and what is said of it.

    Attributes:
        says: stands in the message.
        code: 2 the input is wrong, 1 the run failed, 0 it is no mistake at all.
        make: changes the workspace, which is the current folder, before the command runs.
        command: arguments of `relight`, or the work of a stage.
        skip: why this row does not run, and what brings it.
    """

    number: int
    name: str
    says: str = ""
    code: int = 2
    params: str | bytes = PARAMS
    table: str | bytes = TABLE
    make: Make = lambda: None
    command: tuple[str, ...] | Make = CHECK
    skip: str = ""


def of_params(number: int, name: str, old: str, new: str, says: str, code: int = 2) -> Case:
    """One place of params.yaml replaced."""
    return Case(number, name, says, code, params=edited(old, new))


def of_source(number: int, name: str, source: str, says: str, make: Make = lambda: None, code: int = 2) -> Case:
    """Another source of the table."""
    return Case(number, name, says, code, params=edited("data/raw/table.csv", source), make=make)


def of_table(number: int, name: str, table: str | bytes, says: str, code: int = 2) -> Case:
    """Other bytes in data/raw/table.csv."""
    return Case(number, name, says, code, table=table)


def of_parquet(number: int, name: str, columns: dict[str, pl.Series], says: str, code: int = 2) -> Case:
    """The columns x and y of 20 rows, and one more."""
    numbers = {"x": pl.Series([k / 4 for k in range(20)]), "y": pl.Series([k / 2 + 0.25 for k in range(20)])}
    path = "data/raw/table.parquet"
    return of_source(number, name, path, says, lambda: pl.DataFrame({**numbers, **columns}).write_parquet(path), code)


def of_target(number: int, name: str, targets: list[str], task: str, says: str, code: int = 2) -> Case:
    """Other values of y, over and over, and a task for them."""
    rows = [f"{k / 4},{targets[k % len(targets)]}" for k in range(20)]
    params = edited("task: auto", f"task: {task}")
    return Case(number, name, says, code, params=params, table="\n".join(["x,y", *rows, ""]))


def of_columns(number: int, name: str, kinds: str, says: str, code: int = 2, ignore: str = "[]") -> Case:
    """Kinds that are asked for."""
    return Case(number, name, says, code, params=edited("ignore: []", f"ignore: {ignore}\n  columns: {{{kinds}}}"))


def of_weight(number: int, name: str, weight: str, table: str, says: str, code: int = 2) -> Case:
    """A column of the table as the weight of its rows."""
    return Case(number, name, says, code, params=edited("ignore: []", f"ignore: []\n  weight: {weight}"), table=table)


def of_predict(number: int, name: str, table: str, says: str, code: int = 2) -> Case:
    """A table for a model that was trained on the good one."""
    return Case(number, name, says, code, table=table, command=PREDICT)


def of_model(number: int, name: str, says: str, make: Make) -> Case:
    """A spoilt model."""
    return Case(number, name, says, make=make, command=PREDICT)


def later(number: int, name: str, why: str) -> Case:
    return Case(number, name, skip=why)


def edited(old: str, new: str, text: str = PARAMS) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text"
    return text.replace(old, new)


def with_row(number: int, row: str) -> str:
    """The table with one of its rows (from 1) replaced."""
    return "\n".join(["x,c,y", *ROWS[: number - 1], row, *ROWS[number:], ""])


def with_xs(*xs: str) -> str:
    """The table with other values of x, over and over."""
    return "\n".join(["x,c,y", *(f'"{xs[k % len(xs)]}",{row.split(",", 1)[1]}' for k, row in enumerate(ROWS)), ""])


def write(path: str, content: str | bytes) -> Make:
    def make() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def all_of(*steps: Make) -> Make:
    def make() -> None:
        for step in steps:
            step()

    return make


def link_out() -> None:
    Path("../outside.csv").write_text(TABLE)
    Path("data/raw/link.csv").symlink_to(Path("../outside.csv").absolute())


def write_weights(state: object) -> Make:
    return lambda: torch.save(state, "models/model.pth")


def cut_short(path: str) -> Make:
    return lambda: write(path, Path(path).read_bytes()[:-100])()


def flip_a_bit(path: str, place: int) -> Make:
    def make() -> None:
        content = bytearray(Path(path).read_bytes())
        content[place] ^= 1
        Path(path).write_bytes(content)

    return make


def edit(path: str, old: str, new: str) -> Make:
    return lambda: write(path, edited(old, new, Path(path).read_text()))()


def split_table() -> None:
    """The work of prepare and split."""
    document = read_yaml(Path("params.yaml")).value
    source = Path(document["prepare"]["source"])
    prepare(PrepareParams(**document["prepare"]), source=source, table=Path("table"), schema=Path("schema"))
    split(
        SplitParams(**document["split"]),
        **{name: Path(name) for name in ("table", "schema", "train", "validation", "test", "features", "report")},
    )


def train_model() -> None:
    """The work of train, on what `split_table` left."""
    document = read_yaml(Path("params.yaml")).value
    train(
        ModelParams(**document["model"]),
        TrainParams(**document["train"]),
        train_rows=Path("train"),
        validation_rows=Path("validation"),
        features=Path("features"),
        weights=Path("models/model.pth"),
        description=Path("models/model.json"),
        manifest=Path("models/manifest.json"),
        curves=Path("curves.csv"),
        live_curves=Path("live.csv"),
        speed=Path("speed.json"),
        kept=Path("kept"),
        digests={},
    )


def train_on_other_rows() -> None:
    split_table()
    train_model()
    write("data/raw/table.csv", TABLE.replace(",a,", ",b,"))()
    split_table()


def evaluate_model() -> None:
    evaluate(
        EvaluateParams(),
        weights=Path("models/model.pth"),
        description=Path("models/model.json"),
        schema=Path("schema"),
        table=Path("table"),
        train_rows=Path("train"),
        validation_rows=Path("validation"),
        test_rows=Path("test"),
        metrics=Path("metrics.json"),
        reports=Path("reports"),
    )


def train_twice_at_once() -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        lock = Path(elsewhere) / "lock"
        with single_instance(lock, "train"), single_instance(lock, "train"):
            pass


def date_into_the_future() -> None:
    for path in ("params.yaml", "data/raw/table.csv"):
        os.utime(path, (4e9, 4e9))  # the year 2096


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def repository() -> None:
    """Make a repository of Git and DVC with one commit."""
    write(".dvc/config", "[core]\n    analytics = false\n")()
    git("init", "-q", "-b", "main")
    git("config", "user.name", "Test")
    git("config", "user.email", "test@example.invalid")
    git("add", "params.yaml")
    git("commit", "-qm", "start")


def detach_head() -> None:
    """Do as DVC does for the time of an experiment."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    git("checkout", "-q", commit)


def forget_email() -> None:
    """Whatever this machine knows."""
    git("config", "user.email", "")
