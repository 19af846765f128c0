"""Columns with an offset: the file subtracts it, and answers the raw values as `predict` does."""

import io
import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest
import torch

from relight.data.features import Features
from relight.export.feeds import input_columns, model_metadata, offsets_metadata, table_feeds
from relight.export.file_formats import onnx_bytes, run_onnx
from relight.export.table import ExportableFromColumns, ExportableModel, export_table, program_from_columns
from relight.model.build import build_model
from relight.model.params import ModelParams
from relight.model.saved_model import Description, TableModel
from relight.split.encoding import encode
from tests.feature_tables import features_of, number
from tests.saved_models import TINY

SECONDS = 1_748_000_000 + np.arange(0, 7000, 7)
IDS = 740_245_381_351_497_681 + 7 * np.arange(1000)
DAYS = [datetime(2024, 5, 1) + timedelta(seconds=int(second)) for second in range(1000)]
TABLE = pl.DataFrame({"seconds": SECONDS.astype(float), "ids": IDS, "when": DAYS, "x": np.linspace(0, 1, 1000)})
OFFSETS = {"seconds": float(SECONDS[500]), "ids": float(IDS[500]), "when.elapsed": 8887.0}


def described() -> Features:
    elapsed = np.arange(1000) / 86_400
    numbers = [
        number("seconds", SECONDS - SECONDS[500]),
        number("ids", IDS - int(OFFSETS["ids"])),
        number("when.elapsed", elapsed).model_copy(
            update={"column": "when", "kind": "datetime", "date_part": "elapsed"}
        ),
        number("x", TABLE["x"]),
    ]
    numbers = [each.model_copy(update={"offset": OFFSETS.get(each.name, 0.0)}) for each in numbers]
    draw = np.random.default_rng(0)
    return features_of(numbers, [], task="regression", target=draw.normal(size=1000), n_train=1000)


def exportable(features: Features) -> ExportableModel:
    torch.manual_seed(0)
    model = build_model(
        ModelParams(name="mlp", numeric="standardize", **TINY), features, target_scale="standardize", seeds=1
    )
    return ExportableModel(model, features).eval()


def test_the_inputs_keep_what_float32_would_lose() -> None:
    columns = input_columns(described())
    assert [column.kind for column in columns] == ["large", "whole", "date", "number"]
    feeds = table_feeds(TABLE[:2], columns)
    assert feeds["seconds"].dtype == np.float64
    assert feeds["ids"].reshape(-1).tolist() == IDS[:2].tolist()
    gaps = table_feeds(
        pl.DataFrame({name: pl.Series([None], dtype=TABLE[name].dtype) for name in TABLE.columns}), columns
    )
    assert np.isnan(gaps["seconds"]).all()
    assert gaps["ids"].item() == -(2**63)


def test_the_columns_become_what_split_encodes() -> None:
    features = described()
    encoded = encode(TABLE, features).numeric
    differences = np.column_stack([SECONDS - SECONDS[500], IDS - int(OFFSETS["ids"])])
    np.testing.assert_array_equal(encoded[:, :2], differences)
    model = ExportableFromColumns(exportable(features), features)
    feeds = [torch.from_numpy(column.copy()) for column in table_feeds(TABLE, input_columns(features)).values()]
    numeric, _ = model.columns(feeds)
    np.testing.assert_array_equal(numeric.numpy(), encoded)


def test_a_file_answers_the_raw_columns_as_the_model_does_the_encoded_ones() -> None:
    features = described()
    model = exportable(features)
    names = dict.fromkeys(column.name for column in input_columns(features))
    program = program_from_columns(ExportableFromColumns(model, features))
    content = onnx_bytes(program, names, None, model_metadata(features))
    assert [value.type.tensor_type.elem_type for value in onnx.load_from_string(content).graph.input] == [
        onnx.TensorProto.DOUBLE, onnx.TensorProto.INT64, onnx.TensorProto.INT64, onnx.TensorProto.FLOAT,
    ]  # fmt: skip
    with_gaps = TABLE.with_columns(
        pl.when(pl.int_range(pl.len()) % 5 > 0).then(pl.col(name)).alias(name) for name in ("seconds", "ids", "when")
    )
    for rows in (TABLE, with_gaps):
        encoded = map(torch.from_numpy, encode(rows, features))
        with torch.inference_mode():
            expected = model(*encoded).numpy()
        (found,) = run_onnx(content, table_feeds(rows, input_columns(features))).values()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert len(np.unique(found)) > 100


@pytest.mark.parametrize("export_format", ["onnx", "pt2"])
def test_export_compares_rows_over_the_whole_range(export_format: str, tmp_path: Path) -> None:
    features = described()
    description = Description.model_construct(features=features)
    saved = TableModel(description, exportable(features).model)
    done = export_table(export_format, saved, tmp_path / "none", tmp_path / "none")  # type: ignore[arg-type]
    np.testing.assert_allclose(done.predictions, done.expected, rtol=1e-4, atol=1e-5)
    assert len(np.unique(done.expected)) > 20


def test_a_pt2_file_says_what_to_subtract(tmp_path: Path) -> None:
    features = described()
    saved = TableModel(Description.model_construct(features=features), exportable(features).model)
    extra = {"relight.json": ""}
    content = export_table("pt2", saved, tmp_path / "none", tmp_path / "none").content
    torch.export.load(io.BytesIO(content), extra_files=extra)
    assert json.loads(json.loads(extra["relight.json"])["offsets"]) == OFFSETS
    assert offsets_metadata(features.model_copy(update={"numeric": features.numeric[3:]})) == {}
