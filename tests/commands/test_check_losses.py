"""`relight check` says what train would refuse of a loss, and what it means for early stopping."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from relight.commands.check import check
from relight.errors import InputError
from tests.repositories import REPOSITORY


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """params.yaml of a table of counts, to be written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    rows = [f"{row / 7:.3f},{(row * row) % 11}" for row in range(60)]
    Path("counts.csv").write_text("\n".join(["x,n", *rows, ""]))
    params: dict[str, Any] = yaml.safe_load((REPOSITORY / "recipes/diabetes.yaml").read_text())
    params["prepare"] |= {"source": "counts.csv", "target": "n", "task": "regression"}
    params["train"] |= {"loss": "poisson"}
    return params


def checked(params: dict[str, Any]) -> str:
    Path("params.yaml").write_text(yaml.safe_dump(params))
    return check(Path("params.yaml"))


def test_a_loss_without_a_score_is_noted(counted: dict[str, Any]) -> None:
    said = checked(counted)
    assert "target n: regression, loss poisson\n" in said
    assert "note: The score of the validation rows is their loss, because poisson has no other one.\n" in said


def test_a_negative_count_is_found_before_anything_runs(counted: dict[str, Any]) -> None:
    text = Path("counts.csv").read_text().splitlines()
    text[18] = f"{text[18].split(',')[0]},-3"  # the head is line 0
    Path("counts.csv").write_text("\n".join(text))
    with pytest.raises(InputError, match=r"poisson must have counts of at least 0 in 'n', got -3 in row 17 "):
        checked(counted)


def test_a_metric_of_another_task_is_found_before_anything_runs(counted: dict[str, Any]) -> None:
    counted["train"]["early_stopping"] = {"patience": 3, "monitor": "accuracy"}
    with pytest.raises(InputError, match=r"monitor: must be one of score, loss, rmse, mae, r2 for regression, got"):
        checked(counted)
