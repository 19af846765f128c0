import numpy as np
import pytest

from relight.data.features import Features
from relight.export.sequences import example_sequences, real_sequences
from tests.model.test_sequences import arrays, features

LONGEST = 3  # steps of the longest train sequence of `features()`


def test_real_sequences_are_padded_with_zeros_to_the_longest_train_sequence() -> None:
    inputs = real_sequences(arrays(), features(), LONGEST, n_most=2)
    assert inputs is not None
    assert inputs["lengths"].tolist() == [2, 1]
    assert inputs["numeric"].tolist() == [[[1], [2], [0]], [[3], [0], [0]]]
    assert inputs["categories"].tolist() == [[[1], [2], [0]], [[0], [0], [0]]]
    assert [inputs[name].dtype for name in inputs] == [np.int64, np.float32, np.int32]


@pytest.mark.parametrize("longest", [2, 1])
def test_a_sequence_longer_than_those_of_training_is_left_out(longest: int) -> None:
    inputs = real_sequences(arrays(), features(), longest, n_most=9)
    assert inputs is not None
    assert inputs["lengths"].tolist() == [length for length in (2, 1, 3) if length <= longest]


def test_arrays_of_another_model_do_not_fit() -> None:
    without = features().model_copy(update={"categorical": []})
    few = features().categorical[0].model_copy(update={"levels": ["green"]})
    assert real_sequences(arrays(), without, LONGEST, n_most=9) is None
    assert real_sequences(arrays(), features().model_copy(update={"categorical": [few]}), LONGEST, n_most=9) is None


def test_made_up_sequences_have_every_length_and_use_every_row() -> None:
    inputs = example_sequences(features(), LONGEST)
    assert set(inputs["lengths"].tolist()) == {1, 2, 3}
    assert inputs["lengths"].sum() == 64
    beyond = np.arange(3) >= inputs["lengths"][:, None]
    assert not inputs["numeric"][beyond].any()
    assert np.isnan(inputs["numeric"]).any()
    assert set(np.unique(inputs["categories"])) == {0, 1, 2}


def test_what_the_model_does_not_read_is_left_out() -> None:
    known: Features = features().model_copy(update={"numeric": []})
    assert list(example_sequences(known, LONGEST)) == ["lengths", "categories"]
