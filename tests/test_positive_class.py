"""The class that the scores of two classes are about, from the table to metrics.json, show, report and card."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from pydantic import ValidationError
from sklearn import metrics as independent

from relight.commands import check
from relight.commands.show import show
from relight.compare.paired import Candidate
from relight.compare.predictions import parse_test_predictions
from relight.compare.runs import incomparable_reason
from relight.data.schema import SequenceParams
from relight.errors import InputError
from relight.evaluate.evaluate import evaluate
from relight.evaluate.params import EvaluateParams
from relight.model.params import ModelParams
from relight.plot.params import PlotParams
from relight.plot.plot import plot
from relight.prepare.pairs import clean_pairs
from relight.prepare.params import PrepareParams
from relight.prepare.sequences import clean_sequences
from relight.prepare.table import TableCleaner, clean_table
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained
from tests.repositories import REPOSITORY

SPELLINGS = {"names": ("legit", "fraud"), "numbers": ("0", "1"), "words": ("false", "true"), "text": ("no", "yes")}
OPTIMIZER = {"name": "adamw", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.0}
TRAINING = {
    "seed": 1, "epochs": 8, "seeds": 1, "batch_size": 32, "loss": "auto", "optimizer": OPTIMIZER,
    "early_stopping": {"patience": 5}, "device": "cpu", "threads": 1,
}  # fmt: skip


def payments(negative: str, positive: str, n_rows: int = 400) -> pl.DataFrame:
    """Three in twenty are positive, and mostly have a large amount."""
    draw = np.random.default_rng(3)
    is_positive = draw.random(n_rows) < 0.15
    amount = draw.normal(size=n_rows) + 2 * is_positive
    return pl.DataFrame({"amount": amount.round(4), "status": np.where(is_positive, positive, negative)})


def evaluated(folder: Path, table: pl.DataFrame, **asked: Any) -> dict[str, Any]:
    """Run the stages up to evaluate, and return metrics.json."""
    folder.mkdir(exist_ok=True)
    table.write_csv(folder / "table.csv")
    prepared_and_split(folder, {"target": "status", "task": "auto", **asked})
    mlp = {"n_blocks": 1, "d_block": 8, "dropout": 0.0}
    trained(
        folder,
        ModelParams.model_validate({"name": "mlp", "numeric": "standardize", "mlp": mlp}),
        TrainParams.model_validate(TRAINING),
    )
    evaluate(
        EvaluateParams(threshold="f1", bootstrap=20), weights=folder / "model.pth",
        description=folder / "model.json", schema=folder / "schema.json", table=folder / "rows",
        train_rows=folder / "train", validation_rows=folder / "validation", test_rows=folder / "test",
        metrics=folder / "metrics.json", reports=folder / "reports",
    )  # fmt: skip
    return dict(json.loads((folder / "metrics.json").read_text()))


def test_the_scores_are_those_of_the_rare_class_however_the_labels_are_written(tmp_path: Path) -> None:
    found = {
        name: evaluated(tmp_path / name, payments(negative, positive))
        for name, (negative, positive) in SPELLINGS.items()
    }
    for name, (_, positive) in SPELLINGS.items():
        assert found[name].pop("positive") == positive
    for name in ("words", "text"):  # their negative class comes first in the alphabet, so the split is the same
        assert found[name] == found["numbers"], name  # to the last bit
    table = pl.read_csv(tmp_path / "names/reports/predictions.csv")
    truth, probability = table["target"].to_numpy() == "fraud", table["probability_fraud"].to_numpy()
    said, scores = table["prediction"].to_numpy() == "fraud", found["names"]["test"]
    assert 0 < said.sum() < 30
    assert scores["average_precision"] == pytest.approx(independent.average_precision_score(truth, probability))
    assert scores["auc"] == pytest.approx(independent.roc_auc_score(truth, probability))
    assert scores["precision"] == pytest.approx(independent.precision_score(truth, said))
    assert scores["recall"] == pytest.approx(independent.recall_score(truth, said))
    assert scores["f1"] == pytest.approx(independent.f1_score(truth, said))
    threshold = found["names"]["threshold"]
    assert threshold["recall"] == pytest.approx(independent.recall_score(truth, probability >= threshold["value"]))


def test_the_params_name_the_class_and_every_page_says_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    scores = evaluated(folder, payments("legit", "fraud"), positive="legit")
    assert scores["positive"] == "legit"
    names = "precision, recall, F1, average precision and the threshold"
    sentence = f"The positive class, which {names} are about, is 'legit'."
    table = pl.read_csv(folder / "reports/predictions.csv")
    truth, probability = table["target"].to_numpy() == "legit", table["probability_legit"].to_numpy()
    expected = independent.average_precision_score(truth, probability)
    assert scores["test"]["average_precision"] == pytest.approx(expected)
    assert sentence in show(folder / "metrics.json", Path("report.html"), None)
    plot(
        PlotParams(dpi=40), all_params={"prepare": {"source": "a.csv"}}, schema=folder / "schema.json",
        split_report=folder / "report", description=folder / "model.json", curves=folder / "curves.csv",
        metrics=folder / "metrics.json", reports=folder / "reports", extra={}, plots=folder / "plots",
        page=folder / "report.html", card=folder / "README.md",
    )  # fmt: skip
    assert sentence in (folder / "README.md").read_text()
    assert sentence.replace("'", "&#39;") in (folder / "report.html").read_text()


def params_of(**changed: Any) -> PrepareParams:
    return PrepareParams.model_validate({"source": "t.csv", "target": "y", "task": "auto", "ignore": [], **changed})


def test_the_rarer_class_is_that_of_all_rows_and_not_of_the_first() -> None:
    raw = pl.DataFrame({"x": [f"{k}.5" for k in range(30)], "y": ["b"] * 8 + ["a"] * 2 + ["a"] * 20})
    cleaner = TableCleaner(raw.head(10), params_of(), is_whole=False)
    list(cleaner.clean(raw.iter_slices(7)))
    assert cleaner.schema().classes == ["a", "b"]  # 8 of 30, though 8 of the first 10
    assert clean_table(raw, params_of()).schema.classes == ["a", "b"]
    assert clean_table(raw, params_of(positive="a")).schema.classes == ["b", "a"]


def test_the_rarer_class_of_sequences_is_counted_by_sequences() -> None:
    """b has one sequence of 9 steps, a two of 2: the rarer is b."""
    steps = pl.DataFrame(
        {"who": [1] * 9 + [2] * 2 + [3] * 2, "t": [*range(9), 0, 1, 0, 1], "y": ["b"] * 9 + ["a"] * 4}
    ).with_columns(x=pl.col("t") * 0.5)
    order = SequenceParams(id="who", time="t")
    assert clean_sequences(steps, params_of(sequence=order)).schema.classes == ["a", "b"]
    assert clean_sequences(steps, params_of(sequence=order, positive="a")).schema.classes == ["b", "a"]
    with pytest.raises(InputError, match=r"prepare\.positive must be one of them or auto, got 'c'"):
        clean_sequences(steps, params_of(sequence=order, positive="c"))


def test_pairs_whose_labels_do_not_say_it_have_the_alike_class_named() -> None:
    raw = pl.DataFrame({"left_n": ["a", "b", "c"], "right_n": ["a", "x", "c"], "y": ["linked", "apart", "linked"]})
    with pytest.raises(InputError, match=r"or name the class in prepare\.positive"):
        clean_pairs(raw, params_of(task="similarity"))
    assert clean_pairs(raw, params_of(task="similarity", positive="linked")).schema.classes == ["apart", "linked"]


@pytest.mark.parametrize(
    ("given", "label"), [(1, "1"), (0, "0"), (1.0, "1"), (True, "true"), ("yes", "yes"), ("auto", "auto")]
)
def test_yaml_may_read_a_class_as_a_number_or_a_boolean(given: object, label: str) -> None:
    assert params_of(positive=given).positive == label


def test_true_in_the_params_is_the_true_of_the_table() -> None:
    raw = pl.DataFrame({"x": ["1.5", "2.5", "3.5"], "y": ["True", "False", "True"]})
    assert clean_table(raw, params_of(positive=False)).schema.classes == ["True", "False"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"positive": ""}, "must be auto or one of the two classes of the target"),
        ({"positive": ["a"]}, "must be auto or one of the two classes of the target"),
        ({"positive": "a", "task": "regression"}, r"must be auto with task: regression \(it is for two classes\)"),
        ({"positive": "a", "target": ["a", "b"]}, r"must be auto with task: distribution \(it is for two classes\)"),
    ],
)
def test_a_positive_class_of_another_task_is_refused_by_the_params(asked: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        params_of(**asked)


def test_a_positive_class_of_a_quantity_is_refused_by_the_table() -> None:
    raw = pl.DataFrame({"x": ["1", "2", "3"], "y": ["1.5", "2.5", "3.5"]})
    said = r"target 'y' holds quantities, and prepare\.positive must be auto: it is for two classes, got '1'"
    with pytest.raises(InputError, match=said):
        clean_table(raw, params_of(positive=1))


def run_of(name: str, classes: list[str], recorded: str | None) -> Candidate:
    share = np.linspace(0.1, 0.9, 20).round(2)
    table = pl.DataFrame(
        {"row": range(20), "target": ["a", "b"] * 10, "prediction": ["a"] * 20,
         f"probability_{classes[0]}": share, f"probability_{classes[1]}": 1 - share}
    ).cast(pl.String)  # fmt: skip
    positive = {} if recorded is None else {"positive": recorded}
    metrics = {"test": {"log_loss": 0.5, "f1": 0.5}, **positive}
    return Candidate(name, name, {}, metrics, {}, parse_test_predictions("multiclass", table, None, None), [])


def test_runs_about_different_classes_are_not_compared() -> None:
    of_b = run_of("one", ["a", "b"], "b")
    reason = incomparable_reason(of_b, run_of("two", ["b", "a"], "a"))
    assert reason == "not comparable: the positive class is a here, b there"
    assert incomparable_reason(of_b, run_of("two", ["a", "b"], "b")) == ""


def test_a_run_whose_metrics_do_not_name_the_class_is_compared_by_its_predictions() -> None:
    of_b = run_of("one", ["a", "b"], "b")
    assert incomparable_reason(run_of("old", ["a", "b"], None), of_b) == ""
    reason = incomparable_reason(run_of("old", ["b", "a"], None), of_b)
    assert reason == "not comparable: the positive class of the two runs is not the same"


def test_check_says_which_class_it_is_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    asked = yaml.safe_load((REPOSITORY / "recipes/table.yaml").read_text())

    def said(table: pl.DataFrame, **more: Any) -> str:
        table.write_csv("t.csv")
        asked["prepare"] |= {"source": "t.csv", "target": "status", "positive": "auto", **more}
        Path("params.yaml").write_text(yaml.safe_dump(asked))
        return check.check(Path("params.yaml"))

    rarer = "the rarer one; prepare.positive names another"
    assert f"\npositive class fraud: {rarer}\n" in said(payments("legit", "fraud"))
    assert "\npositive class 1: by its name\n" in said(payments("0", "1"))
    assert "\npositive class legit: as prepare.positive says\n" in said(payments("legit", "fraud"), positive="legit")
    amounts = payments("legit", "fraud").with_columns(status=pl.col("amount") / 7)
    assert "positive class" not in said(amounts)
    with pytest.raises(InputError, match=r"has the classes fraud and legit, and .*, got 'fruad'; did you mean fraud\?"):
        said(payments("legit", "fraud"), positive="fruad")
    monkeypatch.setattr(check, "MAX_CHECKED_BYTES", 0)
    assert f"\npositive class fraud in these rows: {rarer}\n" in said(payments("legit", "fraud"))
    assert "positive class" not in said(amounts)
