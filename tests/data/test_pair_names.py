import pytest

from relight.data.pair_names import bare_name, find_marks, shared_names, side_column


@pytest.mark.parametrize(
    ("mark", "column"), [("left_", "left_name"), ("_l", "name_l"), (".x", "name.x"), ("A-", "A-name")]
)
def test_a_mark_stands_before_or_behind_the_name(mark: str, column: str) -> None:
    assert side_column(mark, "name") == column
    assert bare_name(mark, column) == "name"
    assert bare_name(mark, "other") is None
    assert bare_name(mark, mark) is None  # nothing is left of it
    assert side_column("", "name") == "name"


USUAL = ("left_", "right_")


@pytest.mark.parametrize(
    ("columns", "marks"),
    [
        (["left_a", "right_a", "b_l", "b_r", "c_l", "c_r"], USUAL),  # what is asked for is there
        (["a_l", "b_l", "a_r", "b_r", "match"], ("_l", "_r")),
        (["a_1", "a_2", "l_b"], ("_1", "_2")),
        (["x_size", "y_size"], ("x_", "y_")),
        (["a", "b"], USUAL),
    ],
)
def test_usual_marks_are_found_if_no_column_has_the_default(columns: list[str], marks: tuple[str, str]) -> None:
    assert find_marks(USUAL, columns) == marks
    assert find_marks(("mine_", "yours_"), columns) == ("mine_", "yours_")


def test_what_both_sides_have() -> None:
    assert shared_names(("_l", "_r"), ["b_r", "b_l", "a_l", "a_r", "c_l"]) == ["b", "a"]
