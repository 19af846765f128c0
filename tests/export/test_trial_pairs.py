import polars as pl
import pytest

from relight.data.features import Features, PairFeatures
from relight.export.pairs import EXAMPLE_TEXTS, example_pairs
from tests.saved_models import drawn_features

PAIRS = PairFeatures(left="a_", right="b_", texts=["name", "x"], n_letters=25, n_buckets=64)


def features(columns: str = "x when c") -> Features:
    return drawn_features(columns, "binary").model_copy(update={"pairs": PAIRS})


def test_both_sides_have_the_columns_of_a_record() -> None:
    table = example_pairs(features(), PAIRS)
    assert table.columns == [f"{side}{name}" for side in ("a_", "b_") for name in ("x", "when", "c", "name")]
    assert table.schema["b_x"] == pl.Float64  # a number that is compared by its letters, too
    assert table.schema["a_name"] == pl.String
    assert table.equals(example_pairs(features(), PAIRS))


def test_the_second_half_has_each_record_beside_itself_and_the_first_another_one() -> None:
    table = example_pairs(features(), PAIRS)
    left, right = (table.select(pl.col(f"^{side}.*$").name.map(lambda name: name[2:])) for side in ("a_", "b_"))
    assert left[64:].equals(right[64:])
    assert left[:64].equals(right[64:])
    same = [left.row(place) == right.row(place) for place in range(64)]
    assert sum(same) == 0


@pytest.mark.parametrize("columns", ["x", ""])
def test_every_text_is_there_and_a_gap(columns: str) -> None:
    pairs = PAIRS.model_copy(update={"texts": ["name"]})
    names = example_pairs(features(columns).model_copy(update={"pairs": pairs}), pairs)
    assert set(names["a_name"]) == set(EXAMPLE_TEXTS)
    assert names["b_name"].null_count() > 0
