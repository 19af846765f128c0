"""The tutorial's numbers, to the last digit that it prints, through the real pipeline."""

import csv
import json
import shutil

import pytest
import torch

from tests.repositories import Repository

# epoch → (train loss, test loss), as the tutorial prints them
LINEAR_PARAMETERS = {
    0: (0.31288138031959534, 0.48106518387794495),
    10: (0.1976713240146637, 0.3463551998138428),
    20: (0.08908725529909134, 0.21729660034179688),
    30: (0.053148526698350906, 0.14464017748832703),
    40: (0.04543796554207802, 0.11360953003168106),
    50: (0.04167863354086876, 0.09919948130846024),
    60: (0.03818932920694351, 0.08886633068323135),
    70: (0.03476089984178543, 0.0805937647819519),
    80: (0.03132382780313492, 0.07232122868299484),
    90: (0.02788739837706089, 0.06473556160926819),
}
LINEAR = {
    0: (0.5551779866218567, 0.5739762187004089),
    100: (0.006215679459273815, 0.014086711220443249),
    **dict.fromkeys(range(200, 1000, 100), (0.0012645035749301314, 0.013801807537674904)),
}


def losses(repository: Repository) -> dict[int, tuple[float, float]]:
    with open(repository.root / "reports/train/curves.csv") as file:
        return {int(r["epoch"]): (float(r["train_loss"]), float(r["validation_loss"])) for r in csv.DictReader(file)}


def predictions(repository: Repository, column: str) -> list[str]:
    with open(repository.root / "reports/evaluate/line.csv") as file:
        return [f"{float(row[column]):.4f}" for row in csv.DictReader(file) if row["part"] == "test"]


def state(repository: Repository) -> dict[str, str]:
    weights = torch.load(repository.root / "models/model.pth", weights_only=True)
    return {name: f"{value.item():.4f}" for name, value in weights.items()}


def test_the_default_run_is_the_tutorials_linear_layer(finished: Repository) -> None:
    curves = losses(finished)
    assert len(curves) == 1000
    assert {epoch: curves[epoch] for epoch in LINEAR} == LINEAR
    assert state(finished) == {"linear_layer.weight": "0.6968", "linear_layer.bias": "0.3025"}
    assert predictions(finished, "after") == (
        ["0.8600", "0.8739", "0.8878", "0.9018", "0.9157", "0.9296", "0.9436", "0.9575", "0.9714", "0.9854"]
    )


@pytest.mark.usefixtures("new_interpreters")
def test_the_recipe_is_the_tutorials_first_model(repository: Repository) -> None:
    shutil.copy(repository.root / "recipes/line-parameters.yaml", repository.root / "params.yaml")
    repository.repro()
    curves = losses(repository)
    assert len(curves) == 100
    assert {epoch: curves[epoch] for epoch in LINEAR_PARAMETERS} == LINEAR_PARAMETERS
    assert state(repository) == {"weights": "0.5784", "bias": "0.3513"}
    assert predictions(repository, "before") == (
        ["0.3982", "0.4049", "0.4116", "0.4184", "0.4251", "0.4318", "0.4386", "0.4453", "0.4520", "0.4588"]
    )
    assert predictions(repository, "after") == (
        ["0.8141", "0.8256", "0.8372", "0.8488", "0.8603", "0.8719", "0.8835", "0.8950", "0.9066", "0.9182"]
    )


def test_the_metrics_set_learned_beside_true(finished: Repository) -> None:
    metrics = json.loads((finished.root / "reports/metrics.json").read_text())
    assert metrics["parameters"]["weight"] == {"learned": pytest.approx(0.6968, abs=5e-5), "true": 0.7}
    assert metrics["parameters"]["bias"] == {"learned": pytest.approx(0.3025, abs=5e-5), "true": 0.3}


def test_rows_are_split_in_order_40_to_10(finished: Repository) -> None:
    report = json.loads((finished.root / "data/split/report.json").read_text())
    assert report["rows"] == {"train": 40, "validation": 0, "test": 10}
