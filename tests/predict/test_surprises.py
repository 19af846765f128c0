import numpy as np
import polars as pl

from relight.predict.table import UnseenValues
from relight.runtime.messages import abbreviate
from relight.split.encoding import EncodedFeatures
from tests.saved_models import drawn_features

NAN = np.nan
FEATURES = drawn_features("x label flag c", "regression")  # label has gaps among the train rows


def rows(*numbers: tuple[float, float, float], codes: tuple[int, ...]) -> EncodedFeatures:
    return EncodedFeatures(np.array(numbers, dtype=np.float32), np.array(codes, dtype=np.int32).reshape(-1, 1))


def names(*values: str | None) -> pl.DataFrame:
    return pl.DataFrame({FEATURES.categorical[0].name: values}, {FEATURES.categorical[0].name: pl.String})


def test_what_the_train_rows_had_too_is_no_surprise() -> None:
    surprises = UnseenValues(FEATURES)
    surprises.add(rows((1, NAN, 0), (2, 3, 1), codes=(1, 4)), names("a", "b"))
    assert (surprises.n_rows, surprises.warning_text()) == (2, "")


def test_counts_add_up_over_chunks() -> None:
    surprises = UnseenValues(FEATURES)
    surprises.add(rows((NAN, NAN, 0), (2, 3, 1), codes=(0, 4)), names(None, "b"))
    surprises.add(rows((NAN, 1, NAN), codes=(0,)), names(None))
    assert surprises.n_rows == 3
    assert surprises.warning_text() == (
        "; 2 categories were missing or unknown; 3 numbers are missing in columns without gaps in training "
        "(x, flag): the train rows' mean is used for them"
    )


def test_a_date_without_a_value_counts_once() -> None:
    date = drawn_features("when", "regression")
    known = [feature.model_copy(update={"gaps": 0}) for feature in date.numeric]
    surprises = UnseenValues(date.model_copy(update={"numeric": known}))
    surprises.add(
        EncodedFeatures(np.full((2, 5), NAN, dtype=np.float32), np.empty((2, 0), dtype=np.int32)), pl.DataFrame()
    )
    assert surprises.warning_text().startswith("; 2 numbers are missing in columns without gaps in training (when)")


def test_of_many_columns_five_are_named() -> None:
    many = [FEATURES.numeric[0].model_copy(update={"name": f"x{k}", "column": f"x{k}"}) for k in range(7)]
    surprises = UnseenValues(FEATURES.model_copy(update={"numeric": many}))
    surprises.add(EncodedFeatures(np.full((1, 7), NAN, dtype=np.float32), np.ones((1, 1), dtype=np.int32)), names("a"))
    assert "(x0, x1, x2, x3, x4 and 2 more)" in surprises.warning_text()


def test_a_column_most_of_whose_names_are_unknown_is_named_over_chunks() -> None:
    """Three of the four names are unknown; a gap is no name."""
    surprises = UnseenValues(FEATURES)
    surprises.add(rows((1, 1, 0), (1, 1, 0), codes=(1, 0)), names("a", "one"))
    assert surprises.warning_text() == "; 1 categories were missing or unknown"  # one of two is not most of them
    surprises.add(rows((1, 1, 0), (1, 1, 0), (1, 1, 0), codes=(0, 0, 0)), names(None, "two", "three"))
    known = FEATURES.categorical[0]
    assert surprises.warning_text() == (
        f"; 4 categories were missing or unknown; 3 of 4 values of '{known.name}' are unknown, such as 'one' "
        f"(the train rows have {abbreviate(known.levels)}): are they written otherwise?"
    )


def test_gaps_alone_are_no_unknown_names() -> None:
    surprises = UnseenValues(FEATURES)
    surprises.add(rows((1, 1, 0), (1, 1, 0), codes=(0, 0)), names(None, None))
    assert surprises.warning_text() == "; 2 categories were missing or unknown"


def test_of_many_columns_of_unknown_names_three_are_told_and_the_others_named() -> None:
    known = FEATURES.categorical[0]
    many = [known.model_copy(update={"name": f"c{k}"}) for k in range(30)]
    surprises = UnseenValues(FEATURES.model_copy(update={"categorical": many}))
    encoded = EncodedFeatures(np.ones((1, 3), dtype=np.float32), np.zeros((1, 30), dtype=np.int32))
    surprises.add(encoded, pl.DataFrame({category.name: ["one"] for category in many}))
    said = surprises.warning_text()
    assert said.count("are they written otherwise?") == 3
    assert said.endswith("; so are most of 27 more: " + ", ".join(f"'c{k}'" for k in range(3, 23)) + " and 7 more")
