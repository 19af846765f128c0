from relight.domain.score_table import score_table

METRICS = {
    "train": {"mae": 0.123456, "r2": 0.9},
    "validation": {},
    "test": {"mae": 2000.25, "r2": -0.5},
    "baseline": {"train": {"mae": 7.0, "r2": 0.0}, "test": {"mae": 8.0}},
}


def test_there_is_a_column_for_each_part_with_scores_and_one_for_the_baseline() -> None:
    assert score_table(METRICS)["heads"] == ["train", "test", "baseline (test)"]


def test_there_is_a_line_for_each_score_with_the_way_that_is_better() -> None:
    assert score_table(METRICS)["rows"] == [
        {"name": "mae ↓", "values": ["0.1235", "2000.2", "8.0000"]},
        {"name": "r2 ↑", "values": ["0.9000", "-0.5000", "–"]},
    ]


def test_a_score_that_one_part_alone_has_keeps_its_line() -> None:
    metrics = {
        "train": {"accuracy": 1.0},
        "validation": {"auc": 0.5},
        "test": {"log_loss": 2.0},
        "baseline": {"test": {}},
    }
    assert score_table(metrics) == {
        "heads": ["train", "validation", "test", "baseline (test)"],
        "rows": [
            {"name": "accuracy ↑", "values": ["1.0000", "–", "–", "–"]},
            {"name": "auc ↑", "values": ["–", "0.5000", "–", "–"]},
            {"name": "log_loss ↓", "values": ["–", "–", "2.0000", "–"]},
        ],
    }
