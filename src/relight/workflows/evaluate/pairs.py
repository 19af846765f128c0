"""evaluate, for a table of pairs."""

from pathlib import Path

from relight.domain.description import Description
from relight.domain.models.building import build_model
from relight.domain.pair_inputs import pair_inputs
from relight.domain.pair_judging import judge_pairs, pair_tables, remarks_on_pairs
from relight.domain.pair_requirements import assert_pairs_evaluate
from relight.domain.predicting import predict
from relight.domain.schema import Schema
from relight.domain.slicing import assert_slices, columns_to_slice
from relight.io.artifacts import write_json
from relight.io.checkpoints import load_weights
from relight.io.table_batches import read_columns
from relight.io.tensors import read_tensors
from relight.params.evaluate import EvaluateParams
from relight.workflows.evaluate.files import Files
from relight.workflows.evaluate.proof import assert_proved


def evaluate_pairs(params: EvaluateParams, known: Description, found: Schema, weights: Path, files: Files) -> None:
    """
    Raises:
        InputError: for what is not there for pairs, or a slice that is no column of the table.
        RunError: when the saved model is not the trained one.
    """
    assert_pairs_evaluate(params)
    assert_slices(params, columns_to_slice(found))
    assert known.similarity
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(weights, model)
    paths = {"train": files.train, "validation": files.validation, "test": files.test}
    parts = {part: read_tensors(path) for part, path in paths.items()}
    outputs = {part: predict(model, pair_inputs(arrays)) for part, arrays in parts.items()}
    assert_proved(outputs["validation"], known)
    if known.features.test_rows_validate:
        del parts["validation"]
    distances = {part: outputs[part].numpy() for part in parts}
    metrics = judge_pairs(params, known.features, parts, distances, known.similarity)
    rows = parts["test"]["row"]
    sliced = read_columns(files.table, params.slices)[rows] if params.slices else None
    written = pair_tables(params, known.features, parts["test"], distances["test"], known.similarity, sliced)
    write_json(files.metrics, metrics)
    files.reports.mkdir()
    write_json(files.reports / "notes.json", {"notes": remarks_on_pairs(known.features, parts["test"], metrics)})
    for name, content in written.items():
        (files.reports / f"{name}.csv").write_text(content.write_csv())
