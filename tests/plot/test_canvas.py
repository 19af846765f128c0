from relight.plot.canvas import short_label


def test_a_name_is_cut_before_its_dollars_are_escaped() -> None:
    assert short_label("plain") == "plain"
    assert short_label("$x_1$") == r"\$x_1\$"
    assert short_label("a label of more than twenty letters") == "a label of more tha…"
    assert short_label("$" * 30) == r"\$" * 19 + "…"
