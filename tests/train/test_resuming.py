"""Training with a disk that fails, processes that die, weights that run away: in one process, without dvc."""

import os
import signal
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from relight.errors import RunError
from relight.model.params import ModelParams
from relight.runtime.lifetime import Terminated
from relight.train import table, train, training
from relight.train.params import TrainParams
from tests.faults import Killed, faulty, full_disk, killed
from tests.feature_tables import small_table
from tests.in_process import trained

MODEL = {
    "name": "mlp", "numeric": "standardize", "mlp": {"n_blocks": 1, "d_block": 8, "dropout": 0.2, "batch_norm": True},
}  # fmt: skip
ADAMW = {"name": "adamw", "learning_rate": 0.02, "weight_decay": 0.01, "momentum": 0.0}
RUNAWAY = {"name": "sgd", "learning_rate": 1.0, "weight_decay": 0.0, "momentum": 0.0}
USUAL = {
    "seed": 3, "epochs": 3, "batch_size": 32, "loss": "auto", "optimizer": ADAMW, "early_stopping": {"patience": 2},
    "device": "cpu", "threads": 1, "checkpoint_seconds": 1e-9,
}  # fmt: skip
RESULTS = ("model.pth", "model.json", "curves.csv")


def run(folder: Path, model: dict[str, Any] | None = None, **params: Any) -> list[bytes]:
    """Train in a folder, which keeps the checkpoints; what it made."""
    folder.mkdir(exist_ok=True)
    table = small_table()
    (folder / "features").write_text(table.features.model_dump_json())
    for part, arrays in (("train", table.train), ("validation", table.validation)):
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, folder / part)
    return trained(
        folder,
        ModelParams.model_validate({**MODEL, **(model or {})}),
        TrainParams.model_validate({**USUAL, **params}),
    )


def checkpoint(folder: Path) -> dict[str, Any]:
    """The newest one, read without the code that wrote it."""
    files = sorted(folder.glob("kept/*/*.checkpoint"), key=lambda path: path.read_bytes()[64:81])
    (folder / "tensors").write_bytes(files[-1].read_bytes()[81:])
    saved: dict[str, Any] = torch.load(folder / "tensors", weights_only=True)
    return saved


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The results of a run that nothing interrupts, and that keeps no checkpoint."""
    return run(tmp_path_factory.mktemp("whole"), checkpoint_seconds=3600)


# Two batches in each of three epochs, a checkpoint after each and one at the end: 12 moments for the first, with what
# it is about, and 7 for each other; then 5 for the word that the run has finished.
MOMENTS = 12 + 6 * 7 + 5


def test_the_moments_are_all_there_are(tmp_path: Path, whole: list[bytes]) -> None:
    with faulty(killed, at=10**9) as moments:
        assert run(tmp_path / "run") == whole
    assert moments.passed == MOMENTS


@pytest.mark.parametrize("at", range(1, MOMENTS + 1))
def test_killed_at_any_moment_of_writing_it_goes_on_to_the_same_bytes(
    at: int, tmp_path: Path, whole: list[bytes]
) -> None:
    with pytest.raises(Killed), faulty(killed, at):
        run(tmp_path / "run")
    assert run(tmp_path / "run") == whole


def test_a_disk_that_fails_at_any_moment_costs_a_word_and_no_byte(
    tmp_path: Path, whole: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for at in range(1, MOMENTS + 1, 3):
        with faulty(full_disk, at):
            assert run(tmp_path / str(at)) == whole
        said += [line for line in capsys.readouterr().err.splitlines() if not line.startswith("epoch ")]
    assert len(said) > MOMENTS / 3 / 2
    assert {line.split(": ", 2)[2] for line in said} == {
        "cannot be written: No space left on device; trains on without a new checkpoint"
    }


def test_a_disk_that_stays_full_does_not_end_the_training(
    tmp_path: Path, whole: list[bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("relight.runtime.files.os.fsync", lambda _: full_disk())
    assert run(tmp_path / "run") == whole
    assert capsys.readouterr().err.count("No space left on device; trains on without a new checkpoint\n") == 6


def kill(folder: Path, at: int, **params: Any) -> None:
    with pytest.raises(Killed), faulty(killed, at):
        run(folder, **params)


LATE = 12 + 4 * 7 + 1  # in the third epoch: checkpoints of its first step, and of the second one of the epoch before


def test_more_epochs_go_on_from_what_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    patient: dict[str, Any] = {"early_stopping": {"patience": 9}}
    kill(tmp_path / "run", LATE, **patient)
    longer = run(tmp_path / "run", epochs=6, **patient)
    assert "train: goes on from a checkpoint, at epoch 2, step 1\n" in capsys.readouterr().err
    assert longer == run(tmp_path / "at once", epochs=6, **patient) != run(tmp_path / "short", **patient)


@pytest.mark.parametrize(("epochs", "place"), [(2, (1, 2)), (1, None)])
def test_what_lies_beyond_fewer_epochs_is_told_and_not_used(
    epochs: int, place: tuple[int, int] | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kill(tmp_path / "run", LATE)
    shorter = run(tmp_path / "run", epochs=epochs)
    said = capsys.readouterr().err
    assert f"train: a checkpoint at epoch 2, step 1 lies beyond train.epochs ({epochs}), and is not used\n" in said
    assert ("train: starts anew\n" if place is None else "at epoch {}, step {}\n".format(*place)) in said
    assert shorter == run(tmp_path / "at once", epochs=epochs)


def test_epochs_that_the_rate_depends_on_start_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    falling: dict[str, Any] = {"schedule": {"name": "cosine"}}
    kill(tmp_path / "run", LATE, **falling)
    longer = run(tmp_path / "run", epochs=6, **falling)
    assert "train: starts anew: the checkpoints of an unfinished run are of other train.epochs\n" in (
        capsys.readouterr().err
    )
    assert longer == run(tmp_path / "at once", epochs=6, **falling)


def signal_before(module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM arrives at the first call of something that the module does."""
    call = getattr(module, name)

    def interrupted(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        os.kill(os.getpid(), signal.SIGTERM)
        return call(*arguments, **named)

    monkeypatch.setattr(module, name, interrupted)


@pytest.mark.parametrize(
    ("module", "moment", "place"),
    [
        (training, "fit", (0, 1)),
        (table, "build_validation_score", (0, 1)),
        (train, "predict_outputs", (3, 0)),
        (train, "save_weights", (3, 0)),
    ],
)
def test_a_stop_before_the_first_step_waits_for_it_and_one_after_the_last_trains_nothing_again(
    module: ModuleType,
    moment: str,
    place: tuple[int, int],
    tmp_path: Path,
    whole: list[bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: _terminate())
    with pytest.MonkeyPatch.context() as monkeypatch:
        signal_before(module, moment, monkeypatch)
        with pytest.raises(Terminated) as caught:
            run(tmp_path / "run")
    signal.signal(signal.SIGTERM, before)
    assert caught.value.args == (
        "a checkpoint is kept at epoch {}, step {}; `dvc repro` goes on from there".format(*place),
    )
    assert run(tmp_path / "run") == whole
    assert "goes on from a checkpoint, at epoch {}, step {}\n".format(*place) in capsys.readouterr().err


def _terminate() -> None:
    """Remove the checkpoints as the stage runner does."""
    raise Terminated


def test_weights_that_run_away_end_the_run_with_the_last_good_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes: dict[str, Any] = {
        "optimizer": RUNAWAY, "epochs": 400, "batch_size": "full", "early_stopping": None, "loss": "mse",
    }  # fmt: skip
    with pytest.raises(RunError) as caught:
        run(tmp_path / "run", {"name": "linear"}, **changes)
    diverged, last = caught.value.problems
    epoch = int(diverged.split("at epoch ")[1].split(",")[0])
    good = checkpoint(tmp_path / "run")
    assert epoch > 2
    assert good["epoch"] in (epoch - 1, epoch)
    assert all(bool(value.isfinite().all()) for value in (good["loss"], *good["model"].values()))
    assert f"the last good checkpoint is that at epoch {good['epoch']}, step {good['step']}, in " in last
    capsys.readouterr()
    with pytest.raises(RunError) as again:  # the same params go the same way, from there
        run(tmp_path / "run", {"name": "linear"}, **changes)
    assert again.value.problems == caught.value.problems
    assert f"goes on from a checkpoint, at epoch {good['epoch']}" in capsys.readouterr().err


def test_a_run_that_fails_before_its_first_checkpoint_names_none(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        run(tmp_path / "run", {"name": "linear"}, optimizer={**RUNAWAY, "learning_rate": 1e30}, checkpoint_seconds=3600)
    assert len(caught.value.problems) == 1
