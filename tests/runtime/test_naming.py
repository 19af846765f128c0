from relight.runtime.messages import did_you_mean


def test_a_near_miss_is_named() -> None:
    assert did_you_mean("specis", ["island", "species", "sex"]) == "; did you mean 'species'?"


def test_without_a_near_miss_the_columns_are_listed() -> None:
    assert did_you_mean("price", ["a", "b"]) == "; its columns are a, b"


def test_a_long_list_of_columns_is_cut() -> None:
    known = [f"c{k}" for k in range(21)]
    assert did_you_mean("price", known) == f"; its columns are {', '.join(known[:20])}, ..."


def test_a_name_that_is_taken_is_not_proposed() -> None:
    assert did_you_mean("garden", ["gardens", "floor"], taken=["gardens"]) == "; its columns are gardens, floor"
