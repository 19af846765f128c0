import numpy as np
import pytest
import torch
from torch import nn

from relight.domain.features import CategoricalFeature, Features, NumericFeature
from relight.domain.fitted import Fitted
from relight.domain.front import Front
from relight.domain.rows import Rows, after_front, inputs_for, rows_for
from relight.errors import InputError

NUMERIC = np.array([[1.0], [np.nan]], dtype=np.float32)
CATEGORIES = np.array([[1], [2]], dtype=np.int32)
TARGET = np.array([[5.0], [6.0]], dtype=np.float32)


def fronted(n_levels: int) -> Fitted:
    features = Features(
        task="regression",
        target="y",
        classes=None,
        numeric=[NumericFeature(name="x", kind="numeric", mean=3, std=2, gaps=1)],
        categorical=[CategoricalFeature(name="c", levels=[f"level {k}" for k in range(n_levels)])],
        target_mean=0.0,
        target_std=1.0,
        n_train=2,
        test_rows_validate=False,
    )
    front = Front(features, standardize=True)
    return Fitted(front, nn.Linear(front.d_out, 1), nn.Identity())


def test_a_front_takes_numbers_and_codes() -> None:
    rows = rows_for(fronted(2), {"numeric": NUMERIC, "categories": CATEGORIES, "target": TARGET}, "the train rows")
    numeric, categories = rows.inputs
    assert numeric.numpy().tobytes() == NUMERIC.tobytes()
    assert categories.tolist() == [[1], [2]]
    assert rows.target.tolist() == [[5], [6]]


def test_without_a_front_the_numbers_go_in_alone() -> None:
    (numeric,) = inputs_for(nn.Linear(1, 1), NUMERIC[:1], CATEGORIES[:1], "the rows")
    assert numeric.tolist() == [[1]]


def test_a_gap_without_a_front_is_refused_with_the_place_and_the_next_step() -> None:
    said = "the test rows: some rows lack a value, .* set model.numeric to standardize, or fill the value in"
    with pytest.raises(InputError, match=said):
        inputs_for(nn.Linear(1, 1), NUMERIC, CATEGORIES, "the test rows")


def test_a_front_without_weights_is_applied_once() -> None:
    model = fronted(2)
    rows = rows_for(model, {"numeric": NUMERIC, "categories": CATEGORIES, "target": TARGET}, "the train rows")
    trainee, after = after_front(model, rows)
    assert list(trainee.children()) == [model.body, model.back]
    # (1 - 3)/2, no gap, level 1; the gap as 0, a gap, level 2
    assert [part.tolist() for part in after.inputs] == [[[-1, 0, 1, 0], [0, 1, 0, 1]]]
    assert after.target is rows.target


def test_a_front_that_learns_stays_in_the_loop() -> None:
    model = fronted(40)
    rows = rows_for(model, {"numeric": NUMERIC, "categories": CATEGORIES, "target": TARGET}, "the train rows")
    assert after_front(model, rows) == (model, rows)


def test_a_model_without_a_front_is_trained_as_it_is() -> None:
    model, rows = nn.Linear(1, 1), Rows((torch.zeros(2, 1),), torch.zeros(2, 1))
    assert after_front(model, rows) == (model, rows)


def test_rows_move_to_a_device_together() -> None:
    moved = Rows((torch.zeros(2, 1), torch.ones(2, 1)), torch.zeros(2, 1)).to(torch.device("meta"))
    assert {part.device.type for part in (*moved.inputs, moved.target)} == {"meta"}
