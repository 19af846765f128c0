"""The file around a graph: names, texts, labels. What the graph of a model says is held by the export's own tests."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from relight.errors import InputError
from relight.export import file_formats
from relight.export.file_formats import onnx_bytes, run_onnx


class Shares(nn.Module):
    """(number, code) → half a share for each code, and what is left for the number."""

    def forward(self, columns: list[Tensor]) -> Tensor:
        number, code = columns
        return torch.cat([number, code.to(torch.float32) / 2], dim=1)


@pytest.fixture(scope="module")
def program() -> ExportedProgram:
    columns = [torch.zeros(2, 1), torch.zeros(2, 1, dtype=torch.int64)]
    return torch.export.export(Shares(), (columns,), dynamic_shapes=([{0: Dim("n")}, {0: Dim("n")}],), strict=True)


def column(*texts: str) -> np.ndarray:
    return np.array(texts, dtype=object).reshape(-1, 1)


def test_texts_become_codes_and_the_most_probable_place_a_label(program: ExportedProgram) -> None:
    content = onnx_bytes(program, {"x": None, "c": ["a", "é"]}, ["no", "ja ✓"], {})
    numbers = np.array([[0.4], [0.6], [0.6], [0.0], [0.0]], dtype=np.float32)
    said = run_onnx(content, {"x": numbers, "c": column("a", "a", "é", "", "unknown")})
    assert said["probabilities"][:, 1].tolist() == [0.5, 0.5, 1, 0, 0]
    assert said["label"].tolist() == ["ja ✓", "no", "ja ✓", "no", "no"]  # of two equal shares the first, as predict


def test_columns_may_be_called_like_anything_inside(program: ExportedProgram) -> None:
    for name in ("/answers", "cat", "prediction"):
        content = onnx_bytes(program, {name: None, "//": ["a"]}, None, {})
        session = onnxruntime.InferenceSession(content)
        assert [given.name for given in session.get_inputs()] == [name, "//"]
        (output,) = run_onnx(content, {name: np.ones((1, 1), dtype=np.float32), "//": column("a")}).values()
        assert output.tolist() == [[1, 0.5]]


def test_a_category_without_a_level_is_always_a_gap(program: ExportedProgram) -> None:
    content = onnx_bytes(program, {"x": None, "c": []}, None, {})
    said = run_onnx(content, {"x": np.ones((2, 1), dtype=np.float32), "c": column("a", "")})
    assert said["prediction"].tolist() == [[1, 0], [1, 0]]


def test_the_number_of_rows_is_free(program: ExportedProgram) -> None:
    session = onnxruntime.InferenceSession(onnx_bytes(program, {"x": None, "c": ["a"]}, None, {}))
    assert [part.shape[0] for part in (*session.get_inputs(), *session.get_outputs())] == ["n_rows"] * 3


def test_more_weights_than_a_file_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_formats, "MAX_MODEL_BYTES", 7)
    program = torch.export.export(nn.Linear(1, 1), (torch.zeros(1, 1),))  # two numbers of 4 bytes
    with pytest.raises(InputError, match="at most 2 GB of weights; export with --format pt2"):
        onnx_bytes(program, {"x": None}, None, {})
