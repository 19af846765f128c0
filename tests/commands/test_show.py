import json
from pathlib import Path

from relight.commands.show import show

METRICS = {
    "train": {"mae": 1.0},
    "validation": {},
    "test": {"mae": 2.0},
    "baseline": {"test": {"mae": 4.0}},
}


def test_without_references_there_is_one_table(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    assert show(tmp_path / "metrics.json", Path("report.html"), tmp_path / "speed.json").splitlines() == [
        "                        train             test  baseline (test)",
        "mae ↓                  1.0000           2.0000           4.0000",
        "",
        "Report: report.html",
    ]


def test_references_stand_beside_the_model(tmp_path: Path) -> None:
    more = {
        "references": {"hist_gradient_boosting": {"test": {"mae": 3.0}}},
        "intervals": {"test": {"mae": [1.5, 2.5]}},
        "parameters": {"weight": {"learned": 0.5, "true": 0.75}},
    }
    (tmp_path / "metrics.json").write_text(json.dumps({**METRICS, **more}))
    assert show(tmp_path / "metrics.json", Path("report.html"), tmp_path / "speed.json").splitlines()[2:] == [
        "",
        "test                    model     95 % interval  hist_gradient_boosting         baseline",
        "mae ↓                  2.0000  1.5000 to 2.5000                  3.0000           4.0000",
        "weight: learned 0.5000, true 0.7500",
        "",
        "Report: report.html",
    ]


def test_the_speed_of_the_last_training_here_is_said(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    facts = {
        "rows_per_second": 57000,
        "epochs": 40,
        "seconds": 12.34,
        "device": "cpu",
        "device_name": "x",
        "threads": 2,
    }
    (tmp_path / "speed.json").write_text(json.dumps(facts))
    said = show(tmp_path / "metrics.json", Path("report.html"), tmp_path / "speed.json").splitlines()
    assert said[3] == "Last training here: 57,000 rows/s, 40 epochs in 12.3 s on cpu (x), 2 threads"
