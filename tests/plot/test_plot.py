from pathlib import Path

import pytest

from relight.data.schema import Task
from relight.evaluate.params import EvaluateParams
from tests.evaluated_tables import EVERYTHING, OF_ROWS, Evaluated, files_of

TASKS = OF_ROWS
OF_COLUMNS = {"importance", "slices_1", "slices_2", "slices_3", "slices_4"}
PICTURES = {  # the score of classes is their loss: one curve says both
    "regression": {"loss", "score", "predicted", "residuals", "residuals_by_feature", *OF_COLUMNS},
    "binary": {"loss", "confusion", "roc", "calibration", *OF_COLUMNS},
    "multiclass": {"loss", "confusion", "roc", "calibration", *OF_COLUMNS},
    "distribution": {"loss", "score", "confusion", *OF_COLUMNS},
}


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_its_pictures_and_one_page_and_a_card_and_the_same_bytes_twice(
    task: Task, tmp_path: Path
) -> None:
    made = Evaluated(tmp_path / task, task, calibration="temperature" if task == "multiclass" else "none")
    evaluated = made.evaluate(EVERYTHING, "out")
    drawn = made.plot(evaluated, "drawn")
    assert {path.stem for path in (drawn / "plots").iterdir()} == PICTURES[task]
    page, card = (drawn / "report.html").read_text(), (drawn / "README.md").read_text()
    assert page.count("data:image/png;base64,") == len(PICTURES[task])
    for text in (
        "hist_gradient_boosting" if task != "distribution" else "linear",
        "95 % interval",
        "A note of prepare",
    ):
        assert text in page
        assert text.replace("_", r"\_") in card
    assert "<b>" not in page.replace("<body>", "")
    assert ("&lt;no&gt;" in page) == (task == "binary")
    assert files_of(made.plot(evaluated, "again")) == files_of(drawn)


def test_without_questions_the_page_and_the_card_say_less(tmp_path: Path) -> None:
    made = Evaluated(tmp_path / "binary", "binary")
    drawn = made.plot(made.evaluate(EvaluateParams(), "out"), "drawn")
    assert {path.stem for path in (drawn / "plots").iterdir()} == PICTURES["binary"] - OF_COLUMNS
    page = (drawn / "report.html").read_text()
    for heading in ("Other models", "Decision threshold", "Each seed by itself"):
        assert heading not in page
    assert "no temperature was fitted" in page
