import pytest

from relight.model.checks import columns_to_keep
from tests.feature_tables import features_of, number

WIDE, TINY, CONSTANT = number("wide", [1, 2, 4]), number("tiny", [0, 1e-8, 2e-8]), number("same", [7, 7, 7])
ROUNDING = number("rounding", [1e6, 1e6 + 0.5])  # 8 steps of float32
FLAG = number("flag", [0] * 999 + [1])


@pytest.mark.parametrize(
    ("numeric", "kept"),
    [("none", [0, 4]), ("standardize", [0, 1, 4]), ("quantile_normal", [0, 1, 4])],
)
def test_a_column_is_kept_where_its_train_rows_differ_after_the_transform(numeric: str, kept: list[int]) -> None:
    # as it is, a range of 2e-8 is below 1e-6; divided by its own deviation it is 2.4
    assert columns_to_keep(features_of([WIDE, TINY, CONSTANT, ROUNDING, FLAG]), numeric) == kept
