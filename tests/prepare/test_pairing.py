import polars as pl
import pytest

from relight.errors import InputError
from relight.prepare.pairs import clean_pairs
from relight.prepare.params import PrepareParams
from tests.pair_tables import pairs


def params(**changes: object) -> PrepareParams:
    usual = {"source": "pairs.csv", "target": "match", "task": "similarity", "ignore": ["id"]}
    return PrepareParams.model_validate({**usual, **changes})


def kinds(table: pl.DataFrame, **changes: object) -> dict[str, tuple[str, bool]]:
    found = clean_pairs(table, params(**changes)).schema.pairs
    assert found
    return {column.name: (column.kind, column.is_text) for column in found.columns}


def test_kinds_are_found_from_both_sides_together() -> None:
    assert kinds(pairs(100)) == {
        "name": ("categorical", True),
        "house": ("numeric", True),
        "height": ("numeric", False),
        "place": ("categorical", False),
        "member": ("boolean", False),
        "born": ("datetime", False),
    }
    mixed = pl.DataFrame({"left_a": ["1", "2"], "right_a": ["1", "x"], "match": ["0", "1"]})
    assert kinds(mixed, ignore=[]) == {"a": ("categorical", False)}


def test_csv_texts_say_the_same() -> None:
    table = pairs(100)
    assert kinds(table.with_columns(pl.all().cast(pl.String))) == kinds(table)


def test_a_kind_may_be_asked_for_without_the_prefix() -> None:
    assert kinds(pairs(100), columns={"house": "categorical"})["house"] == ("categorical", True)
    assert kinds(pairs(100), columns={"left_house": "numeric"})["house"] == ("numeric", False)
    assert "place" not in kinds(pairs(100), ignore=["id", "place"])


def test_what_is_not_of_a_side_stays_in_the_table_and_is_said() -> None:
    table = pairs(40).with_columns(batch=pl.lit("first"))
    clean = clean_pairs(table, params())
    assert clean.rows.columns == [*table.columns[:-2], "batch", "match"]
    assert "Column 'batch' is of neither side, and is ignored." in clean.schema.notes
    assert not any("'left_id'" in note for note in clean.schema.notes)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["0", "1"], ["0", "1"]),
        (["true", "False"], ["False", "true"]),
        (["match", "nonmatch"], ["nonmatch", "match"]),
        (["Yes", "No"], ["No", "Yes"]),
        ([1.0, 0.0], ["0", "1"]),
        ([True, False], ["false", "true"]),
    ],
)
def test_the_class_that_is_alike_comes_last(labels: list[object], classes: list[str]) -> None:
    table = pl.DataFrame({"left_a": [1.0, 2.0], "right_a": [2.0, 3.0], "match": labels})
    assert clean_pairs(table, params(ignore=[])).schema.classes == classes


TINY = pl.DataFrame({"left_a": ["x", "y"], "right_a": ["x", "z"], "match": ["1", "0"]})


@pytest.mark.parametrize(
    ("table", "changes", "says"),
    [
        (
            TINY.with_columns(left_b=pl.lit(1), right_c=pl.lit(1)),
            {},
            "prepare.pairs: both sides must have every column, got left_b without right_b, "
            "right_c without left_c; add the missing column, or name the other one in prepare.ignore",
        ),
        (
            TINY.drop("right_a"),
            {},
            "prepare.pairs: pairs.csv must have columns of both sides, got none that begins with 'right_'; "
            "rename the columns, or set prepare.pairs to their prefixes, or to suffixes such as _l and _r",
        ),
        (TINY, {"pairs": {"left": "l_", "right": "r_"}}, "got none that begins with 'l_' or 'r_'"),
        (TINY.with_columns(match=pl.lit("1")), {}, "target 'match' has only one class ('1')"),
        (TINY.with_columns(match=pl.Series(["a", "b"])), {}, "must say which pairs are alike by 1, true, yes"),
        (TINY.with_columns(match=pl.Series(["1", None])), {}, "target 'match' has 1 missing value (row 2)"),
        (TINY, {"target": "label"}, "prepare.target: 'label' is not a column of pairs.csv"),
        (TINY, {"ignore": ["b"]}, "prepare.ignore: 'b' is not a column of pairs.csv"),
        (TINY, {"ignore": ["a"]}, "got none that begins with 'left_' or 'right_'"),
        (TINY, {"columns": {"a": "numeric"}}, "column 'a' of both sides row 1 must be a number, got 'x'"),
        (
            TINY,
            {"columns": {"left_a": "numeric", "right_a": "categorical"}},
            "column 'a' of both sides must have one kind in prepare.columns, got categorical, numeric",
        ),
        (TINY, {"target": ["match", "left_a"]}, "prepare.target: must be one column for similarity"),
        (
            pl.concat([TINY, TINY.with_columns(match=pl.lit("2"))]),
            {},
            "must have 2 classes for similarity, alike and not, got 3",
        ),
    ],
)
def test_what_is_wrong_is_said(table: pl.DataFrame, changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError) as caught:
        clean_pairs(table, params(**{"ignore": [], **changes}))
    assert any(says in problem for problem in caught.value.problems), caught.value.problems


def test_prefixes_that_do_not_tell_the_sides_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="tell the sides apart"):
        params(pairs={"left": "a", "right": "ab"})
