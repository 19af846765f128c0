"""An exported forecast answers as `relight predict` does on the last rows of new series."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import torch

from relight.errors import RunError
from relight.export import series as exported_series
from relight.export.export import export
from relight.export.programs import ExportFormat
from relight.model.params import ModelName
from relight.predict.predict import predict
from tests.test_forecast import run, two_shops

LENGTH, HORIZON = 28, 3
NOWHERE = Path("nowhere")
FORMS: tuple[ExportFormat, ...] = ("onnx", "pt2")
Files = dict[ExportFormat, tuple[str, bytes]]


@pytest.fixture(autouse=True)
def _settings_of_torch() -> Iterator[None]:
    """A workflow sets threads and determinism for its whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def new_rows() -> pl.DataFrame:
    """Days of 2025, of which only the last three have a holiday; the visits have gaps."""
    table = two_shops(LENGTH + HORIZON).sort("shop", "date").with_columns(pl.col("date").dt.offset_by("2y"))
    day = pl.int_range(pl.len()).over("shop")
    coming = [pl.when(day < LENGTH).then(pl.col(name)).alias(name) for name in ("sales", "visits")]
    return table.with_columns(coming).with_columns(visits=pl.when(day % 5 != 3).then("visits"))


def raw_windows(rows: pl.DataFrame) -> dict[str, np.ndarray]:
    """The inputs as a person without Relight makes them: the covariate that is known ahead is the last one."""
    numbers = rows.select("sales", "visits", "holiday").cast(pl.Float32).to_numpy().reshape(2, LENGTH + HORIZON, 3)
    days = rows["date"].to_numpy().astype("datetime64[us]").astype(np.int64).reshape(2, LENGTH + HORIZON)
    return {"past": numbers[:, :LENGTH], "time": days, "known": numbers[:, LENGTH:, 2:], "series": np.array([0, 1])}


def answers_of(form: ExportFormat, content: bytes, inputs: dict[str, np.ndarray]) -> np.ndarray:
    if form == "onnx":
        (found,) = onnxruntime.InferenceSession(content).run(["prediction"], inputs)
        return np.asarray(found)
    program = torch.export.load(io.BytesIO(content)).module()
    return np.asarray(program(**{name: torch.tensor(values) for name, values in inputs.items()}).detach())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shops")
    run(folder, two_shops(120), "mlp", epochs=5)
    return folder


def checked(form: ExportFormat, models: Path) -> tuple[str, bytes]:
    place = models / f"model.{form}"
    said = export(form, models=models, output=place, prepared=models / "rows", validation=models / "validation")
    return said, place.read_bytes()


@pytest.fixture(scope="module")
def files(trained: Path) -> Files:
    """Return what export printed and what it wrote."""
    return {form: checked(form, trained) for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
def test_raw_windows_are_answered_as_predict_does(
    form: ExportFormat, trained: Path, files: Files, tmp_path: Path
) -> None:
    said, content = files[form]
    n_windows = 2 * (24 - HORIZON + 1)  # that validate: 24 days of two shops; and 64 that are made up
    assert said.startswith(f"{trained}/model.{form}: answers {64 + n_windows} windows as the model does; ")
    new_rows().write_csv(tmp_path / "new.csv")
    predict(tmp_path / "new.csv", models=trained, output=tmp_path / "said.csv")
    expected = pl.read_csv(tmp_path / "said.csv")["prediction"].to_numpy().reshape(2, HORIZON)
    inputs = raw_windows(new_rows())
    np.testing.assert_allclose(answers_of(form, content, inputs), expected, rtol=1e-5)
    for k in range(2):  # one window alone
        one = {name: values[k : k + 1] for name, values in inputs.items()}
        np.testing.assert_allclose(answers_of(form, content, one), expected[k : k + 1], rtol=1e-5)
    shifted = {**inputs, "time": inputs["time"] + 86_400_000_000}
    assert np.abs(answers_of(form, content, shifted) - expected).max() > 0.1  # the week is in it


@pytest.mark.parametrize(("name", "form"), [("patch_transformer", "onnx"), ("gru", "pt2")])
def test_other_networks_are_exported_too(name: ModelName, form: ExportFormat, tmp_path: Path) -> None:
    run(tmp_path, two_shops(120), name, epochs=1)
    assert "windows as the model does" in checked(form, tmp_path)[0]


def test_the_same_bytes_twice_and_what_they_say_of_themselves(trained: Path, files: Files) -> None:
    assert {form: checked(form, trained) for form in FORMS} == files
    first = {form: content for form, (_, content) in files.items()}
    facts = {prop.key: prop.value for prop in onnx.load_from_string(first["onnx"]).metadata_props}
    assert json.loads(facts["past"]) == ["sales", "visits", "holiday"]
    assert json.loads(facts["known"]) == ["holiday"]
    assert json.loads(facts["series"]) == ["north", "south"]
    assert (facts["task"], facts["step"]) == ("forecast", "1 day")
    inputs = onnxruntime.InferenceSession(first["onnx"]).get_inputs()
    assert [(given.name, given.type, given.shape) for given in inputs] == [
        ("past", "tensor(float)", ["n_rows", LENGTH, 3]),
        ("time", "tensor(int64)", ["n_rows", LENGTH + HORIZON]),
        ("known", "tensor(float)", ["n_rows", HORIZON, 1]),
        ("series", "tensor(int64)", ["n_rows"]),
    ]
    for text in (str(Path(exported_series.__file__).parent.parent), "series.py"):
        assert not any(text.encode() in content for content in first.values())


def test_a_file_whose_calendar_is_another_is_not_written(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relight.export.series.SECONDS_TO_2000", 946_684_800 - 86_400)
    (trained / "model.onnx").unlink(missing_ok=True)
    with pytest.raises(RunError, match="the file must predict what the model does"):
        export("onnx", models=trained, output=None, prepared=NOWHERE, validation=NOWHERE)
    assert not (trained / "model.onnx").exists()


def test_whole_numbers_without_waves_and_covariates_need_the_past_and_the_series(tmp_path: Path) -> None:
    days = two_shops(120).sort("shop", "date").select("shop", "sales", date=pl.int_range(pl.len()).over("shop") * 2)
    run(tmp_path, days, "dlinear", epochs=1, known=())
    said, content = checked("onnx", tmp_path)
    assert [given.name for given in onnxruntime.InferenceSession(content).get_inputs()] == ["past", "series"]
    assert "windows as the model does" in said
