import json

import polars as pl

from relight.data.features import Features, PairFeatures
from relight.export.pairs import pair_feeds, pair_input_columns, pairs_metadata
from relight.model.pairs import DistanceCalibration
from tests.saved_models import drawn_features

LEVELS = ("a", "b", "b b", "é")


def pairs_of(*texts: str) -> PairFeatures:
    return PairFeatures(left="a_", right="b_", texts=list(texts), n_letters=25, n_buckets=64)


def features(*texts: str, columns: str = "x c") -> Features:
    return drawn_features(columns, "binary").model_copy(update={"pairs": pairs_of(*texts)})


def test_the_columns_and_letters_of_the_left_side_come_before_those_of_the_right() -> None:
    side = {"x": None, "c": LEVELS, "letters": None}
    both = {f"{prefix}_{name}": levels for prefix in "ab" for name, levels in side.items()}
    assert list(pair_input_columns(features("name"), pairs_of("name")).items()) == list(both.items())
    assert "a_letters" not in pair_input_columns(features(), pairs_of())


def test_letters_are_never_called_like_a_column() -> None:
    known = features("name")
    called = known.categorical[0].model_copy(update={"name": "letters"})
    known = known.model_copy(update={"numeric": [], "categorical": [called]})
    assert list(pair_input_columns(known, pairs_of("name"))) == [
        "a_letters", "a_letters_", "b_letters", "b_letters_",
    ]  # fmt: skip


def test_each_input_is_there_under_its_name_with_a_row_for_each_pair() -> None:
    table = pl.DataFrame({"a_x": [1.5, None], "a_c": ["é", None], "a_name": ["Ab", None],
                          "b_x": [3.0, 4.0], "b_c": ["a", "a"], "b_name": ["b", "b"]})  # fmt: skip
    known, pairs = features("name", "x"), pairs_of("name", "x")
    given = pair_feeds(table, known, pairs)
    assert list(given) == list(pair_input_columns(known, pairs))
    assert {name: array.shape for name, array in given.items() if name.startswith("a_")} == {
        "a_x": (2, 1), "a_c": (2, 1), "a_letters": (2, 2, 25),
    }  # fmt: skip
    assert given["a_letters"][0, :, :4].tolist() == [[97, 98, 0, 0], [49, 46, 53, 0]]  # ab, 1.5
    assert given["a_letters"][1].any() == 0
    assert given["b_letters"][0, :, :2].tolist() == [[98, 0], [51, 0]]  # b, and 3 without .0
    assert given["a_c"].tolist() == [["é"], [""]]


def test_facts_are_texts_that_say_all_that_the_inputs_need() -> None:
    facts = pairs_metadata(features("name"), pairs_of("name"), DistanceCalibration(threshold=0.75, slope=9.0))
    assert facts["task"] == "binary"
    read = {name: json.loads(facts[name]) for name in ("sides", "numeric", "categories", "letters", "threshold")}
    assert read["letters"].pop("are").startswith("code points of the text in small letters")
    assert read == {
        "sides": ["a_", "b_"],
        "numeric": ["x"],
        "categories": [{"name": "c", "levels": list(LEVELS)}],
        "letters": {"columns": ["name"], "n_letters": 25},
        "threshold": 0.75,
    }
