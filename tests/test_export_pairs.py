"""An exported tower answers as `relight predict` does on the same pairs."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import torch

from relight.errors import RunError
from relight.export import pairs as exported_pairs
from relight.export.export import export
from relight.export.programs import ExportFormat
from relight.predict.predict import predict
from tests.pair_tables import pairs
from tests.test_similarity import Pipeline

Files = dict[ExportFormat, tuple[str, bytes]]

N_ROWS = 160  # of which a fifth validate, and 128 are made up
N_LETTERS = 25


@pytest.fixture(autouse=True)
def _settings_of_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A workflow sets threads and determinism for its whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    monkeypatch.chdir(tmp_path)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def undated(table: pl.DataFrame) -> pl.DataFrame:
    """The calendar takes seconds to translate: a test of its own does it."""
    return table.drop("left_born", "right_born")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return Pipeline(folder / "run", undated(pairs(N_ROWS))).root


@pytest.fixture(scope="module")
def files(trained: Path) -> Files:
    """Return what export printed and what it wrote."""
    forms: tuple[ExportFormat, ...] = ("onnx", "pt2")
    return {form: exported(form, trained) for form in forms}


def new_pairs() -> pl.DataFrame:
    """Gaps, a place that no train row has, a name beyond all letters, and names beyond ASCII."""
    table = undated(pairs(40, seed=5))
    names = [
        None,
        "Élodie Müller",
        "李小龍 😀",
        "x" * 24,
        "x" * 25,
        "x" * 26,
        "a name of very many letters " * 9,
        "İzmir",
    ]
    return table.with_columns(
        left_name=pl.Series([*names, *table["left_name"][8:]]),
        right_name=pl.Series([*reversed(names), *table["right_name"][8:]]),
        left_place=pl.Series(["nowhere", None, *table["left_place"][2:]]),
    )


def letters(values: pl.Series) -> list[list[int]]:
    """Return the inputs as a person without Relight writes them."""
    found = [[] if text is None else [ord(letter) for letter in text.lower()[:N_LETTERS]] for text in values]
    return [points + [0] * (N_LETTERS - len(points)) for points in found]


def texts_of(table: pl.DataFrame, side: str) -> np.ndarray:
    whole = [table[f"{side}_{name}"].cast(pl.String) for name in ("name", "house")]
    return np.array([letters(values) for values in whole], dtype=np.int32).transpose(1, 0, 2)


def numbers_of(table: pl.DataFrame, side: str) -> dict[str, np.ndarray]:
    names = [f"{side}_{name}" for name in ("house", "height", "member")]
    return {name: table[name].cast(pl.Float32).fill_null(float("nan")).to_numpy().reshape(-1, 1) for name in names}


def columns_of(table: pl.DataFrame) -> dict[str, np.ndarray]:
    """The inputs of the ONNX file."""
    feeds: dict[str, np.ndarray] = {}
    for side in ("left", "right"):
        places = table[f"{side}_place"].fill_null("").to_numpy().astype(object)
        feeds |= numbers_of(table, side)
        feeds |= {f"{side}_place": places.reshape(-1, 1), f"{side}_letters": texts_of(table, side)}
    return feeds


def tensors_of(table: pl.DataFrame, facts: dict[str, Any]) -> dict[str, np.ndarray]:
    """The inputs of the pt2 file, by what it says of itself."""
    found: dict[str, np.ndarray] = {}
    (category,) = json.loads(facts["categories"])
    for side in ("left", "right"):
        known = {name: table[f"{side}_{name}"] for name in ("house", "height", "member")}
        numbers = [
            known[name].cast(pl.Float32).fill_null(float("nan")).to_numpy() for name in json.loads(facts["numeric"])
        ]
        levels = {level: 1 + place for place, level in enumerate(category["levels"])}
        codes = [levels.get(place, 0) for place in table[f"{side}_place"]]
        found[f"{side}_numeric"] = np.stack(numbers, axis=1)
        found[f"{side}_categories"] = np.array(codes, dtype=np.int32).reshape(-1, 1)
        found[f"{side}_letters"] = texts_of(table, side)
    return found


def exported(form: ExportFormat, models: Path) -> tuple[str, bytes]:
    said = export(form, models=models, output=None, prepared=models / "table.parquet", validation=models / "validation")
    return said, (models / f"model.{form}").read_bytes()


def predicted(models: Path) -> pl.DataFrame:
    new_pairs().write_csv("new.csv")
    predict(Path("new.csv"), models=models, output=Path("said.csv"))
    return pl.read_csv("said.csv")


def assert_close(distance: np.ndarray, similarity: np.ndarray, said: pl.DataFrame) -> None:
    np.testing.assert_allclose(distance, said["distance"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(similarity, said["similarity"], rtol=1e-4, atol=1e-4)


def test_columns_and_letters_are_answered_as_predict_does(trained: Path, files: Files) -> None:
    text, content = files["onnx"]
    assert text.startswith(f"{trained}/model.onnx: answers {128 + 32} pairs as the model does; the largest difference")
    said, inputs = predicted(trained), columns_of(new_pairs())
    session = onnxruntime.InferenceSession(content)
    assert {given.name for given in session.get_inputs()} == set(inputs)
    assert [given.name for given in session.get_outputs()] == ["distance", "similarity", "label"]
    distance, similarity, label = session.run(None, inputs)
    assert_close(distance, similarity, said)
    assert label.tolist() == said["prediction"].to_list()
    assert {"yes", "no"} == set(label)
    one = {name: values[3:4] for name, values in inputs.items()}
    assert_close(*session.run(["distance", "similarity"], one), said[3:4])
    assert session.get_inputs()[-1].shape == ["n_rows", 2, N_LETTERS]


def test_tensors_with_names_are_answered_as_predict_does(trained: Path, files: Files) -> None:
    text, content = files["pt2"]
    assert "pairs as the model does" in text
    extra = {"relight.json": ""}
    program = torch.export.load(io.BytesIO(content), extra_files=extra).module()
    inputs = tensors_of(new_pairs(), json.loads(extra["relight.json"]))
    distance, similarity, alike = program(**{name: torch.from_numpy(values) for name, values in inputs.items()})
    said = predicted(trained)
    assert_close(distance.detach().numpy(), similarity.detach().numpy(), said)
    assert alike.tolist() == (said["prediction"] == "yes").to_list()


def test_the_same_bytes_twice_and_what_they_say_of_themselves(trained: Path, files: Files) -> None:
    assert {form: exported(form, trained) for form in files} == files
    first = {form: content for form, (_, content) in files.items()}
    facts = {prop.key: prop.value for prop in onnx.load_from_string(first["onnx"]).metadata_props}
    assert json.loads(facts["sides"]) == ["left_", "right_"]
    assert json.loads(facts["classes"]) == ["no", "yes"]
    spelled = json.loads(facts["letters"])
    assert (spelled["columns"], spelled["n_letters"]) == (["name", "house"], N_LETTERS)
    assert spelled["are"].startswith("code points of the text in small letters")
    assert json.loads(facts["categories"]) == [{"name": "place", "levels": ["bonn", "jena", "kiel", "ulm"]}]
    known = json.loads((trained / "model.json").read_text(encoding="utf-8"))
    assert json.loads(facts["threshold"]) == known["distance_calibration"]["threshold"]
    for text in (str(Path(exported_pairs.__file__).parent.parent), "pairs.py"):
        assert not any(text.encode() in content for content in first.values())


@pytest.mark.parametrize(("form", "name"), [("onnx", "born"), ("pt2", "name")])
def test_columns_of_one_kind_alone(form: ExportFormat, name: str, tmp_path: Path) -> None:
    kept = [f"{side}_{name}" for side in ("left", "right")]
    done = Pipeline(tmp_path / "run", pairs(80).select(*kept, "match"), prepare={"ignore": []}, train={"epochs": 1})
    assert f"answers {128 + 16} pairs as the model does" in exported(form, done.root)[0]


def test_a_file_that_hashes_otherwise_is_not_written(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Swapped(exported_pairs.ExportablePairs):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.model.preprocessor.n_buckets = 4095

    monkeypatch.setattr(exported_pairs, "ExportablePairs", Swapped)
    (trained / "model.pt2").unlink(missing_ok=True)
    with pytest.raises(RunError, match="the file must predict what the model does"):
        exported("pt2", trained)
    assert not (trained / "model.pt2").exists()
