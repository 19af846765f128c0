import numpy as np
import pytest
import torch
from torch import nn

from relight.errors import InputError
from relight.model.networks.categories import Categories, ConcatFeatures
from relight.model.pipeline import TabularModel, TargetTransform
from relight.model.preprocessing import Preprocessor
from relight.model.rows import Rows
from relight.model.table import build_inputs, build_rows, preprocess_rows, trainable_module
from tests.feature_tables import category, features_of, number

NUMERIC = np.array([[1.0], [np.nan]], dtype=np.float32)
CATEGORIES = np.array([[1], [2]], dtype=np.int32)
TARGET = np.array([[5.0], [6.0]], dtype=np.float32)


def fronted(back: nn.Module | None = None) -> TabularModel:
    """One number of mean 3 and deviation 2, with gaps, and one category."""
    features = features_of([number("x", [1, 5], gaps=1)], [category("c", 2)])
    front = Preprocessor(features, "standardize")
    return TabularModel(
        front, ConcatFeatures(Categories([n + 1 for n in front.n_levels]), nn.Linear(4, 1)), back or nn.Identity()
    )


def test_a_front_takes_numbers_and_codes() -> None:
    rows = build_rows(fronted(), {"numeric": NUMERIC, "categories": CATEGORIES, "target": TARGET}, "the train rows")
    numeric, categories = rows.inputs
    assert numeric.numpy().tobytes() == NUMERIC.tobytes()
    assert categories.tolist() == [[1], [2]]
    assert rows.target.tolist() == [[5], [6]]


def test_without_a_front_the_numbers_go_in_alone() -> None:
    (numeric,) = build_inputs(nn.Linear(1, 1), NUMERIC[:1], CATEGORIES[:1], "the rows")
    assert numeric.tolist() == [[1]]


def test_a_gap_without_a_front_is_refused_with_the_place_and_the_next_step() -> None:
    said = "the test rows: some rows lack a value, .* set model.numeric to standardize, or fill the value in"
    with pytest.raises(InputError, match=said):
        build_inputs(nn.Linear(1, 1), NUMERIC, CATEGORIES, "the test rows")


def test_the_front_is_applied_once_and_what_learns_is_the_body() -> None:
    model = fronted()
    rows = build_rows(model, {"numeric": NUMERIC, "categories": CATEGORIES, "target": TARGET}, "the train rows")
    seen = preprocess_rows(model, rows)
    assert trainable_module(model) is model.network
    # (1 - 3)/2, no gap; the gap as 0, a gap; the codes
    assert [part.tolist() for part in seen.inputs] == [[[-1, 0], [0, 1]], [[1], [2]]]
    assert seen.target is rows.target


def test_the_target_goes_to_the_scale_of_the_network() -> None:
    back = TargetTransform(features_of([], target=[4, 8]), "standardize")  # mean 6, deviation 2
    model = fronted(back)
    rows = build_rows(model, {"numeric": NUMERIC, "categories": CATEGORIES, "target": TARGET}, "the train rows")
    assert preprocess_rows(model, rows).target.tolist() == [[-0.5], [0]]


def test_many_rows_go_through_the_front_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fronted()
    rows = Rows((torch.arange(10.0).unsqueeze(1), torch.ones(10, 1)), torch.zeros(10, 1))
    whole = preprocess_rows(model, rows)
    monkeypatch.setattr("relight.model.inference.MAX_PREDICTION_ROWS", 3)
    chunked = preprocess_rows(model, rows)
    assert all(torch.equal(a, b) for a, b in zip(whole.inputs, chunked.inputs, strict=True))


def test_a_model_without_a_front_is_trained_as_it_is() -> None:
    model, rows = nn.Linear(1, 1), Rows((torch.zeros(2, 1),), torch.zeros(2, 1))
    assert trainable_module(model) is model
    assert preprocess_rows(model, rows) is rows


def test_rows_keep_their_weights() -> None:
    weighted = {"numeric": NUMERIC, "categories": CATEGORIES, "target": TARGET, "weight": np.array([2, 3], np.float32)}
    rows = build_rows(fronted(), weighted, "the train rows")
    assert preprocess_rows(fronted(), rows).weight is rows.weight
    picked = rows.pick(torch.tensor([1, 0, 1]))
    assert picked.weight is not None
    assert picked.weight.tolist() == [3, 2, 3]
    assert picked.target.tolist() == [[6], [5], [6]]
    assert [part.shape for part in picked.inputs] == [(3, 1), (3, 1)]


def test_rows_move_to_a_device_together() -> None:
    moved = Rows((torch.zeros(2, 1), torch.ones(2, 1)), torch.zeros(2, 1), torch.ones(2)).to(torch.device("meta"))
    assert moved.weight is not None
    assert {part.device.type for part in (*moved.inputs, moved.target, moved.weight)} == {"meta"}
