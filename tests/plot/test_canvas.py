from relight.plot.figures import short


def test_a_name_is_cut_before_its_dollars_are_escaped() -> None:
    assert short("plain") == "plain"
    assert short("$x_1$") == r"\$x_1\$"
    assert short("a label of more than twenty letters") == "a label of more tha…"
    assert short("$" * 30) == r"\$" * 19 + "…"
