"""Sequences with one label each, from end to end: with the real `dvc`, by bytes, and with bad inputs."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from relight.data.schema import SequenceParams
from relight.evaluate.evaluate import evaluate
from relight.evaluate.params import EvaluateParams
from relight.model.params import ModelName, ModelParams, RecurrentParams
from relight.predict.predict import predict
from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.split.params import SplitParams
from relight.split.split import split
from relight.train.params import EarlyStoppingParams, OptimizerParams, TrainParams
from relight.train.train import train
from tests.repositories import Repository, run_recipe

pytestmark = pytest.mark.xdist_group("sequences")  # one worker: what the fixture makes is dear

TRAIN_ARTIFACTS = ("model.pth", "model.json", "curves.csv")


@pytest.fixture(scope="module")
def vowels(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The recipe with a tenth of its epochs. It is only read."""
    return run_recipe(tmp_path_factory.mktemp("vowels"), "japanese_vowels", ("epochs: 60", "epochs: 10"))


def test_nine_speakers_are_told_apart(vowels: Repository) -> None:
    """The recipe with all its epochs: 0.992 to 1."""
    metrics = json.loads((vowels.root / "reports/metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.95 > 0.2 > metrics["baseline"]["test"]["accuracy"]
    drawn = {path.stem for path in (vowels.root / "reports/plots").glob("*.png")}
    assert {"calibration", "confusion", "loss", "roc"} <= drawn
    card = (vowels.root / "models/README.md").read_text(encoding="utf-8")
    assert "9961 rows are 640 sequences of 7 to 29 steps." in card
    assert r"sequences: seq\_id names the sequence, t orders its steps" in card
    page = (vowels.root / "reports/report.html").read_text(encoding="utf-8")
    assert "auto chose convolution for sequences" in page


def test_predict_says_of_each_sequence_what_evaluate_said_in_whatever_order_its_rows_come(vowels: Repository) -> None:
    table = pl.read_csv(vowels.root / "data/raw/japanese_vowels.csv.gz")
    table.drop("label", "split").sample(fraction=1, shuffle=True, seed=1).write_csv(vowels.root / "new.csv")
    code, said = vowels.relight("predict", "new.csv", "-o", "again.csv")
    assert (code, said) == (0, "again.csv: 640 predictions of label, one for each sequence\n")
    again, known = pl.read_csv(vowels.root / "again.csv"), pl.read_csv(vowels.root / "reports/evaluate/predictions.csv")
    assert again.columns == ["id", "prediction", *(f"probability_{k}" for k in range(1, 10))]
    test_ids = table.filter(pl.col("split") == "test")["seq_id"].unique(maintain_order=True)
    assert known["id"].to_list() == test_ids.to_list()
    both = known.join(again, on="id", maintain_order="left")
    assert len(both) == 128
    for k in range(1, 10):
        np.testing.assert_allclose(both[f"probability_{k}"], both[f"probability_{k}_right"], atol=1e-5)


def test_check_says_what_the_pipeline_will_do_and_export_answers_as_the_model(vowels: Repository) -> None:
    code, said = vowels.relight("check")
    assert code == 0
    assert "9961 rows (410 train, 102 validation, 128 test)" in said
    assert "note: 9961 rows are 640 sequences of 7 to 29 steps." in said
    code, said = vowels.relight("export", "--format", "onnx")
    assert code == 0, said
    assert "sequences as the model does; the largest difference is" in said


def test_check_names_all_that_does_not_fit_sequences(repository: Repository) -> None:
    shutil.copy(repository.root / "recipes/japanese_vowels.yaml", repository.root / "params.yaml")
    repository.edit("params.yaml", "name: auto", "name: tabm")
    repository.edit("params.yaml", "{bootstrap: 200}", "{references: [linear], slices: [x1], importance: 5}")
    code, said = repository.relight("check")
    assert code == 2
    assert "model.name: must be one of auto, convolution, rnn, lstm, gru for sequences, got tabm" in said
    for rule in ("references: must be []", "slices: must be []", "importance: must be 0"):
        assert f"evaluate.{rule} for sequences" in said
    repository.edit("params.yaml", "{id: seq_id, time: t}", "{id: seq_id, symbols: t}")
    assert "prepare.sequence: symbols must come without id and time" in repository.relight("check")[1]


def write_texts(path: Path) -> None:
    """A text with more a than b, or the other way round; c and d mean nothing."""
    generator = np.random.default_rng(5)
    lines = []
    for k in range(150):
        often, rare = ("a", "b") if k % 2 else ("b", "a")
        letters = list(often * generator.integers(4, 7) + rare * generator.integers(0, 2))
        letters += list(generator.choice(["c", "d"], generator.integers(0, 6)))
        lines.append(("".join(generator.permutation(letters)), f"more {often}"))
    pl.DataFrame(lines, orient="row", schema=["text", "which"]).write_csv(path)


def test_the_recipe_for_sequences_of_ones_own_wants_a_source_a_target_and_their_columns(
    repository: Repository,
) -> None:
    write_texts(repository.root / "data/raw/texts.csv")
    shutil.copy(repository.root / "recipes/sequences.yaml", repository.root / "params.yaml")
    repository.edit("params.yaml", "data/raw/sequences.csv", "data/raw/texts.csv")
    repository.edit("params.yaml", "target: target", "target: which")
    repository.edit("params.yaml", "{id: sequence, time: step}", "{symbols: text}")
    repository.edit("params.yaml", "epochs: 60", "epochs: 15")  # enough for these
    assert repository.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    metrics = json.loads((repository.root / "reports/metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.9 > 0.6 > metrics["baseline"]["test"]["accuracy"]
    assert "threshold" in metrics
    (repository.root / "new.csv").write_text("text\naaaab\nbbbba\nzzbbbb\n")
    code, said = repository.relight("predict", "new.csv", "-o", "said.csv")
    assert (code, said) == (
        0, "said.csv: 3 predictions of which, one for each sequence; 2 categories were missing or unknown\n"
    )  # fmt: skip
    assert pl.read_csv(repository.root / "said.csv")["prediction"].to_list() == ["more a", "more b", "more b"]
    (repository.root / "empty.csv").write_text("text,n\naaaab,1\n,2\n")
    code, said = repository.relight("predict", "empty.csv", "-o", "said.csv")
    assert code == 2
    assert "empty.csv: column 'text' has 1 missing value (row 2)" in said


def write_steps(path: Path, *, seed: int, test_seed: int, extra_test_step: bool = False) -> None:
    """40 sequences of 1 to 6 steps with numbers, gaps and a colour; the part of each stands in the table."""
    rows: list[dict[str, Any]] = []
    for who in range(40):
        part = "train" if who < 24 else "validation" if who < 32 else "test"
        generator = np.random.default_rng([who, test_seed if part == "test" else seed])
        length = int(generator.integers(1, 7)) + 20 * (extra_test_step and part == "test")
        x = generator.normal(size=length)
        for t in range(length):
            gap = generator.uniform() < 0.1
            colour = str(generator.choice(["red", "green", "new" if part == "test" else "blue"]))
            step = {"x": None if gap else float(x[t]), "colour": colour, "y": float(x.mean())}
            rows.append({"who": f"w{who}", "t": t, **step, "split": part})
    table = pl.DataFrame(rows)
    parts = (table.filter((pl.col("split") == "test") == is_test) for is_test in (False, True))
    pl.concat([part.sample(fraction=1, shuffle=True, seed=seed) for part in parts]).write_csv(path)


def train_on(folder: Path, table: str, name: ModelName = "gru", seeds: int = 1) -> dict[str, bytes]:
    folder.mkdir()
    prepare(
        PrepareParams(
            source=table, target="y", task="auto", ignore=[], sequence=SequenceParams(id="who", time="t")
        ),
        source=Path(table), table=folder / "table.parquet", schema=folder / "schema.json",
    )  # fmt: skip
    split(
        SplitParams(method="auto", column=None, train=0.6, validation=0.2, test=0.2, seed=1),
        table=folder / "table.parquet", schema=folder / "schema.json", train=folder / "train", test=folder / "test",
        validation=folder / "validation", features=folder / "features.json", report=folder / "report.json",
    )  # fmt: skip
    train(
        ModelParams(name=name, numeric="quantile_normal", gru=RecurrentParams(d_hidden=8)),
        TrainParams(
            seed=1, seeds=seeds, epochs=5, batch_size=8, loss="auto", device="cpu", threads=1,
            optimizer=OptimizerParams(name="adamw", learning_rate=0.01, weight_decay=0.01, momentum=0.0),
            early_stopping=EarlyStoppingParams(patience=3),
        ),
        train_rows=folder / "train", validation_rows=folder / "validation", features=folder / "features.json",
        weights=folder / "model.pth", description=folder / "model.json", curves=folder / "curves.csv",
        manifest=folder / "manifest.json",
        live_curves=folder / "live.csv", speed=folder / "speed.json", kept=folder / "kept", digests={},
    )  # fmt: skip
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "speed.json"}


@pytest.fixture
def _as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A workflow sets threads and determinism for its whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    monkeypatch.chdir(tmp_path)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("name", ["gru", "convolution"])
def test_the_same_table_gives_the_same_bytes(name: ModelName) -> None:
    write_steps(Path("one.csv"), seed=1, test_seed=2)
    assert train_on(Path("one"), "one.csv", name) == train_on(Path("two"), "one.csv", name)


@pytest.mark.usefixtures("_as_before")
def test_changed_test_sequences_leave_every_train_artifact_as_it_was() -> None:
    write_steps(Path("one.csv"), seed=1, test_seed=2)
    write_steps(Path("two.csv"), seed=1, test_seed=3, extra_test_step=True)
    write_steps(Path("three.csv"), seed=4, test_seed=2)
    one, two, three = (train_on(Path(name), f"{name}.csv") for name in ("one", "two", "three"))
    assert one["test"] != two["test"]
    for name in (*TRAIN_ARTIFACTS, "train", "validation", "features.json"):
        assert one[name] == two[name], name
        assert one[name] != three[name], name


@pytest.mark.usefixtures("_as_before")
def test_numbers_are_scored_and_predicted_with_the_id_of_each_sequence() -> None:
    """The mean of two seeds; gaps, and a colour that no train row has."""
    write_steps(Path("one.csv"), seed=1, test_seed=2)
    folder = Path("models")
    train_on(folder, "one.csv", seeds=2)
    evaluate(
        EvaluateParams(bootstrap=10),
        weights=folder / "model.pth", description=folder / "model.json", schema=folder / "schema.json",
        table=folder / "table.parquet", train_rows=folder / "train", validation_rows=folder / "validation",
        test_rows=folder / "test", metrics=Path("metrics.json"), reports=Path("reports"),
    )  # fmt: skip
    metrics, said = json.loads(Path("metrics.json").read_text()), pl.read_csv("reports/predictions.csv")
    assert said.columns == ["row", "id", "target", "prediction"]
    mae = float((said["prediction"] - said["target"]).abs().mean())  # type: ignore[arg-type]
    assert metrics["test"]["mae"] == pytest.approx(mae, rel=1e-5)
    assert set(metrics["seeds"]["test"]) >= {"mae", "rmse"}
    truth = pl.read_csv("one.csv").filter(pl.col("split") == "test").unique("who", maintain_order=True)
    assert said["id"].to_list() == truth["who"].to_list()
    np.testing.assert_allclose(said["target"], truth["y"], rtol=1e-6)
    told = predict(Path("one.csv"), models=folder, output=Path("new.csv"))
    assert told.startswith("new.csv: 40 predictions of y, one for each sequence; ")
    again = said.join(pl.read_csv("new.csv"), on="id", maintain_order="left")
    np.testing.assert_allclose(again["prediction"], again["prediction_right"], rtol=1e-4, atol=1e-6)
