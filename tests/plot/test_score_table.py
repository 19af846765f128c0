from relight.plot.score_tables import reference_table, score_table, seeds_table, threshold_table

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


def test_references_stand_beside_the_model_with_its_interval_and_the_best_is_marked() -> None:
    metrics = {
        **METRICS,
        "test": {"rmse": 1.0, "r2": 0.5, "ece": 0.1},
        "baseline": {"test": {"rmse": 3.0, "r2": 0.0}},
        "references": {"linear": {"test": {"rmse": 1.0, "r2": 0.75}}},
        "intervals": {"test": {"rmse": [0.9, 1.125]}},
    }
    assert reference_table(metrics, "tabm") == {
        "heads": ["tabm", "95 % interval", "linear", "baseline"],
        "rows": [
            {"name": "r2 ↑", "values": ["0.5000", "–", "0.7500", "0.0000"], "best": 2},
            {"name": "rmse ↓", "values": ["1.0000", "0.9000 to 1.1250", "1.0000", "3.0000"], "best": 0},
        ],
    }


def test_a_reference_may_lack_a_score_and_the_baseline_may_be_the_best() -> None:
    metrics = {
        **METRICS,
        "test": {"precision": 0.5, "log_loss": 0.7},
        "baseline": {"test": {"log_loss": 0.6}},
        "references": {"linear": {"test": {"log_loss": 0.65}}, "other": {"test": {"precision": 0.75, "log_loss": 1.0}}},
    }
    assert reference_table(metrics, "mlp") == {
        "heads": ["mlp", "linear", "other", "baseline"],
        "rows": [
            {"name": "log_loss ↓", "values": ["0.7000", "0.6500", "1.0000", "0.6000"], "best": 3},
            {"name": "precision ↑", "values": ["0.5000", "–", "0.7500", "–"], "best": 2},
        ],
    }


def test_without_references_and_intervals_there_is_no_such_table() -> None:
    assert reference_table(METRICS, "mlp") is None


def test_the_threshold_stands_beside_one_half() -> None:
    metrics = {**METRICS, "test": {"f1": 0.5, "auc": 0.75}, "threshold": {"value": 0.3125, "f1": 0.625}}
    assert threshold_table(metrics) == {
        "heads": ["at 0.5", "at 0.3125"],
        "rows": [{"name": "f1 ↑", "values": ["0.5000", "0.6250"]}],
    }
    assert threshold_table(METRICS) is None


def test_seeds_have_a_mean_and_a_deviation() -> None:
    assert seeds_table({**METRICS, "seeds": {"test": {"mae": {"mean": 1.5, "std": 0.25}}}}) == {
        "heads": ["mean", "std"],
        "rows": [{"name": "mae ↓", "values": ["1.5000", "0.2500"]}],
    }
    assert seeds_table(METRICS) is None


def test_every_score_has_a_direction() -> None:
    lower = ("mae", "rmse", "mape", "median_ae", "log_loss", "brier", "kl_divergence", "ece", "ece_before")
    higher = ("r2", "auc", "average_precision", "accuracy", "balanced_accuracy", "precision", "recall", "f1", "top_1")
    names = dict.fromkeys((*lower, *higher), 1.0)
    rows = score_table({**METRICS, "test": names, "train": {}})["rows"]
    assert {row["name"] for row in rows} == {*(f"{n} ↓" for n in lower), *(f"{n} ↑" for n in higher)}
