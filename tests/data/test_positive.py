"""The positive class of two: by the params, by its name, or the rarer one."""

import pytest

from relight.data.positive import positive_by_name, positive_reason, with_positive_last
from relight.errors import ColumnError


@pytest.mark.parametrize(
    ("negative", "positive"),
    [
        ("0", "1"), ("-1", "1"), ("0", "2"), ("-1", "0.5"), ("0.0", "1.0"),
        ("false", "true"), ("False", "True"), ("FALSE", "TRUE"), ("F", "T"), ("f", "t"),
        ("no", "yes"), ("No", "Yes"), ("N", "Y"), ("n", "j"), ("nein", "ja"), ("non", "oui"), ("no", "sí"),
        ("no", "si"),
        ("não", "sim"), ("нет", "да"), ("否", "是"),
        ("negative", "positive"), ("Neg", "Pos"), ("N", "P"), ("-", "+"), ("off", "on"), ("absent", "present"),
        ("normal", "abnormal"),
        ("unknown", "yes"), ("maybe not", "TRUE"), ("no", "a recurrence"), ("negative", "covid"),
        ("not fraud", "fraud"), ("non-spam", "spam"), ("nonspam", "spam"), ("no_event", "event"),
        ("Not Legit", "legit"),
    ],
)  # fmt: skip
def test_a_name_that_means_yes_is_positive_whichever_is_the_rarer(negative: str, positive: str) -> None:
    for classes in ([negative, positive], [positive, negative]):
        assert positive_by_name(classes) == positive
        assert with_positive_last(classes, {positive: 99, negative: 1}, "auto") == [negative, positive]
        assert positive_reason(classes, "auto") == "by its name"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("fraud", "legit"), ("bad", "good"), ("1", "2"), ("2", "10"), ("-1", "0"), ("-2", "-1"), ("yes", "true"),
        ("false", "no"), ("y", "z"), ("notary", "tariff"), ("none", "some"), ("nan", "inf"), ("no", "no "),
    ],
)  # fmt: skip
def test_of_other_names_the_rarer_is_positive_and_of_equal_counts_the_later(one: str, other: str) -> None:
    assert positive_by_name([one, other]) is None
    assert with_positive_last([one, other], {one: 2, other: 3}, "auto") == [other, one]
    assert with_positive_last([one, other], {one: 3, other: 2}, "auto") == [one, other]
    assert with_positive_last([one, other], {one: 2, other: 2}, "auto") == [one, other]
    assert positive_reason([one, other], "auto") == "the rarer one; prepare.positive names another"


def test_the_params_decide_whatever_the_names_and_counts_are() -> None:
    counts = {"no": 1, "yes": 9}
    assert with_positive_last(["no", "yes"], counts, "no") == ["yes", "no"]
    assert with_positive_last(["False", "True"], {"False": 1, "True": 9}, "false") == ["True", "False"]
    assert with_positive_last(["A", "a"], {"A": 1, "a": 9}, "A") == ["a", "A"]  # both spellings exist
    assert positive_reason(["yes", "no"], "no") == "as prepare.positive says"


def test_a_class_that_does_not_exist_is_told_with_those_that_do() -> None:
    said = r"has the classes fraud and legit, and prepare\.positive must be one of them or auto, got 'fruad'; did you"
    with pytest.raises(ColumnError, match=said):
        with_positive_last(["fraud", "legit"], {"fraud": 1, "legit": 2}, "fruad")
    with pytest.raises(ColumnError, match=r"must be one of them or auto, got 'x'$"):
        with_positive_last(["fraud", "legit"], {"fraud": 1, "legit": 2}, "x")
    with pytest.raises(ColumnError, match=r"has 3 classes, and prepare\.positive must be auto: .*, got 'b'"):
        with_positive_last(["a", "b", "c"], {"a": 1, "b": 2, "c": 3}, "b")


def test_three_classes_stay_in_their_order() -> None:
    assert with_positive_last(["a", "b", "c"], {"a": 1, "b": 2, "c": 3}, "auto") == ["a", "b", "c"]
