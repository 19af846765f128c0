"""model.json and model.pth as one: what is rebuilt of them, which versions of Relight and which pairs are refused."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch

import relight
from relight.errors import InputError
from relight.export.export import export
from relight.model.params import ModelParams
from relight.model.saved_model import TableModel, load_model, load_model_files
from relight.model.weights import read_state
from relight.predict.pairs import embed
from relight.predict.predict import predict
from relight.runtime.dependencies import file_sha256
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained
from tests.saved_models import Saved, save_model


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return save_model(tmp_path, "mlp", "x c", "binary", numeric="standardize")


def set_format(saved: Saved, value: str) -> None:
    path = saved.models / "model.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('\n "format": 3', f'\n "format": {value}'), encoding="utf-8"
    )


def test_a_model_is_rebuilt_with_its_weights_and_its_description(saved: Saved) -> None:
    read = load_model(saved.models)
    assert isinstance(read, TableModel)
    assert read.features == saved.features
    weights = read_state(saved.models / "model.pth")
    assert list(read.model.state_dict()) == list(weights)
    assert all(torch.equal(value, weights[name]) for name, value in read.model.state_dict().items())


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("2", "got 2: Relight 0.1 wrote it; use that version, or train again with this one (`dvc repro`)"),
        ("4", "got 4: a newer Relight wrote it; upgrade Relight"),
        ("null", "got None: it is no model.json; run `dvc checkout` or `dvc repro`"),
    ],
)
def test_a_model_of_another_version_names_the_version_to_use(saved: Saved, value: str, rest: str) -> None:
    set_format(saved, value)
    with pytest.raises(InputError) as refused:
        load_model(saved.models)
    assert refused.value.problems == (f"{saved.models}/model.json: must be of format 3, {rest}",)


TRAIN = {
    "seed": 1, "epochs": 60, "batch_size": 32, "loss": "mse", "early_stopping": None, "device": "cpu", "threads": 1,
    "optimizer": {"name": "adamw", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.0},
}  # fmt: skip
WORTH = {"ash": 10, "birch": 50, "cedar": 90, "date": 200}
RUNS = {"first": ("birch", "cedar", "date"), "second": ("ash", "birch", "cedar")}
NEW = "kind,length\nbirch,10\ncedar,10\n"


def train_wood(folder: Path, kinds: tuple[str, ...]) -> None:
    """Train a linear model of price = worth of the kind + 2 * length; its shapes are those of each three kinds."""
    rows = [(kinds[k % 3], 1 + (k * 7) % 23) for k in range(240)]
    lines = [f"{kind},{length},{WORTH[kind] + 2 * length}" for kind, length in rows]
    folder.mkdir()
    (folder / "table.csv").write_text("\n".join(["kind,length,price", *lines, ""]), encoding="utf-8")
    (folder / "new.csv").write_text(NEW, encoding="utf-8")
    prepared_and_split(folder, {"target": "price", "task": "regression"})
    model = {"name": "linear", "numeric": "standardize", "target": "standardize"}
    trained(folder, ModelParams.model_validate(model), TrainParams.model_validate(TRAIN))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trainings, and in `mixed` the weights of the first with the description of the second."""
    root = tmp_path_factory.mktemp("runs")
    for name, kinds in RUNS.items():
        train_wood(root / name, kinds)
    shutil.copytree(root / "second", root / "mixed")
    shutil.copy(root / "first/model.pth", root / "mixed/model.pth")
    return root


LOADERS: dict[str, Callable[[Path], object]] = {
    "load": relight.load,
    "predict": lambda folder: predict(folder / "new.csv", models=folder, output=folder / "out.csv"),
    "embed": lambda folder: embed(folder / "new.csv", models=folder, output=folder / "out.csv"),
    "export": lambda folder: export(
        "onnx", models=folder, output=folder / "out.onnx", prepared=folder / "rows", validation=folder / "validation"
    ),
    "evaluate": lambda folder: load_model_files(folder / "model.json", folder / "model.pth"),
}


@pytest.mark.parametrize("loader", LOADERS)
def test_weights_of_another_run_are_refused_by_each_loader(runs: Path, loader: str) -> None:
    folder = runs / "mixed"
    with pytest.raises(InputError) as refused:
        LOADERS[loader](folder)
    ours, theirs = (file_sha256(runs / name / "model.pth")[:12] for name in ("second", "first"))
    assert refused.value.problems == (
        f"{folder}/model.pth: must be the weights that {folder}/model.json was saved with (sha256 {ours}…), got others "
        f"({theirs}…): the two files are of different runs, or the weights were changed; copy both files of one run, "
        "or run `dvc checkout --force`, or `dvc repro`",
    )
    assert not (folder / "out.csv").exists()
    assert not (folder / "out.onnx").exists()


@pytest.mark.parametrize("run", RUNS)
def test_the_files_of_one_run_predict_what_the_kinds_are_worth(runs: Path, tmp_path: Path, run: str) -> None:
    for name in ("model.json", "model.pth"):  # a copy elsewhere, without the manifest
        shutil.copy(runs / run / name, tmp_path / name)
    (tmp_path / "new.csv").write_text(NEW, encoding="utf-8")
    predicted = relight.load(tmp_path).predict(tmp_path / "new.csv")["prediction"]
    assert predicted.to_list() == pytest.approx([50 + 20, 90 + 20], abs=3)


def test_a_description_without_the_hash_loads_as_before(runs: Path, tmp_path: Path) -> None:
    for name in ("model.json", "model.pth", "new.csv"):
        shutil.copy(runs / "second" / name, tmp_path / name)
    described = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert described.pop("weights_sha256") == file_sha256(tmp_path / "model.pth")
    (tmp_path / "model.json").write_text(json.dumps(described), encoding="utf-8")
    new = pl.read_csv(NEW.encode())
    assert relight.load(tmp_path).predict(new).equals(relight.load(runs / "second").predict(new))


def test_weights_of_other_shapes_are_named_with_both_files(runs: Path, saved: Saved) -> None:
    shutil.copy(runs / "first/model.pth", saved.models / "model.pth")
    said = rf"^{re.escape(str(saved.models))}/model\.pth: .*; must be the weights that \S+/model\.json was saved with"
    with pytest.raises(InputError, match=said):
        load_model(saved.models)


def test_weights_that_are_changed_are_refused(saved: Saved) -> None:
    state = read_state(saved.models / "model.pth")
    next(value for name, value in state.items() if name.startswith("network.")).view(-1)[0] += 0.25
    torch.save(state, saved.models / "model.pth")
    with pytest.raises(InputError, match=r"model\.json was saved with .*, or the weights were changed"):
        load_model(saved.models)


@pytest.mark.parametrize("digest", ["", "ab", "g" * 64, "A" * 64, "a" * 64 + "\n", 7])
def test_a_hash_that_is_none_is_refused(saved: Saved, digest: object) -> None:
    path = saved.models / "model.json"
    described = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**described, "weights_sha256": digest}), encoding="utf-8")
    with pytest.raises(InputError, match=r"model\.json: weights_sha256: "):
        load_model(saved.models)
