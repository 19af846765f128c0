from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.data.schema import Column, Schema, Task
from relight.errors import InputError
from relight.split.assignment import NO_PART, PARTS, assign_parts
from relight.split.columns import columns_to_split
from relight.split.params import SplitParams

TRAIN, VALIDATION, TEST = 0, 1, 2


def schema(table: pl.DataFrame, task: Task = "regression") -> Schema:
    classes = sorted(table["y"].unique().to_list()) if task != "regression" else None
    columns = [Column(name=name, kind="ignored") for name in table.columns if name != "y"]
    return Schema(
        rows=table.height,
        target="y",
        targets=["y"],
        weight=None,
        task=task,
        classes=classes,
        columns=columns,
        generated=None,
        notes=[],
    )


def split(params: SplitParams, table: pl.DataFrame) -> np.ndarray:
    """Assign the parts as the stage does, with only the columns that the split reads."""
    known = schema(table, "regression" if table["y"].dtype.is_numeric() else "multiclass")
    return assign_parts(params, table.select(columns_to_split(params, known)), known)


def params(method: Any, **changed: Any) -> SplitParams:
    usual = {"column": None, "train": 0.8, "validation": 0.0, "test": 0.2, "seed": 42}
    return SplitParams(method=method, **{**usual, **changed})


def sizes(parts: np.ndarray) -> tuple[int, ...]:
    return tuple(int((parts == part).sum()) for part in (TRAIN, VALIDATION, TEST))


def numbered(n_rows: int) -> pl.DataFrame:
    return pl.DataFrame({"x": np.arange(n_rows, dtype=np.float64), "y": np.zeros(n_rows)})


@pytest.mark.parametrize("method", ["ordered", "random"])
@pytest.mark.parametrize(
    ("n_rows", "train", "validation", "test", "expected"),
    [
        (50, 0.8, 0.0, 0.2, (40, 0, 10)),  # the tutorial
        (10, 0.6, 0.2, 0.2, (6, 2, 2)),
        (11, 0.7, 0.2, 0.1, (8, 2, 1)),  # ends at round(7.7) = 8 and round(9.9) = 10
        (7, 0.5, 0.25, 0.25, (4, 1, 2)),  # ends at round(3.5) = 4 and round(5.25) = 5
        (2, 0.5, 0.0, 0.5, (1, 0, 1)),
        (1000, 0.1, 0.2, 0.7, (100, 200, 700)),  # 0.1 + 0.2 is not 0.3, and must not cost a row
    ],
)
def test_the_parts_have_the_sizes_worked_out_by_hand(
    method: str, n_rows: int, train: float, validation: float, test: float, expected: tuple[int, ...]
) -> None:
    parts = split(params(method, train=train, validation=validation, test=test), numbered(n_rows))
    assert sizes(parts) == expected


@settings(deadline=None)
@given(
    n_rows=st.integers(50, 300),
    hundredths=st.tuples(st.integers(5, 60), st.integers(5, 30)),
    method=st.sampled_from(["ordered", "random"]),
)
def test_every_row_has_one_part_and_no_part_is_more_than_a_row_off(
    n_rows: int, hundredths: tuple[int, int], method: str
) -> None:
    shares = [*hundredths, 100 - sum(hundredths)]
    train, validation, test = (share / 100 for share in shares)
    parts = split(params(method, train=train, validation=validation, test=test), numbered(n_rows))
    assert sum(sizes(parts)) == len(parts) == n_rows
    assert all(abs(100 * size - share * n_rows) <= 100 for size, share in zip(sizes(parts), shares, strict=True))


def test_ordered_keeps_the_first_rows_for_training_and_the_last_for_the_test() -> None:
    parts = split(params("ordered", train=0.5, validation=0.25, test=0.25), numbered(8))
    assert parts.tolist() == [TRAIN] * 4 + [VALIDATION] * 2 + [TEST] * 2


def test_random_depends_on_the_seed_alone() -> None:
    first, again = (split(params("random"), numbered(100)) for _ in range(2))
    other = split(params("random", seed=43), numbered(100))
    other_values = split(params("random"), numbered(100).select(pl.all() * 7))
    assert first.tolist() == again.tolist() == other_values.tolist()
    assert first.tolist() != other.tolist()
    assert first.tolist() != [TRAIN] * 80 + [TEST] * 20


def test_stratified_gives_each_class_the_same_shares() -> None:
    # 70 rows of a: 56, 7, 7; 30 of b: 24, 3, 3
    table = pl.DataFrame({"y": ["a", "b", "a", "a", "b", "a", "a", "b", "a", "a"] * 10})
    parts = split(params("stratified", train=0.8, validation=0.1, test=0.1), table)
    labels = table["y"].to_numpy()
    assert sizes(parts[labels == "a"]) == (56, 7, 7)
    assert sizes(parts[labels == "b"]) == (24, 3, 3)


def test_stratified_depends_on_the_seed() -> None:
    table = pl.DataFrame({"y": ["a", "b"] * 50})
    first, again, other = (split(params("stratified", seed=seed), table).tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("n_small", "changed", "problem"),
    [
        (1, {}, "class 'b' has 1 row, too few"),
        (2, {}, "class 'b' has 2 rows, too few"),  # round(1.6) = 2 would train, and none be left to test
        (3, {"validation": 0.1, "test": 0.1}, "class 'b' has 3 rows, too few"),  # 2, round(2.7) - 2 = 1, 0
    ],
)
def test_stratified_refuses_a_class_that_some_part_would_lack(
    n_small: int, changed: dict[str, float], problem: str
) -> None:
    table = pl.DataFrame({"y": ["a"] * 40 + ["b"] * n_small})
    with pytest.raises(InputError, match=problem):
        split(params("stratified", **changed), table)


def test_stratified_refuses_a_quantity() -> None:
    with pytest.raises(InputError, match="the target is a quantity; use method: random"):
        split(params("stratified"), numbered(10))


def test_groups_of_one_size_are_shared_out_whole_by_the_fractions() -> None:
    # ten groups of three rows: eight train, one validates, one tests
    table = pl.DataFrame({"g": [f"group {k % 10}" for k in range(30)], "y": np.zeros(30)})
    parts = split(params("group", column="g", validation=0.1, test=0.1), table)
    assert sizes(parts) == (24, 3, 3)
    assert all(len(set(parts[k::10])) == 1 for k in range(10))


@settings(deadline=None)
@given(groups=st.lists(st.integers(0, 20), min_size=40, max_size=200), seed=st.integers(0, 5))
def test_no_group_stands_on_two_sides(groups: list[int], seed: int) -> None:
    groups = [*groups, *range(20), *range(20)]
    table = pl.DataFrame({"g": groups, "y": np.zeros(len(groups))})
    parts = split(params("group", column="g", train=0.5, validation=0.2, test=0.3, seed=seed), table)
    assert len({(group, part) for group, part in zip(groups, parts.tolist(), strict=True)}) == len(set(groups))
    assert sum(sizes(parts)) == len(groups)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("large", range(4))
def test_one_large_group_leaves_a_group_to_every_part(large: int, seed: int) -> None:
    # of 4 groups one has 97 of 100 rows, wherever the seed puts it; each part has one group, and one part has two
    groups = [large] * 97 + [group for group in range(4) if group != large]
    table = pl.DataFrame({"g": groups, "y": np.zeros(100)})
    parts = split(params("group", column="g", train=0.5, validation=0.2, test=0.3, seed=seed), table)
    of_group = dict(zip(groups, parts.tolist(), strict=True))
    assert set(of_group.values()) == {TRAIN, VALIDATION, TEST}


def test_groups_without_validation_go_to_train_and_test() -> None:
    table = pl.DataFrame({"g": ["a"] * 98 + ["b", "c"], "y": np.zeros(100)})
    for seed in range(6):
        parts = split(params("group", column="g", train=0.8, validation=0.0, test=0.2, seed=seed), table)
        assert set(parts.tolist()) == {TRAIN, TEST}


def test_groups_depend_on_the_seed_and_not_on_the_order_of_the_rows() -> None:
    table = pl.DataFrame({"g": [f"group {k % 10}" for k in range(30)], "y": np.zeros(30)})
    turned = table.reverse()
    first = split(params("group", column="g"), table)
    assert split(params("group", column="g"), turned).tolist() == first.tolist()[::-1]
    assert split(params("group", column="g", seed=1), table).tolist() != first.tolist()


@pytest.mark.parametrize(
    "times", [[3.0, 1.0, 5.0, 2.0, 4.0], ["2003", "2001", "2005", "2002", "2004"]], ids=["numbers", "texts"]
)
def test_time_trains_on_the_earliest_rows_and_tests_on_the_latest(times: list[Any]) -> None:
    table = pl.DataFrame({"when": times, "y": np.zeros(5)})
    parts = split(params("time", column="when", train=0.4, validation=0.2, test=0.4), table)
    assert parts.tolist() == [VALIDATION, TRAIN, TEST, TRAIN, TEST]  # ranks 3, 1, 5, 2, 4


def test_rows_of_the_same_time_keep_their_order() -> None:
    table = pl.DataFrame({"when": [1.0, 0.0, 1.0, 1.0], "y": np.zeros(4)})
    parts = split(params("time", column="when", train=0.5, test=0.5), table)
    assert parts.tolist() == [TRAIN, TRAIN, TEST, TEST]


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=10, max_size=100))
def test_no_train_row_is_later_than_a_test_row(times: list[int]) -> None:
    table = pl.DataFrame({"when": times, "y": np.zeros(len(times))})
    parts = split(params("time", column="when"), table)
    assert np.array(times)[parts == TRAIN].max() <= np.array(times)[parts == TEST].min()


def test_a_column_names_each_rows_part_in_any_case() -> None:
    names = ["train", "validation", "val", "valid", "test", "Train", "VAL", "TEST"]
    parts = split(params("column", column="part"), pl.DataFrame({"part": names, "y": np.zeros(8)}))
    assert parts.tolist() == [TRAIN, VALIDATION, VALIDATION, VALIDATION, TEST, TRAIN, VALIDATION, TEST]


def test_a_column_with_another_name_in_it_is_refused_with_that_name() -> None:
    table = pl.DataFrame({"part": ["train", "test", "holdout"], "y": np.zeros(3)})
    with pytest.raises(InputError, match=r"must hold train, validation \(or val, valid\) and test, got 'holdout'"):
        split(params("column", column="part"), table)


def test_a_column_without_test_rows_is_refused_with_the_counts() -> None:
    table = pl.DataFrame({"part": ["train", "val", "train"], "y": np.zeros(3)})
    with pytest.raises(InputError, match=r"part test gets no rows \(train 2, validation 1, test 0\)"):
        split(params("column", column="part"), table)


@pytest.mark.parametrize("method", ["group", "time", "column"])
def test_gaps_in_the_column_are_refused_with_their_number(method: str) -> None:
    table = pl.DataFrame({"c": ["train", None, "test", None], "y": np.zeros(4)})
    with pytest.raises(InputError, match=r"split\.column: 'c' has 2 gaps; fill them in"):
        split(params(method, column="c"), table)


def test_an_unknown_column_is_refused_with_the_nearest_one() -> None:
    table = pl.DataFrame({"group": ["a", "b"], "y": [0.0, 1.0]})
    with pytest.raises(InputError, match=r"split\.column: 'gruop' is not a column; did you mean 'group'\?"):
        split(params("group", column="gruop"), table)


@pytest.mark.parametrize(
    ("n_rows", "changed", "problem"),
    [
        (1, {}, r"part test gets no rows \(train 1, validation 0, test 0\)"),
        (2, {}, r"part test gets no rows \(train 2, validation 0, test 0\)"),
        # ends at round(1.8) = 2 and round(2.1) = 2
        (
            3,
            {"train": 0.6, "validation": 0.1, "test": 0.3},
            r"part validation gets no rows \(train 2, validation 0, test 1\)",
        ),
    ],
)
def test_a_part_without_rows_is_refused_with_the_counts(n_rows: int, changed: dict[str, float], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        split(params("ordered", **changed), numbered(n_rows))


@pytest.mark.parametrize(
    ("times", "latest"),
    [
        (["9", "10", "8", "11"], {1, 3}),  # texts of numbers sort as numbers, not as texts
        (["2024-01-31", "2023-12-01", "2024-02-01", "2022-05-05"], {0, 2}),
    ],
)
def test_texts_sort_by_time_as_they_should(times: list[str], latest: set[int]) -> None:
    params = SplitParams(method="time", column="t", train=0.5, validation=0.0, test=0.5, seed=1)
    parts = split(params, pl.DataFrame({"t": times, "y": [1.0, 2.0, 3.0, 4.0]}))
    assert set(np.flatnonzero(parts == PARTS.index("test"))) == latest


def test_a_date_that_begins_with_its_day_does_not_sort() -> None:
    params = SplitParams(method="time", column="t", train=0.5, validation=0.0, test=0.5, seed=1)
    with pytest.raises(InputError, match=r"split.column: 't' must hold numbers, or dates such as 2024-01-31, got '31"):
        split(params, pl.DataFrame({"t": ["31.01.2020", "01.02.2020"], "y": [1.0, 2.0]}))


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        (["2024-01-31", "2024-13-01"], "'2024-13-01'"),  # looks like a date, and is none
        (["2024-02-30", "2024-01-01"], "'2024-02-30'"),
        ([True, False], "'true'"),
    ],
)
def test_a_time_that_does_not_parse_is_refused_with_its_value(times: list[Any], problem: str) -> None:
    with pytest.raises(InputError, match=f"must hold numbers, or dates such as 2024-01-31, got {problem}"):
        split(params("time", column="t"), pl.DataFrame({"t": times, "y": [1.0, 2.0]}))


def test_gaps_of_a_time_are_nulls_nans_and_words_for_a_missing_value() -> None:
    for times in ([1.0, float("nan"), 2.0, None], ["2024-01-01", "NA", None, "2024-01-02"]):
        table = pl.DataFrame({"t": pl.Series(times, strict=False), "y": np.zeros(4)})
        with pytest.raises(InputError, match=r"split\.column: 't' has [12] gaps; fill them in"):
            split(params("time", column="t"), table)


def test_dates_of_every_type_sort_as_their_texts_do() -> None:
    written = ["2024-01-31T10:00", "2023-12-01", "2024-01-31 09:59", "2022-05-05", "2024-01-31"]  # ranks 5 2 4 1 3
    times = pl.Series([text.replace("T", " ") if ":" in text else f"{text} 00:00" for text in written])
    typed = times.str.to_datetime("%Y-%m-%d %H:%M")
    half = params("time", column="t", train=0.4, validation=0.2, test=0.4)
    for column in (pl.Series(written), typed, typed.dt.epoch("s"), pl.Series(written).cast(pl.Categorical)):
        parts = split(half, pl.DataFrame({"t": column, "y": np.zeros(5)}))
        assert parts.tolist() == [TEST, TRAIN, TEST, TRAIN, VALIDATION]


@pytest.mark.parametrize(
    ("n_rows", "fractions", "gap", "expected"),
    [
        # 10 - 2 rows are shared out: round(0.75 * 8) = 6 train, 2 left out, 2 test
        (10, (0.75, 0.0, 0.25), 2, "TTTTTT--EE"),
        # 12 - 2 * 1: ends at round(0.6 * 10) = 6 and round(0.8 * 10) = 8; one row before each of the later parts
        (12, (0.6, 0.2, 0.2), 1, "TTTTTT-VV-EE"),
    ],
)
def test_a_gap_leaves_rows_out_between_the_parts(
    n_rows: int, fractions: tuple[float, float, float], gap: int, expected: str
) -> None:
    train, validation, test = fractions
    asked = params("time", column="x", train=train, validation=validation, test=test, gap=gap)
    parts = split(asked, numbered(n_rows))
    assert "".join({TRAIN: "T", VALIDATION: "V", TEST: "E", NO_PART: "-"}[part] for part in parts) == expected
    turned = split(asked, numbered(n_rows).reverse())
    assert turned.tolist() == parts.tolist()[::-1]


def test_a_gap_that_leaves_no_rows_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"split\.gap: must leave a row for every part, got 9 with 10 rows; use a smaller gap"
    ):
        split(params("time", column="x", gap=9), numbered(10))


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=10, max_size=60), st.integers(1, 9))
def test_the_earliest_rows_are_those_of_a_stable_sort(times: list[int], tenths: int) -> None:
    parts = split(
        params("time", column="t", train=tenths / 10, test=1 - tenths / 10),
        pl.DataFrame({"t": times, "y": np.zeros(len(times))}),
    )
    order = np.argsort(times, kind="stable")
    assert parts[order].tolist() == sorted(parts.tolist())


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        (["a"] * 6, "'g' has only one group; choose a column with at least one group per part"),
        (["a", "b"] * 3, "'g' has 2 groups, too few for 3 parts"),
    ],
)
def test_fewer_groups_than_parts_are_refused(groups: list[str], problem: str) -> None:
    with pytest.raises(InputError, match=rf"split\.column: {problem}"):
        split(params("group", column="g", validation=0.1, test=0.1), pl.DataFrame({"g": groups, "y": np.zeros(6)}))


def test_groups_are_the_same_whatever_type_their_names_have() -> None:
    numbers = pl.Series([k * 7 % 10 for k in range(50)])
    columns = [numbers, numbers.cast(pl.Float64), numbers.cast(pl.String), numbers.cast(pl.String).cast(pl.Categorical)]
    first, *others = (split(params("group", column="g"), pl.DataFrame({"g": c, "y": np.zeros(50)})) for c in columns)
    assert {TRAIN, TEST} == set(first.tolist())
    assert all(other.tolist() == first.tolist() for other in others)


def test_a_split_asks_for_the_columns_that_it_reads() -> None:
    table = pl.DataFrame({"g": ["a", "b"], "y": ["u", "v"]})
    known = schema(table, "binary")
    asked = {method: columns_to_split(params(method), known) for method in ("ordered", "random", "stratified")}
    assert asked == {"ordered": [], "random": [], "stratified": ["y"]}
    assert columns_to_split(params("group", column="g"), known) == ["g"]


def test_parts_take_one_byte_a_row() -> None:
    table = pl.DataFrame({"g": ["train", "test", "val"] * 10, "x": np.arange(30), "y": ["a", "b", "c"] * 10})
    for method, column in (("random", None), ("stratified", None), ("time", "x"), ("column", "g")):
        assert split(params(method, column=column), table).dtype == np.int8
    assert split(params("random", folds=3), table).dtype == np.int8
