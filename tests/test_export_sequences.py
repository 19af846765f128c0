"""An exported model of sequences answers as `relight predict` does on the same rows."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import torch

from relight.export.export import export
from relight.export.programs import ExportFormat
from relight.model.params import ModelName
from relight.predict.predict import predict
from tests.test_sequences import train_on, write_steps


@pytest.fixture(autouse=True)
def _as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A workflow sets threads and determinism for its whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    monkeypatch.chdir(tmp_path)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def raw_inputs(table: pl.DataFrame, levels: list[str], longest: int) -> dict[str, np.ndarray]:
    """Return the inputs as a person without Relight makes them; what follows the steps of a sequence is nonsense."""
    groups = [group.sort("t") for group in table.partition_by("who", maintain_order=True)]
    numeric = np.full((len(groups), longest, 1), 99, dtype=np.float32)
    codes = np.ones((len(groups), longest, 1), dtype=np.int32)
    for place, group in enumerate(groups):
        numeric[place, : len(group), 0] = group["x"].cast(pl.Float32).fill_null(float("nan")).to_numpy()
        named = [1 + levels.index(colour) if colour in levels else 0 for colour in group["colour"]]
        codes[place, : len(group), 0] = named
    lengths = np.array([len(group) for group in groups], dtype=np.int64)
    return {"lengths": lengths, "numeric": numeric, "categories": codes}


def answers_of(form: ExportFormat, place: Path, inputs: dict[str, np.ndarray]) -> np.ndarray:
    if form == "onnx":
        return np.asarray(onnxruntime.InferenceSession(place).run(["prediction"], inputs)[0])
    program = torch.export.load(io.BytesIO(place.read_bytes())).module()
    return np.asarray(program(**{name: torch.from_numpy(values) for name, values in inputs.items()}).detach())


def trained(name: ModelName) -> None:
    """Make a table, a model and its predictions in the current folder."""
    write_steps(Path("steps.csv"), seed=1, test_seed=2, extra_test_step=name == "convolution")
    train_on(Path("models"), "steps.csv", name)
    predict(Path("steps.csv"), models=Path("models"), output=Path("said.csv"))


def exported(form: ExportFormat) -> tuple[str, Path, list[str]]:
    models = Path("models")
    said = export(form, models=models, output=None, prepared=models / "rows", validation=models / "validation")
    (category,) = json.loads((models / "model.json").read_text())["features"]["categorical"]
    return said, models / f"model.{form}", category["levels"]


@pytest.fixture(scope="module")
def convolution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which a convolution was trained."""
    folder = tmp_path_factory.mktemp("convolution")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        trained("convolution")
    return folder


@pytest.mark.parametrize("form", ["onnx", "pt2"])
def test_sequences_of_any_length_are_answered_as_predict_does(
    form: ExportFormat, convolution: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test sequences are up to 26 steps long, train sequences up to 6."""
    monkeypatch.chdir(convolution)
    said, place, levels = exported(form)
    assert said.startswith(f"models/model.{form}: answers ")
    assert "sequences as the model does; the largest difference is" in said
    table, expected = pl.read_csv("steps.csv"), pl.read_csv("said.csv")["prediction"].to_numpy()
    longest = int(table.group_by("who").len()["len"].max())  # type: ignore[arg-type]
    assert longest > 20
    inputs = raw_inputs(table, levels, longest)
    np.testing.assert_allclose(answers_of(form, place, inputs), expected, rtol=1e-4, atol=1e-5)
    one = {name: values[:1] for name, values in inputs.items()}
    np.testing.assert_allclose(answers_of(form, place, one), expected[:1], rtol=1e-4, atol=1e-5)
    if form == "onnx":
        facts = {prop.key: prop.value for prop in onnx.load(place).metadata_props}
        assert json.loads(facts["categories"]) == [{"name": "colour", "levels": levels}]
        assert facts["numeric"] == '["x"]'
        shapes = [given.shape for given in onnxruntime.InferenceSession(place).get_inputs()]
        assert shapes == [["n_rows"], ["n_rows", "length", 1], ["n_rows", "length", 1]]


def test_a_recurrent_network_takes_the_length_of_the_longest_train_sequence() -> None:
    """The file is pt2: the same as ONNX takes a minute, because each step becomes nodes of its own."""
    trained("gru")
    _, place, levels = exported("pt2")
    table, expected = pl.read_csv("steps.csv"), pl.read_csv("said.csv")["prediction"].to_numpy()
    inputs = raw_inputs(table, levels, 6)
    np.testing.assert_allclose(answers_of("pt2", place, inputs), expected, rtol=1e-4, atol=1e-5)
