from typing import Any

import numpy as np
import pytest

from relight.data.features import Features
from relight.errors import InputError
from relight.train.auto import loss_weights, resolve_class_weights
from relight.train.params import TrainParams
from tests.feature_tables import features_of

CODES = [0] * 6 + [1] * 3 + [2]


def settle(class_weights: Any, features: Features) -> list[float] | None:
    optimizer = {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0}
    usual = {"seed": 1, "epochs": 1, "batch_size": 1, "loss": "auto", "early_stopping": None, "device": "cpu"}
    params = {**usual, "threads": 1, "optimizer": optimizer, "class_weights": class_weights}
    return resolve_class_weights(TrainParams.model_validate(params), features)


def classes(codes: list[int]) -> Features:
    return features_of([], task="multiclass", target=codes, n_train=len(codes))


def test_balanced_is_scikit_learns_formula() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    expected = compute_class_weight("balanced", classes=np.arange(3), y=np.array(CODES))
    assert settle("balanced", classes(CODES)) == pytest.approx(expected.tolist())


def test_a_class_without_train_rows_counts_nothing() -> None:
    assert settle("balanced", classes([0, 0, 0, 2])) == pytest.approx([4 / 6, 0, 2])


def test_classes_that_a_mapping_leaves_out_count_one() -> None:
    assert settle({"c": 5}, classes(CODES)) == [1, 1, 5]


def test_none_is_none() -> None:
    assert settle("none", classes(CODES)) is None


def test_an_unknown_class_is_named_with_the_closest_one_or_all() -> None:
    yes_and_no = features_of([], task="binary", target=[0, 1])
    with pytest.raises(InputError, match=r"train\.class_weights: 'Yes' is no class of 'y'; did you mean 'yes'\?"):
        settle({"Yes": 2}, yes_and_no)
    with pytest.raises(InputError, match=r"'maybe' is no class of 'y'; its classes are no, yes"):
        settle({"maybe": 2}, yes_and_no)


@pytest.mark.parametrize("task", ["regression", "distribution"])
@pytest.mark.parametrize("class_weights", ["balanced", {"a": 2.0}])
def test_what_has_no_labels_has_no_weights_of_classes(task: str, class_weights: Any) -> None:
    with pytest.raises(InputError, match=rf"train\.class_weights: must be none for {task}, .* prepare\.weight"):
        settle(class_weights, features_of([], task=task))


def test_a_row_counts_as_its_class_times_itself() -> None:
    target, sample = np.array([0, 2, 1]), np.array([1, 0.5, 4], dtype=np.float32)
    weights = loss_weights([1, 10, 100], target, sample)
    assert weights is not None
    assert weights.dtype == np.float32
    assert weights.tolist() == [1, 50, 40]


def test_a_binary_target_is_a_column_of_zeros_and_ones() -> None:
    weights = loss_weights([1, 3], np.array([[0], [1]], dtype=np.float32), None)
    assert weights is not None
    assert weights.tolist() == [1, 3]


def test_without_weights_all_rows_count_the_same() -> None:
    sample = np.ones(3, dtype=np.float32)
    assert loss_weights(None, np.zeros(3), None) is None
    assert loss_weights(None, np.zeros(3), sample) is sample
