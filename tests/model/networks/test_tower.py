import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from relight.data.features import Features
from relight.model.build import build_model
from relight.model.networks.tower import SiameseModel
from relight.model.pairs import pair_input_tensors, preprocess_pairs
from relight.model.params import ModelParams
from relight.model.rows import Rows
from relight.prepare.pairs import clean_pairs
from relight.prepare.params import PrepareParams
from relight.split.pairs import describe_pairs, pair_tensors
from relight.split.params import SplitParams
from tests.pair_tables import pairs

SPLIT = SplitParams(method="random", column=None, train=0.8, validation=0.1, test=0.1, seed=0)


def tower_for(table: pl.DataFrame, d_embedding: int = 8) -> tuple[SiameseModel, Features, tuple[Tensor, ...]]:
    prepare = PrepareParams(
        source="pairs.csv", target="match", task="similarity", ignore=["id"] if "left_id" in table.columns else []
    )
    rows, schema = clean_pairs(table, prepare)
    assert schema.pairs
    features = describe_pairs(SPLIT, schema, schema.pairs, np.zeros(rows.height, np.int8), rows)
    torch.manual_seed(0)
    params = ModelParams.model_validate(
        {"name": "tower", "numeric": "standardize", "tower": {"d_embedding": d_embedding}}
    )
    model = build_model(params, features, target_scale="none")
    assert isinstance(model, SiameseModel)
    return model, features, pair_input_tensors(pair_tensors(schema, schema.pairs, features, rows))


def test_swapped_sides_have_the_same_distance_to_the_bit() -> None:
    model, _, inputs = tower_for(pairs(60))
    assert torch.equal(model(*inputs), model(*inputs[3:], *inputs[:3]))


def test_the_distance_is_that_of_torch_between_the_points_of_the_one_tower() -> None:
    model, _, inputs = tower_for(pairs(60))
    left, right = model.embed(*inputs[:3]), model.embed(*inputs[3:])
    expected = (left - right).double().square().sum(dim=1, keepdim=True).sqrt()
    assert model(*inputs).shape == (60, 1)
    torch.testing.assert_close(model(*inputs).double(), expected, rtol=1e-5, atol=1e-6)
    assert left.shape[1] == model.network.tower.d_widest


def test_a_record_is_at_no_distance_of_itself_and_its_gradient_is_a_number() -> None:
    model, _, inputs = tower_for(pairs(20))
    distance = model(*inputs[:3], *inputs[:3])
    assert distance.abs().max() == 0
    distance.sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


def test_a_gap_on_one_side_is_between_the_same_and_something_else() -> None:
    """Two categories of weight 1/2: the square of the distance is 0 for the same; (1 + g²) / 2 for a gap of one side and
    4 g² / 2 for one of both, whatever the other side says; g is 1/2 at first."""
    table = pl.DataFrame({
        "left_a": ["x", "y", "x", None] * 5, "right_a": ["x", "y", None, None] * 5,
        "left_b": ["u", "v", "u", "v"] * 5, "right_b": ["u", "v", "u", "v"] * 5, "match": ["1", "0", "1", "0"] * 5,
    })  # fmt: skip
    model, features, inputs = tower_for(table)
    assert [category.levels for category in features.categorical] == [["x", "y"], ["u", "v"]]
    assert model(*inputs)[:4, 0].square().tolist() == pytest.approx([0.0, 0.0, 1.25 / 2, 1.0 / 2], abs=1e-6)
    turned = (*inputs[3:], *inputs[:3])
    torch.testing.assert_close(model(*turned), model(*inputs))


def test_pairs_with_nothing_to_compare_are_as_far_apart_as_those_without_anything_alike() -> None:
    table = pl.DataFrame({
        "left_a": ["x", None, "x", None] * 5, "right_a": ["x", None, None, "y"] * 5,
        "left_b": ["u", None, None, "v"] * 5, "right_b": ["u", None, "u", None] * 5, "match": ["1", "0", "1", "0"] * 5,
    })  # fmt: skip
    model, _, inputs = tower_for(table)
    assert model(*inputs)[:4, 0].square().tolist() == pytest.approx([0.0, 2.0, 2.0, 2.0], abs=1e-5)


def test_the_more_two_numbers_differ_the_farther_apart_they_are() -> None:
    numbers = np.arange(40) / 10
    table = pl.DataFrame({"left_a": [0.0] * 40, "right_a": numbers, "match": ["1", "0"] * 20})
    model, _, inputs = tower_for(table, d_embedding=64)
    near = model(*inputs)[:, 0].detach()
    assert near[0] == 0
    assert bool((near[1:] > near[1]).sum() >= 38)
    assert float(near.max()) <= 2.0


def test_first_name_and_surname_that_have_changed_places_are_nearer_than_two_others() -> None:
    names = [
        f"{a}{b}"
        for a in ("anna", "bert", "cleo", "dora", "emil", "finn")
        for b in ("berg", "tal", "stein", "au", "hof", "feld")
    ]
    other = names[7:] + names[:7]
    left = {"left_first": names, "left_last": other}
    swapped = pl.DataFrame({**left, "right_first": other, "right_last": names, "match": ["1", "0"] * 18})
    strange = swapped.with_columns(
        right_first=pl.Series(names[20:] + names[:20]), right_last=pl.Series(names[3:] + names[:3])
    )
    model, _, inputs = tower_for(pl.concat([swapped, strange]), d_embedding=64)
    distance = model(*inputs)[:, 0]
    assert distance[:36].mean() < 0.95 * distance[36:].mean()


def test_letters_before_every_step_are_the_codes_that_training_sees_once() -> None:
    model, _, inputs = tower_for(pairs(60))
    seen = preprocess_pairs(model, Rows(inputs, torch.zeros(60, 1), None))
    assert torch.equal(model.network(*seen.inputs), model(*inputs))
    assert seen.inputs[2].shape == (60, 2, 48)


def test_a_text_that_is_missing_is_halfway_between_the_same_and_another() -> None:
    """One text beside a category of the same weight: the square of the distance is 0 for the same in other letters, and
    (1 + 1/4) / 2 for a gap."""
    names = [f"{a}{b}" for a in "abcdefgh" for b in "stuvwxyz"]
    left = [*names, "Ab", "ab", None]
    same = {f"{side}_b": (["u", "v"] * 34)[:67] for side in ("left", "right")}
    match = (["1", "0"] * 34)[:67]
    table = pl.DataFrame({"left_a": left, "right_a": [*names[::-1], "aB", None, None], **same, "match": match})
    model, features, inputs = tower_for(table)
    assert [category.name for category in features.categorical] == ["b"]
    assert model(*inputs)[64:, 0].square().tolist() == pytest.approx([0.0, 1.25 / 2, 1 / 2], abs=1e-6)
