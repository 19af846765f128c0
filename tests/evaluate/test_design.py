import numpy as np

from relight.evaluate.reference_models import MAX_ONE_HOT_LEVELS, DesignMatrix

GAP = float("nan")
NO_NUMBERS, NO_NAMES = np.empty((3, 0), np.float32), np.empty((3, 0), np.int32)


def test_numbers_are_standardized_by_the_train_rows_and_gaps_are_the_mean_with_an_indicator() -> None:
    # 1, 3 and a gap: mean 2, deviation 1
    design = DesignMatrix(np.array([[1.0], [3.0], [GAP]], np.float32), NO_NAMES)
    rows = np.array([[4.0], [GAP], [2.0]], np.float32)
    assert design(rows, NO_NAMES).tolist() == [[2, 0], [0, 1], [0, 0]]


def test_a_column_without_train_gaps_has_no_indicator_and_one_that_never_varies_stays_at_zero() -> None:
    design = DesignMatrix(np.array([[0.1, 1.0], [0.1, 3.0], [0.1, 2.0]], np.float32), NO_NAMES)
    row = np.array([[5.0, GAP], [0.1, 2.0], [0.1, 2.0]], np.float32)
    assert design(row, NO_NAMES).tolist() == [[0, 0], [0, 0], [0, 0]]


def test_a_column_of_gaps_alone_stays_at_zero() -> None:
    design = DesignMatrix(np.full((3, 1), GAP, np.float32), NO_NAMES)
    assert design(np.full((3, 1), 7.0, np.float32), NO_NAMES).tolist() == [[0, 0]] * 3


def test_levels_are_one_hot_and_an_unknown_one_is_zero_everywhere() -> None:
    design = DesignMatrix(NO_NUMBERS, np.array([[2], [1], [0]], np.int32))
    assert design(NO_NUMBERS, np.array([[1], [2], [0]], np.int32)).tolist() == [[1, 0], [0, 1], [0, 0]]


def test_the_most_frequent_levels_alone_have_a_column() -> None:
    codes = np.concatenate([np.arange(1, MAX_ONE_HOT_LEVELS + 20), [MAX_ONE_HOT_LEVELS + 15]]).astype(np.int32)[:, None]
    empty = np.empty((len(codes), 0), np.float32)
    rows = DesignMatrix(empty, codes)(empty, codes)
    assert rows.shape[1] == MAX_ONE_HOT_LEVELS
    assert rows[-1].sum() == 1  # the level with two rows is among them
    assert rows[:-1].sum() == MAX_ONE_HOT_LEVELS
