from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.domain.splitting import PARTS, assign_parts
from relight.errors import InputError
from relight.params.split import SplitParams

TRAIN, VALIDATION, TEST = 0, 1, 2


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
    parts = assign_parts(params(method, train=train, validation=validation, test=test), numbered(n_rows), "y")
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
    parts = assign_parts(params(method, train=train, validation=validation, test=test), numbered(n_rows), "y")
    assert sum(sizes(parts)) == len(parts) == n_rows
    assert all(abs(100 * size - share * n_rows) <= 100 for size, share in zip(sizes(parts), shares, strict=True))


def test_ordered_keeps_the_first_rows_for_training_and_the_last_for_the_test() -> None:
    parts = assign_parts(params("ordered", train=0.5, validation=0.25, test=0.25), numbered(8), "y")
    assert parts.tolist() == [TRAIN] * 4 + [VALIDATION] * 2 + [TEST] * 2


def test_random_depends_on_the_seed_alone() -> None:
    first, again = (assign_parts(params("random"), numbered(100), "y") for _ in range(2))
    other = assign_parts(params("random", seed=43), numbered(100), "y")
    other_values = assign_parts(params("random"), numbered(100).select(pl.all() * 7), "y")
    assert first.tolist() == again.tolist() == other_values.tolist()
    assert first.tolist() != other.tolist()
    assert first.tolist() != [TRAIN] * 80 + [TEST] * 20


def test_stratified_gives_each_class_the_same_shares() -> None:
    # 70 rows of a: 56, 7, 7; 30 of b: 24, 3, 3
    table = pl.DataFrame({"y": ["a", "b", "a", "a", "b", "a", "a", "b", "a", "a"] * 10})
    parts = assign_parts(params("stratified", train=0.8, validation=0.1, test=0.1), table, "y")
    labels = table["y"].to_numpy()
    assert sizes(parts[labels == "a"]) == (56, 7, 7)
    assert sizes(parts[labels == "b"]) == (24, 3, 3)


def test_stratified_depends_on_the_seed() -> None:
    table = pl.DataFrame({"y": ["a", "b"] * 50})
    first, again, other = (assign_parts(params("stratified", seed=seed), table, "y").tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("n_small", "changed", "said"),
    [
        (1, {}, "class 'b' has 1 row, too few"),
        (2, {}, "class 'b' has 2 rows, too few"),  # round(1.6) = 2 would train, and none be left to test
        (3, {"validation": 0.1, "test": 0.1}, "class 'b' has 3 rows, too few"),  # 2, round(2.7) - 2 = 1, 0
    ],
)
def test_stratified_refuses_a_class_that_some_part_would_lack(
    n_small: int, changed: dict[str, float], said: str
) -> None:
    table = pl.DataFrame({"y": ["a"] * 40 + ["b"] * n_small})
    with pytest.raises(InputError, match=said):
        assign_parts(params("stratified", **changed), table, "y")


def test_stratified_refuses_a_quantity() -> None:
    with pytest.raises(InputError, match="the target is a quantity; use method: random"):
        assign_parts(params("stratified"), numbered(10), "y")


def test_groups_of_one_size_are_shared_out_whole_by_the_fractions() -> None:
    # ten groups of three rows: eight train, one validates, one tests
    table = pl.DataFrame({"g": [f"group {k % 10}" for k in range(30)], "y": np.zeros(30)})
    parts = assign_parts(params("group", column="g", validation=0.1, test=0.1), table, "y")
    assert sizes(parts) == (24, 3, 3)
    assert all(len(set(parts[k::10])) == 1 for k in range(10))


@settings(deadline=None)
@given(groups=st.lists(st.integers(0, 20), min_size=40, max_size=200), seed=st.integers(0, 5))
def test_no_group_stands_on_two_sides(groups: list[int], seed: int) -> None:
    groups = [*groups, *range(20), *range(20)]
    table = pl.DataFrame({"g": groups, "y": np.zeros(len(groups))})
    parts = assign_parts(params("group", column="g", train=0.5, validation=0.2, test=0.3, seed=seed), table, "y")
    assert len({(group, part) for group, part in zip(groups, parts.tolist(), strict=True)}) == len(set(groups))
    assert sum(sizes(parts)) == len(groups)


def test_groups_depend_on_the_seed_and_not_on_the_order_of_the_rows() -> None:
    table = pl.DataFrame({"g": [f"group {k % 10}" for k in range(30)], "y": np.zeros(30)})
    turned = table.reverse()
    first = assign_parts(params("group", column="g"), table, "y")
    assert assign_parts(params("group", column="g"), turned, "y").tolist() == first.tolist()[::-1]
    assert assign_parts(params("group", column="g", seed=1), table, "y").tolist() != first.tolist()


@pytest.mark.parametrize(
    "times", [[3.0, 1.0, 5.0, 2.0, 4.0], ["2003", "2001", "2005", "2002", "2004"]], ids=["numbers", "texts"]
)
def test_time_trains_on_the_earliest_rows_and_tests_on_the_latest(times: list[Any]) -> None:
    table = pl.DataFrame({"when": times, "y": np.zeros(5)})
    parts = assign_parts(params("time", column="when", train=0.4, validation=0.2, test=0.4), table, "y")
    assert parts.tolist() == [VALIDATION, TRAIN, TEST, TRAIN, TEST]  # ranks 3, 1, 5, 2, 4


def test_rows_of_the_same_time_keep_their_order() -> None:
    table = pl.DataFrame({"when": [1.0, 0.0, 1.0, 1.0], "y": np.zeros(4)})
    parts = assign_parts(params("time", column="when", train=0.5, test=0.5), table, "y")
    assert parts.tolist() == [TRAIN, TRAIN, TEST, TEST]


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=10, max_size=100))
def test_no_train_row_is_later_than_a_test_row(times: list[int]) -> None:
    table = pl.DataFrame({"when": times, "y": np.zeros(len(times))})
    parts = assign_parts(params("time", column="when"), table, "y")
    assert np.array(times)[parts == TRAIN].max() <= np.array(times)[parts == TEST].min()


def test_a_column_names_each_rows_part_in_any_case() -> None:
    names = ["train", "validation", "val", "valid", "test", "Train", "VAL", "TEST"]
    parts = assign_parts(params("column", column="part"), pl.DataFrame({"part": names, "y": np.zeros(8)}), "y")
    assert parts.tolist() == [TRAIN, VALIDATION, VALIDATION, VALIDATION, TEST, TRAIN, VALIDATION, TEST]


def test_a_column_with_another_name_in_it_is_refused_with_that_name() -> None:
    table = pl.DataFrame({"part": ["train", "test", "holdout"], "y": np.zeros(3)})
    with pytest.raises(InputError, match=r"must hold train, validation \(or val, valid\) and test, however: 'holdout'"):
        assign_parts(params("column", column="part"), table, "y")


def test_a_column_without_test_rows_is_refused_with_the_counts() -> None:
    table = pl.DataFrame({"part": ["train", "val", "train"], "y": np.zeros(3)})
    with pytest.raises(InputError, match=r"part test gets no rows \(train 2, validation 1, test 0\)"):
        assign_parts(params("column", column="part"), table, "y")


@pytest.mark.parametrize("method", ["group", "time", "column"])
def test_gaps_in_the_column_are_refused_with_their_number(method: str) -> None:
    table = pl.DataFrame({"c": ["train", None, "test", None], "y": np.zeros(4)})
    with pytest.raises(InputError, match=r"split\.column: 'c' has 2 gaps; fill them in"):
        assign_parts(params(method, column="c"), table, "y")


def test_an_unknown_column_is_refused_with_the_nearest_one() -> None:
    table = pl.DataFrame({"group": ["a", "b"], "y": [0.0, 1.0]})
    with pytest.raises(InputError, match=r"split\.column: 'gruop' is not a column; did you mean 'group'\?"):
        assign_parts(params("group", column="gruop"), table, "y")


@pytest.mark.parametrize(
    ("n_rows", "changed", "said"),
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
def test_a_part_without_rows_is_refused_with_the_counts(n_rows: int, changed: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        assign_parts(params("ordered", **changed), numbered(n_rows), "y")


@pytest.mark.parametrize(
    ("times", "latest"),
    [
        (["9", "10", "8", "11"], {1, 3}),  # texts of numbers sort as numbers, not as texts
        (["2024-01-31", "2023-12-01", "2024-02-01", "2022-05-05"], {0, 2}),
    ],
)
def test_texts_sort_by_time_as_they_should(times: list[str], latest: set[int]) -> None:
    params = SplitParams(method="time", column="t", train=0.5, validation=0.0, test=0.5, seed=1)
    parts = assign_parts(params, pl.DataFrame({"t": times, "y": [1.0, 2.0, 3.0, 4.0]}), "y")
    assert set(np.flatnonzero(parts == PARTS.index("test"))) == latest


def test_a_date_that_begins_with_its_day_does_not_sort() -> None:
    params = SplitParams(method="time", column="t", train=0.5, validation=0.0, test=0.5, seed=1)
    with pytest.raises(InputError, match=r"split.column: 't' must hold numbers, or dates as 2024-01-31, however: '31"):
        assign_parts(params, pl.DataFrame({"t": ["31.01.2020", "01.02.2020"], "y": [1.0, 2.0]}), "y")
