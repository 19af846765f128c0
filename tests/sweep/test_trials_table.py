"""Trials fit the terminal, and what is in them cannot steer it."""

from relight.sweep.trials import format_trials

HEADS = ["trial", "validation score", "learning_rate", "weight_decay", "n_blocks", "dropout", "numeric"]
ROWS = [["sweep-0001", "0.1", "0.0031234", "1.2e-05", "2", "0.2345", "quantile_normal"], ["params.yaml"] + ["-"] * 6]


def test_a_table_is_as_wide_as_the_terminal_lets_it_be() -> None:
    wide, narrow = (format_trials(HEADS, ROWS, width=width).splitlines() for width in (160, 80))
    assert wide[0].split() == ["trial", "validation", "score", *HEADS[2:]]
    assert len(wide) == 3
    assert max(map(len, narrow)) <= 80
    assert any(line.split() == ROWS[0] for line in narrow)  # no value is broken


def test_markup_in_a_value_is_text() -> None:
    assert "[red]x[/red]" in format_trials(["a", "b"], [["n", "[red]x[/red]"], ["m", "y"]], width=80)
