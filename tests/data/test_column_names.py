from relight.data.text_columns import name_problems


def test_all_names_are_checked_at_once() -> None:
    assert name_problems(["a", "", "b", "a", "", "a", "b"]) == [
        "column 2 has no name; name it, or delete the column",
        "column 5 has no name; name it, or delete the column",
        "column 'a' occurs 3 times; rename one",
        "column 'b' occurs 2 times; rename one",
    ]
