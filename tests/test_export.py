"""`relight export` in a real repository, on the default pipeline."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
import torch

from relight.cli import main
from tests.repositories import Repository


def test_the_default_model_answers_new_rows_without_relight_and_is_no_business_of_git_and_dvc(
    finished_copy: Repository,
) -> None:
    before = finished_copy.run("git", "status", "--short").stdout
    done = finished_copy.run("relight", "export", "--format", "onnx")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("models/model.onnx: answers 7")  # 64 rows, and the 10 that validate
    assert finished_copy.run("relight", "export", "--format", "pt2").returncode == 0
    assert finished_copy.run("git", "status", "--short").stdout == before
    assert json.loads(finished_copy.run("dvc", "status", "--json").stdout) == {}
    assert finished_copy.repro() == []
    (finished_copy.root / "new.csv").write_text("x\n0.25\n7\n", encoding="utf-8")
    assert finished_copy.run("relight", "predict", "new.csv", "-o", "predictions.csv").returncode == 0
    session = onnxruntime.InferenceSession(finished_copy.root / "models/model.onnx")
    (found,) = session.run(None, {"x": np.array([[0.25], [7]], dtype=np.float32)})
    predictions = pl.read_csv(finished_copy.root / "predictions.csv")["prediction"]
    np.testing.assert_allclose(found, predictions, rtol=1e-6)
    program = torch.export.load(finished_copy.root / "models/model.pt2").module()
    assert program(torch.zeros(3, 1), torch.empty(3, 0, dtype=torch.int32)).shape == (3,)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--models", "elsewhere"), "error: elsewhere/model.onnx: cannot be written: there is no folder elsewhere"),
        (("--models", "data"), "error: data/model.json: cannot be read: No such file or directory; run `dvc repro`"),
        (("-o", "model.pt2"), "error: model.pt2: must end in .onnx; name such a file with -o"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    arguments: tuple[str, ...],
    says: str,
    finished: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(finished.root)
    assert main(["export", "--format", "onnx", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(says)
    assert said.count("\n") == 1
    assert not Path(finished.root, "data/model.onnx").exists()
