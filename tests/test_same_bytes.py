"""Same input, same bytes: again, elsewhere, and with the test rows changed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from relight.model.params import MlpParams, ModelParams
from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.split.params import SplitParams
from relight.split.split import split
from relight.train.params import EarlyStoppingParams, OptimizerParams, TrainParams
from relight.train.train import train
from tests.repositories import Repository, make_repository

TRAIN_ARTIFACTS = ("model.pth", "model.json", "manifest.json", "curves.csv")


def test_a_forced_run_leaves_dvc_lock_as_it_was(finished_copy: Repository) -> None:
    before = finished_copy.hashes()
    assert finished_copy.repro("-f") == ["prepare", "split", "train", "evaluate", "plot"]
    assert finished_copy.hashes() == before


def test_two_clones_in_two_folders_give_the_same_hashes(tmp_path: Path) -> None:
    """A table with gaps and categories; other folder names, hash seeds and time zones; forks and new interpreters."""
    found = []
    other: dict[str, str] = {"PYTHONHASHSEED": "123", "TZ": "Asia/Kathmandu"}  # with these no server of forks answers
    for name, variables in (("one", {}), ("a second, with spaces", other)):
        (tmp_path / name).mkdir()
        clone = make_repository(tmp_path / name)
        shutil.copy(clone.root / "recipes/penguins.yaml", clone.root / "params.yaml")
        clone.edit("params.yaml", "epochs: 200", "epochs: 20")
        done = clone.run("dvc", "repro", env=variables)
        assert done.returncode == 0, done.stderr
        found.append((clone.hashes(), clone.bytes_of("reports/metrics.json")))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["with 'one' and \"two\" quotes; $HOME", "花 ünï", "long" * 50])
def test_a_repository_may_stand_in_any_folder_and_behind_a_link(
    finished: Repository, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    make_repository(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / name)
    linked = Repository(tmp_path / "link")
    assert linked.repro("split") == ["prepare", "split"]
    outs = ("data/prepared/table.parquet", "data/split/train.safetensors", "data/split/features.json")
    assert linked.bytes_of(*outs) == finished.bytes_of(*outs)


def write_table(path: Path, *, seed: int, test_seed: int) -> None:
    """200 rows with numbers, gaps and a category; the part of each row stands in the table."""
    generator, other = np.random.default_rng(seed), np.random.default_rng(test_seed)
    parts = np.array(["train"] * 120 + ["validation"] * 40 + ["test"] * 40)
    is_test = parts == "test"

    def mixed(draw: str, *args: object) -> np.ndarray:
        return np.where(is_test, getattr(other, draw)(*args, 200), getattr(generator, draw)(*args, 200))

    a, b = mixed("normal", 0, 1), mixed("uniform", -5, 5)
    colour = np.array(["red", "green", "blue", "black"])[mixed("integers", 0, 4)]
    known = pl.Series(np.where(mixed("uniform", 0, 1) < 0.1, np.nan, a)).fill_nan(None)
    y = 2 * a - b + (colour == "red") + mixed("normal", 0, 0.1)
    pl.DataFrame({"a": known, "b": b, "colour": colour, "part": parts, "y": y}).write_csv(path)


def train_on(folder: Path, table: str, seed: int, threads: int = 1, d_block: int = 16) -> dict[str, bytes]:
    folder.mkdir(exist_ok=True)
    prepare(
        PrepareParams(source=table, target="y", task="auto", ignore=["part"]),
        source=Path(table), table=folder / "table.parquet", schema=folder / "schema.json",
    )  # fmt: skip
    split(
        SplitParams(method="column", column="part", train=0.6, validation=0.2, test=0.2, seed=1),
        table=folder / "table.parquet", schema=folder / "schema.json", train=folder / "train", test=folder / "test",
        validation=folder / "validation", features=folder / "features.json", report=folder / "report.json",
    )  # fmt: skip
    train(
        ModelParams(name="mlp", numeric="standardize", mlp=MlpParams(n_blocks=2, d_block=d_block, dropout=0.1)),
        TrainParams(
            seed=seed, epochs=20, batch_size=32, loss="auto", device="cpu", threads=threads,
            optimizer=OptimizerParams(name="adamw", learning_rate=0.01, weight_decay=0.01, momentum=0.0),
            early_stopping=EarlyStoppingParams(patience=5),
        ),
        train_rows=folder / "train", validation_rows=folder / "validation", features=folder / "features.json",
        weights=folder / "model.pth", description=folder / "model.json", curves=folder / "curves.csv",
        manifest=folder / "manifest.json",
        live_curves=folder / "live.csv", speed=folder / "speed.json", kept=folder / "kept", digests={},
    )  # fmt: skip
    return {name: (folder / name).read_bytes() for name in (*TRAIN_ARTIFACTS, "test", "train", "features.json")}


def test_changed_test_rows_leave_every_train_artifact_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(Path("one.csv"), seed=1, test_seed=2)
    write_table(Path("two.csv"), seed=1, test_seed=3)
    one, two = train_on(Path("one"), "one.csv", seed=7), train_on(Path("two"), "two.csv", seed=7)
    assert one["test"] != two["test"]
    for name in (*TRAIN_ARTIFACTS, "train", "features.json"):
        assert one[name] == two[name], name


def test_changed_train_rows_and_seeds_do_change_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(Path("one.csv"), seed=1, test_seed=2)
    write_table(Path("two.csv"), seed=4, test_seed=2)
    one, two = train_on(Path("one"), "one.csv", seed=7), train_on(Path("two"), "two.csv", seed=7)
    other_seed = train_on(Path("three"), "one.csv", seed=8)
    for name in TRAIN_ARTIFACTS:
        assert one[name] != two[name], name
        assert one[name] != other_seed[name], name


@pytest.fixture
def busy(quiet: object) -> Iterator[None]:  # noqa: ARG001  # first the quiet runs
    """Another process burns a core meanwhile."""
    burn = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", burn], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()  # it has begun
        yield
        process.kill()


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[int, dict[str, bytes]]]:
    """Return what one and two threads make of wide layers while nothing else runs in this process."""
    before, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    monkeypatch.chdir(tmp_path)
    write_table(Path("one.csv"), seed=1, test_seed=2)
    yield {threads: train_on(Path(f"quiet {threads}"), "one.csv", 7, threads, d_block=192) for threads in (1, 2)}
    torch.set_num_threads(before)
    torch.set_deterministic_debug_mode(mode)


@pytest.mark.usefixtures("busy")
def test_on_a_busy_machine_the_bytes_are_those_of_a_quiet_one(quiet: dict[int, dict[str, bytes]]) -> None:
    """One thread and two may differ from each other, never from themselves."""
    for threads, wanted in quiet.items():
        assert train_on(Path(f"busy {threads}"), "one.csv", 7, threads, d_block=192) == wanted
        assert torch.get_num_threads() == threads
