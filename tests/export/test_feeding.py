import datetime

import numpy as np
import polars as pl

from relight.export.feeds import InputColumn, input_columns, table_feeds
from tests.saved_models import drawn_features


def test_a_date_is_one_input_and_a_category_knows_its_levels() -> None:
    assert input_columns(drawn_features("x when c", "regression")) == [
        InputColumn("x", "number"),
        InputColumn("when", "date"),
        InputColumn("c", "category", ("a", "b", "b b", "é")),
    ]


def test_each_kind_has_its_type_its_unit_and_its_gap() -> None:
    table = pl.DataFrame(
        {
            "x": [1.5, None],
            "flag": [True, None],
            "when": pl.Series([datetime.datetime(1970, 1, 2), None], dtype=pl.Datetime("us")),
            "c": ["é", None],
        }
    )
    inputs = [
        InputColumn("x", "number"),
        InputColumn("flag", "number"),
        InputColumn("when", "date"),
        InputColumn("c", "category", ("é",)),
    ]
    given = table_feeds(table, inputs)
    np.testing.assert_array_equal(given["x"], np.array([[1.5], [np.nan]], dtype=np.float32), strict=True)
    np.testing.assert_array_equal(given["flag"], np.array([[1], [np.nan]], dtype=np.float32), strict=True)
    missing = np.array(["NaT"], dtype="datetime64[us]").astype(np.int64)[0]
    np.testing.assert_array_equal(given["when"], np.array([[86_400_000_000], [missing]]), strict=True)
    np.testing.assert_array_equal(given["c"], np.array([["é"], [""]], dtype=object), strict=True)
