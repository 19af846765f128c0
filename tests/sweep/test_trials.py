"""The value of a trial, and the table of the best ones, which fits the terminal and cannot steer it."""

from relight.sweep.trials import (
    SweepTrial,
    best_trials_table,
    format_trials,
    is_rung,
    rank_trials,
    trial_counts_text,
)

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


def test_rungs_are_few_and_do_not_depend_on_the_epochs() -> None:
    assert [epoch for epoch in range(1, 201) if is_rung(epoch)] == [4, 6, 9, 14, 21, 32, 48, 72, 108, 162]


def test_the_table_names_params_by_the_words_that_tell_them_apart() -> None:
    trials = [
        SweepTrial("s-0000", "complete", 2.0, {"a.x.rate": 0.1234567, "b.x.rate": None, "c.on": True}),
        SweepTrial("s-0001", "pruned", 0.1, {}),
        SweepTrial("s-0002", "complete", 1.0, {"a.x.rate": 1.0, "b.x.rate": 3, "c.on": False}),
    ]
    best = rank_trials(trials, maximize=False)
    assert [trial.name for trial in best] == ["s-0002", "s-0000"]
    assert [trial.name for trial in rank_trials(trials, maximize=True)] == ["s-0000", "s-0002"]
    table = best_trials_table(best, SweepTrial("default", "complete", None, {"a.x.rate": 5}), "score")
    assert table.heads == ["trial", "score", "a.x.rate", "b.x.rate", "on"]
    assert table.rows == [
        ["s-0002", "1", "1", "3", "false"],
        ["s-0000", "2", "0.12346", "-", "true"],
        ["default", "-", "5", "-", "-"],
    ]
    assert trial_counts_text(trials) == "3 trials: 2 complete, 1 ended early"
