from relight.runtime.messages import pluralize


def test_one_has_no_s() -> None:
    assert [pluralize(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
