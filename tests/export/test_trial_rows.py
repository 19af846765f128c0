import polars as pl
import pytest

from relight.export.feeds import example_rows
from tests.saved_models import drawn_features

FEATURES = drawn_features("x flag when c many", "regression")


def test_they_are_a_clean_table_with_the_columns_of_the_model() -> None:
    rows = example_rows(FEATURES, gaps=True)
    assert rows.schema == {
        "x": pl.Float64,
        "flag": pl.Boolean,
        "when": pl.Datetime("us"),
        "c": pl.String,
        "many": pl.String,
    }
    assert rows.height == 64
    assert rows.equals(example_rows(FEATURES, gaps=True))


def test_they_reach_both_ends_of_a_number_and_every_level() -> None:
    rows = example_rows(FEATURES, gaps=False)
    assert (rows["x"].min(), rows["x"].max()) == (FEATURES.numeric[0].low, FEATURES.numeric[0].high)
    assert set(rows["many"]) == set(FEATURES.categorical[1].levels)
    assert rows.null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("name", ["x", "flag", "when", "c", "many"])
def test_each_column_has_gaps_and_each_category_an_unknown_level(name: str) -> None:
    rows = example_rows(FEATURES, gaps=True)
    assert rows[name].null_count() in (9, 10)  # every seventh of 64
    levels = {feature.name: set(feature.levels) for feature in FEATURES.categorical}
    if name in levels:
        assert len(set(rows[name].drop_nulls()) - levels[name]) == 1
    assert not rows.select(pl.all_horizontal(pl.all().is_null())).to_series().any()


def test_a_column_without_any_value_and_a_category_without_levels_have_rows_too() -> None:
    empty = FEATURES.numeric[0].model_copy(update={"quantiles": [], "mean": 0.0})
    category = FEATURES.categorical[0].model_copy(update={"levels": []})
    rows = example_rows(FEATURES.model_copy(update={"numeric": [empty], "categorical": [category]}), gaps=False)
    assert rows["x"].to_list() == [0.0] * 64
    assert rows["c"].null_count() == 64
