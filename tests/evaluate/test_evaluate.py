import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn import metrics as independent

from relight.errors import InputError
from relight.evaluate.params import EvaluateParams
from tests.evaluated_tables import EVERYTHING, OF_ROWS, Evaluated, files_of

TASKS = OF_ROWS
CALIBRATED: dict[str, dict[str, Any]] = {
    task: {"calibration": "temperature"} if task in ("binary", "multiclass") else {} for task in TASKS
}
NOTHING = EvaluateParams()


@pytest.fixture(scope="module", autouse=True)
def settings_of_torch() -> Iterator[None]:
    """A workflow sets threads and determinism for its whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture(scope="module")
def trained(settings_of_torch: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evaluated]:  # noqa: ARG001
    """Each task, calibrated where it has probabilities, with two seeds."""
    folder = tmp_path_factory.mktemp("trained")
    return {task: Evaluated(folder / task, task, seeds=2, **CALIBRATED[task]) for task in TASKS}


@pytest.fixture(scope="module")
def evaluated(trained: dict[str, Evaluated]) -> dict[str, Path]:
    return {task: trained[task].evaluate(EVERYTHING, "everything") for task in TASKS}


def metrics_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "metrics.json").read_text())


def table_of(out: Path, name: str) -> pl.DataFrame:
    texts = {"value": pl.String} if name == "slices" else {}
    return pl.read_csv(out / f"reports/{name}.csv", schema_overrides=texts)


def test_every_table_has_the_same_columns_for_every_task(evaluated: dict[str, Path]) -> None:
    names = {
        "line", "residuals", "residuals_by_feature", "roc", "calibration", "classes", "importance", "slices",
    }  # fmt: skip
    for name in names:
        headers = {(out / f"reports/{name}.csv").read_text().splitlines()[0] for out in evaluated.values()}
        assert len(headers) == 1, name
    for task, out in evaluated.items():
        files = {path.stem for path in (out / "reports").iterdir()}
        assert files == {*names, "predictions", "notes"}, task


def test_what_there_is_to_say_of_each_task(evaluated: dict[str, Path]) -> None:
    common = {"train", "validation", "test", "baseline", "references", "intervals", "seeds"}
    expected = {task: common | ({"threshold", "positive"} if task == "binary" else set()) for task in TASKS}
    assert {task: set(metrics_of(out)) for task, out in evaluated.items()} == expected
    empty = {
        task: {p.stem for p in (out / "reports").glob("*.csv") if len(p.read_text().splitlines()) == 1}
        for task, out in evaluated.items()
    }
    of_classes = {"roc", "calibration", "classes"}
    of_numbers = {"residuals", "residuals_by_feature"}
    assert empty == {
        "regression": {"line", *of_classes},
        "binary": {"line", *of_numbers},
        "multiclass": {"line", *of_numbers},
        "distribution": {"line", *of_numbers, *of_classes},
    }


def test_the_scores_are_those_of_the_predictions_under_the_weights(
    trained: dict[str, Evaluated], evaluated: dict[str, Path]
) -> None:
    table = pl.read_csv(evaluated["binary"] / "reports/predictions.csv")
    weight = trained["binary"].table["w"].to_numpy()[table["row"].to_numpy()].astype(np.float32)
    truth = trained["binary"].table["y"].to_numpy()[table["row"].to_numpy()] == "yes"
    positive = table["probability_yes"].to_numpy()
    scores = metrics_of(evaluated["binary"])["test"]
    assert table["target"].to_list() == np.where(truth, "yes", "<no>").tolist()
    assert scores["auc"] == pytest.approx(independent.roc_auc_score(truth, positive, sample_weight=weight), rel=1e-6)
    assert scores["brier"] == pytest.approx(
        independent.brier_score_loss(truth, positive, sample_weight=weight), rel=1e-5
    )
    assert scores["f1"] == pytest.approx(independent.f1_score(truth, positive > 0.5, sample_weight=weight), rel=1e-6)


def test_two_runs_give_the_same_bytes(trained: dict[str, Evaluated], evaluated: dict[str, Path]) -> None:
    for task in ("regression", "multiclass"):
        again = trained[task].evaluate(EVERYTHING, "again")
        assert files_of(again) == files_of(evaluated[task]), task


@pytest.mark.parametrize(
    ("changed", "files"),
    [
        ({"references": []}, {"metrics.json"}),
        ({"slices": ["colour"]}, {"reports/slices.csv"}),
        ({"bootstrap": 21}, {"metrics.json", "reports/slices.csv"}),
        ({"importance": 4}, {"reports/importance.csv"}),
        ({"threshold": "none"}, {"metrics.json"}),
        ({"seed": 1}, {"metrics.json", "reports/slices.csv", "reports/importance.csv"}),
    ],
)
def test_every_option_changes_what_it_is_for_and_nothing_else(
    trained: dict[str, Evaluated], evaluated: dict[str, Path], changed: dict[str, Any], files: set[str]
) -> None:
    name = f"changed {next(iter(changed))}"
    out = files_of(trained["binary"].evaluate(EVERYTHING.model_copy(update=changed), name))
    before = files_of(evaluated["binary"])
    assert {path for path in before if out[path] != before[path]} == files


def test_slices_are_of_columns_that_the_model_does_not_see_too(evaluated: dict[str, Path]) -> None:
    table = table_of(evaluated["regression"], "slices")
    values = {c: set(table.filter(pl.col("column") == c)["value"]) for c in table["column"].unique()}
    assert values["colour"] == {"red", "blue", "$g_n$", "<b>"}
    assert values["when"] == {"2020", "2021", "2022"}
    assert len(values["id"]) == 21
    assert "other" in values["id"]
    assert "missing" in values["gaps"]
    assert len(values["gaps"]) == 6
    for column in values:
        rows = table.filter((pl.col("column") == column) & (pl.col("score") == "rmse"))["rows"].sum()
        assert rows == 120


def test_a_slice_that_is_no_column_is_refused_before_anything_is_written(trained: dict[str, Evaluated]) -> None:
    with pytest.raises(InputError, match=r"evaluate.slices: 'color' is not a column; did you mean 'colour'\?"):
        trained["binary"].evaluate(EvaluateParams(slices=["color"]), "refused")
    assert files_of(trained["binary"].folder / "refused") == {}


def test_the_temperature_moves_the_calibration_and_no_decision(evaluated: dict[str, Path]) -> None:
    for task in ("binary", "multiclass"):
        scores, bins = metrics_of(evaluated[task])["test"], table_of(evaluated[task], "calibration")
        assert scores["ece"] != scores["ece_before"]
        assert bins["when"].unique(maintain_order=True).to_list() == ["before", "after"]
        for when in ("before", "after"):
            assert bins.filter(pl.col("when") == when)["rows"].sum() == 120


def test_a_model_without_a_temperature_has_one_curve(tmp_path: Path) -> None:
    out = Evaluated(tmp_path / "plain", "binary", weighted=False).evaluate(NOTHING, "nothing")
    assert "ece_before" not in metrics_of(out)["test"]
    assert table_of(out, "calibration")["when"].unique().to_list() == ["before"]
    assert "no temperature was fitted" in (out / "reports/notes.json").read_text()
    assert "seeds" not in metrics_of(out)


def test_the_answers_of_two_seeds_are_the_mean_of_the_answers_of_each(tmp_path: Path) -> None:
    """The first seed is also the first member: its scores have to be among those of both."""
    both = Evaluated(tmp_path / "both", "regression", seeds=2, epochs=3, early_stopping=None).evaluate(NOTHING, "out")
    seeds = metrics_of(both)["seeds"]["test"]["rmse"]
    singles = [
        metrics_of(
            Evaluated(tmp_path / f"one {seed}", "regression", seed=seed, epochs=3, early_stopping=None).evaluate(
                NOTHING, "out"
            )
        )["test"]["rmse"]
        for seed in (1, 2)
    ]
    assert metrics_of(both)["test"]["rmse"] <= seeds["mean"]  # the error of a mean is at most the mean error
    assert seeds["mean"] == pytest.approx(np.mean(singles), rel=0.1)
    assert seeds["std"] > 0


def test_the_column_that_the_target_is_made_of_is_the_most_important(evaluated: dict[str, Path]) -> None:
    for task, out in evaluated.items():
        table = table_of(out, "importance")
        assert table["column"][0] == "x", task
        assert set(table["column"]) == {"x", "gaps", "colour", "when", "flag"}
        assert table["importance"].is_sorted(descending=True)
