"""An exported file answers as `relight predict` does on the same raw rows, for every family."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import torch
from safetensors.numpy import save_file

from relight.errors import InputError, RunError
from relight.export import table as exported_table
from relight.export.export import export
from relight.model.build import build_model
from relight.model.inference import predictions_from_outputs
from relight.model.params import ModelParams
from relight.model.weights import load_weights
from relight.predict.predict import predict
from relight.predict.table import clean_rows
from relight.prepare.csv.reader import read_csv
from relight.split.encoding import encode
from tests.saved_models import TINY, Saved, raw_feeds, save_model

SIX_LINES = """\
import onnxruntime, polars as pl
session, table = onnxruntime.InferenceSession("models/model.onnx"), pl.read_csv("table.csv")
text = {i.name: i.type == "tensor(string)" for i in session.get_inputs()}
columns = [table[c].fill_null("") if text[c] else table[c].cast(pl.Float32).fill_null(float("nan")) for c in text]
feeds = {column.name: column.to_numpy().reshape(-1, 1) for column in columns}
print(*session.run(["label"], feeds)[0], sep="\\n")
"""
NOWHERE = Path("nowhere")
FAMILIES: list[tuple[Any, ...]] = [
    # name, columns, task, numeric, target, seeds
    ("linear", "x flag when c", "regression", "standardize", "log", 1),
    ("mlp", "x flag", "binary", "none", "none", 3),
    ("mlp", "narrow flag c", "regression", "standardize", "log_rate", 2),
    ("mlp_ple", "label narrow c many", "multiclass", "quantile_normal", "none", 1),
    ("ft_transformer", "x label c many", "regression", "standardize", "standardize", 1),
    ("tabm", "x label many", "binary", "standardize", "none", 1),
    ("tabm_small", "c many", "distribution", "standardize", "none", 2),
]


def exported(saved: Saved, form: Any) -> bytes:
    """The file, by the workflow that checks it."""
    said = export(form, models=saved.models, output=None, prepared=NOWHERE, validation=NOWHERE)
    assert said.startswith(f"{saved.models}/model.{form}: answers 64 rows as the model does; the largest difference is")
    return (saved.models / f"model.{form}").read_bytes()


def predicted(saved: Saved) -> pl.DataFrame:
    output = saved.models / "predictions.csv"
    predict(saved.table, models=saved.models, output=output)
    return pl.read_csv(output)


def numbers_of(said: pl.DataFrame) -> np.ndarray:
    shares = [name for name in said.columns if name.startswith("probability_")]
    return said.select(shares).to_numpy() if shares else said["prediction"].to_numpy()


@pytest.mark.parametrize(
    ("name", "columns", "task", "numeric", "target", "seeds"),
    FAMILIES,
    ids=[f"{f[0]} {f[4]}" for f in FAMILIES],
)
def test_each_family_answers_raw_columns_as_predict_does(
    name: str, columns: str, task: str, numeric: str, target: str, seeds: int, tmp_path: Path
) -> None:
    saved = save_model(tmp_path, name, columns, task, numeric=numeric, target_scale=target, seeds=seeds)
    said = predicted(saved)
    session = onnxruntime.InferenceSession(exported(saved, "onnx"))
    feeds = raw_feeds(saved.features)
    assert [given.name for given in session.get_inputs()] == saved.features.columns
    for n_rows in (1, 2, 7):
        some = {column: values[7 - n_rows :] for column, values in feeds.items()}
        found, *labels = session.run(None, some)
        np.testing.assert_allclose(found, numbers_of(said)[7 - n_rows :], rtol=1e-5, atol=1e-7)
        if task != "regression":
            assert labels[0].tolist() == said["prediction"].to_list()[7 - n_rows :]
    assert torch.equal(*of_tensors(saved, ModelParams(name=name, numeric=numeric, **TINY), target, seeds))


def of_tensors(saved: Saved, params: ModelParams, target: Any, seeds: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Answers of the raw rows: of the reloaded .pt2, and of the model itself."""
    rows = clean_rows("rows", read_csv(saved.table), saved.features, 1)
    numeric, categories = map(torch.from_numpy, encode(rows, saved.features))
    model = build_model(params, saved.features, target_scale=target, seeds=seeds).eval()
    load_weights(saved.models / "model.pth", model)
    program = torch.export.load(io.BytesIO(exported(saved, "pt2"))).module()
    with torch.inference_mode():
        return program(numeric, categories), torch.from_numpy(
            predictions_from_outputs(saved.features.task, model(numeric, categories))
        )


@pytest.fixture
def bare(tmp_path: Path) -> Saved:
    """The tutorial's line: no front."""
    return save_model(tmp_path, "linear_parameters", "x", "regression", numeric="none")


def test_a_bare_line_is_exported_as_it_is(bare: Saved) -> None:
    weights = torch.load(bare.models / "model.pth", weights_only=True)
    session = onnxruntime.InferenceSession(exported(bare, "onnx"))
    (found,) = session.run(None, {"x": np.array([[0.0], [2.0]], dtype=np.float32)})
    assert found.tolist() == pytest.approx([weights["bias"].item(), (2 * weights["weights"] + weights["bias"]).item()])


def test_the_file_says_what_it_is_and_nothing_of_this_machine(tmp_path: Path) -> None:
    saved = save_model(tmp_path, "linear", "label c", "multiclass", numeric="standardize")
    content = exported(saved, "onnx")
    outputs = [output.name for output in onnxruntime.InferenceSession(content).get_outputs()]
    assert outputs == ["probabilities", "label_"]  # `label` is a column here
    facts = {prop.key: prop.value for prop in onnx.load_from_string(content).metadata_props}
    assert facts == {"format": "3", "task": "multiclass", "target": "y", "classes": '["a", "b", "c"]'}
    pt2 = exported(saved, "pt2")
    extra = {"relight.json": ""}
    torch.export.load(io.BytesIO(pt2), extra_files=extra)
    assert json.loads(extra["relight.json"])["categories"] == [{"name": "c", "levels": ["a", "b", "b b", "é"]}]
    for text in (str(Path(exported_table.__file__).parent.parent), "table.py", sys.prefix):
        assert text.encode() not in content
        assert text.encode() not in pt2


def test_six_lines_of_python_are_enough_and_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    saved = save_model(tmp_path, "linear", "x c", "binary", numeric="standardize")
    first = {form: exported(saved, form) for form in ("onnx", "pt2")}
    done = subprocess.run(
        [sys.executable, "-c", SIX_LINES], cwd=tmp_path, env={}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == predicted(saved)["prediction"].to_list()
    script = "from relight.cli import main; print([main(['export', '--format', form]) for form in ('onnx', 'pt2')])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(exported_table.__file__).parents[2]), "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.splitlines()[-1], done.stderr) == ("[0, 0]", "")
    assert {form: (saved.models / f"model.{form}").read_bytes() for form in first} == first


def test_nothing_in_a_pt2_is_a_pickle(bare: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    content = exported(bare, "pt2")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pickle is loaded")

    for place in ("torch.load", "pickle.loads", "pickle.load", "pickle.Unpickler"):
        monkeypatch.setattr(place, refuse)
    torch.export.load(io.BytesIO(content))


def test_a_file_that_answers_otherwise_is_not_written(bare: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    real = exported_table.run_onnx
    monkeypatch.setattr(exported_table, "run_onnx", lambda *given: {k: v * 1.001 for k, v in real(*given).items()})
    with pytest.raises(RunError, match=r"to 0\.0001 of the largest prediction, got 0\.001; nothing was written"):
        exported(bare, "onnx")
    assert not (bare.models / "model.onnx").exists()


def test_real_rows_are_compared_where_they_fit(bare: Saved, tmp_path: Path) -> None:
    pl.DataFrame({"x": [1.0, 2.0, 3.0]}).write_parquet(tmp_path / "table.parquet")
    save_file({"row": np.array([0, 2])}, tmp_path / "validation.safetensors")
    places = {"prepared": tmp_path / "table.parquet", "validation": tmp_path / "validation.safetensors"}
    assert "answers 66 rows" in export("pt2", models=bare.models, output=None, **places)
    pl.DataFrame({"x": ["1", "2", "3"]}).write_parquet(tmp_path / "table.parquet")
    assert "answers 64 rows" in export("pt2", models=bare.models, output=None, **places)


def test_what_cannot_be_written_is_said_before_any_work(bare: Saved, tmp_path: Path) -> None:
    def refused(output: Path, models: Path = bare.models) -> str:
        with pytest.raises(InputError) as refusal:
            export("onnx", models=models, output=output, prepared=NOWHERE, validation=NOWHERE)
        return str(refusal.value)

    assert refused(tmp_path / "model.pth").endswith("model.pth: must end in .onnx; name such a file with -o")
    assert "there is no folder" in refused(tmp_path / "no/model.onnx")
    assert "run `dvc repro` or `dvc pull`" in refused(tmp_path / "model.onnx", models=tmp_path)
