import numpy as np
import pytest

from relight.evaluate.inputs import LabelledParts, LabelledRows
from relight.evaluate.params import EvaluateParams
from relight.evaluate.scores import score_notes
from tests.feature_tables import features_of, number


def parts(n_test: int, *names: str) -> LabelledParts:
    empty = np.empty((n_test, 0), np.float32), np.empty((n_test, 0), np.int32)
    rows = LabelledRows(*empty, np.zeros(n_test), np.arange(n_test), None)
    return dict.fromkeys(("train", "test", *names), rows)


@pytest.mark.parametrize(
    ("task", "params", "n_test", "found", "said"),
    [
        ("regression", {}, 199, [], ["The test part has 199 rows: its scores are rough."]),
        ("regression", {}, 200, [], []),
        ("regression", {"bootstrap": 1, "importance": 1}, 5000, [], []),
        (
            "regression",
            {"bootstrap": 1, "importance": 1},
            30_000,
            [],
            [
                "Intervals are of 20000 of the 30000 test rows, scaled to all of them.",
                "Importance is measured on 5000 of the 30000 test rows.",
            ],
        ),
        (
            "distribution",
            {"references": ["linear", "hist_gradient_boosting"]},
            300,
            ["linear"],
            ["No such reference for this target: hist_gradient_boosting."],
        ),
        ("binary", {"threshold": "f1"}, 300, [], []),
    ],
)
def test_what_was_done_otherwise_than_asked_is_said(
    task: str, params: dict[str, object], n_test: int, found: list[str], said: list[str]
) -> None:
    features = features_of([number("x", [0, 1])], task=task, target=[0, 1])
    asked = EvaluateParams.model_validate(params)
    assert score_notes(asked, features, parts(n_test, "validation"), found, calibrated=True) == said


def test_what_is_missing_without_validation_rows_and_without_a_temperature_is_said() -> None:
    features = features_of([number("x", [0, 1])], task="binary", target=[0, 1])
    asked = EvaluateParams(threshold="f1", references=["linear"])
    assert score_notes(asked, features, parts(300), ["linear"], calibrated=False) == [
        "The probabilities are as the network gave them: no temperature was fitted.",
        "The references were fitted without validation rows: with the usual penalty, and a tenth of the train rows "
        "to stop the trees.",
        "No threshold was chosen: there are no validation rows to choose it on.",
    ]
