"""Each recipe from end to end through the real `dvc`: it beats its trivial baseline by far."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest

from tests.repositories import Repository

FAR_BETTER = {  # recipe → (score, the least or the most it must reach on the test rows, its baseline there)
    "diabetes": ("mae", 48.0, 66.9),
    "breast_cancer": ("accuracy", 0.95, 0.63),
    "digits": ("accuracy", 0.95, 0.10),
    "penguins": ("accuracy", 0.95, 0.43),
}
PICTURES = {
    "diabetes": ["loss", "predicted", "residuals", "residuals_by_feature", "score"],
    "breast_cancer": ["calibration", "confusion", "loss", "roc"],
    "digits": ["calibration", "confusion", "loss", "roc"],
    "penguins": ["calibration", "confusion", "loss", "roc", "score"],
}


def run_recipe(repository: Repository, recipe: str) -> dict[str, dict[str, float]]:
    """Copy the recipe as `make repro RECIPE=recipes/NAME.yaml` does."""
    shutil.copy(repository.root / f"recipes/{recipe}.yaml", repository.root / "params.yaml")
    assert repository.run("relight", "data").returncode == 0
    assert repository.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    metrics: dict[str, dict[str, float]] = json.loads((repository.root / "reports/metrics.json").read_text())
    return metrics


@pytest.mark.parametrize("recipe", FAR_BETTER)
def test_a_recipe_beats_its_baseline_by_far(repository: Repository, recipe: str) -> None:
    score, bound, baseline = FAR_BETTER[recipe]
    metrics = run_recipe(repository, recipe)
    reached = metrics["test"][score]
    assert reached <= bound if score == "mae" else reached >= bound
    assert metrics["baseline"]["test"][score] == pytest.approx(baseline, abs=0.05)
    drawn = sorted(path.stem for path in (repository.root / "reports/plots").glob("*.png"))
    assert drawn == PICTURES[recipe]
    predict_the_table_again(repository, recipe)
    if recipe == "penguins":  # it has both gaps and categories
        ask_onnxruntime_about_the_table(repository, recipe)


def test_the_recipe_for_a_table_of_ones_own_wants_a_source_and_a_target_alone(repository: Repository) -> None:
    shutil.copy(repository.root / "recipes/table.yaml", repository.root / "params.yaml")
    repository.edit("params.yaml", "source: data/raw/table.csv", "source: data/raw/penguins.csv")
    repository.edit("params.yaml", "target: target", "target: species")
    assert repository.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    metrics = json.loads((repository.root / "reports/metrics.json").read_text())
    assert metrics["test"]["log_loss"] < 0.15 < 1.0 < metrics["baseline"]["test"]["log_loss"]
    assert set(metrics["references"]) == {"linear", "hist_gradient_boosting"}
    low, high = metrics["intervals"]["test"]["log_loss"]
    assert low <= metrics["test"]["log_loss"] <= high
    card = (repository.root / "models/README.md").read_text(encoding="utf-8")
    assert r"auto chose tabm\_small" in card


def predict_the_table_again(repository: Repository, recipe: str) -> None:
    """`relight predict` on the raw table says of the test rows what evaluate said of them."""
    table = Path(f"data/raw/{recipe}.csv")
    done = repository.run("relight", "predict", str(table), "-o", "again.csv")
    assert done.returncode == 0, done.stderr
    again = pl.read_csv(repository.root / "again.csv")
    said = pl.read_csv(repository.root / "reports/evaluate/predictions.csv")
    numbers = [name for name in again.columns if name.startswith("probability")] or ["prediction"]
    for name in numbers:
        difference = (again[said["row"]][name] - said[name]).abs().max()
        assert float(str(difference)) <= 1e-5 * max(1.0, float(str(said[name].abs().max())))


def ask_onnxruntime_about_the_table(repository: Repository, recipe: str) -> None:
    """The exported model says of the raw table what `relight predict` said of it."""
    done = repository.run("relight", "export", "--format", "onnx")
    assert (done.returncode, done.stderr) == (0, "")
    session = onnxruntime.InferenceSession(repository.root / "models/model.onnx")
    table = pl.read_csv(repository.root / f"data/raw/{recipe}.csv", null_values="")
    text = {given.name: given.type == "tensor(string)" for given in session.get_inputs()}
    columns = [table[c].fill_null("") if text[c] else table[c].cast(pl.Float32).fill_null(float("nan")) for c in text]
    shares, labels = session.run(None, {column.name: column.to_numpy().reshape(-1, 1) for column in columns})
    again = pl.read_csv(repository.root / "again.csv")
    assert labels.tolist() == again["prediction"].to_list()
    assert np.abs(shares - again.drop("prediction").to_numpy()).max() <= 1e-5


def test_predict_needs_nothing_but_the_model(finished: Repository, tmp_path: Path) -> None:
    """Another folder, no training data, no dvc.yaml: y = 0.6968 x + 0.3025."""
    shutil.copytree(finished.root / "models", tmp_path / "models")
    (tmp_path / "new.csv").write_text("note,x\nfirst,0\nsecond,1\n")
    elsewhere = Repository(tmp_path)
    done = elsewhere.run("relight", "predict", "new.csv", "-o", "predictions.csv")
    assert done.returncode == 0, done.stderr
    said = pl.read_csv(tmp_path / "predictions.csv")["prediction"].to_list()
    assert said == [pytest.approx(0.3025, abs=1e-4), pytest.approx(0.6968 + 0.3025, abs=1e-4)]
