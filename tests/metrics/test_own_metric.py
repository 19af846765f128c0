"""A metric of the user's own: what it is given, what it may return, and what is said if it is wrong."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from relight.errors import RelightError
from relight.metrics.own import OwnMetric, load_metric
from relight.own_code.calls import Call
from tests.own_projects import enter

METRICS = """\
import math

import numpy as np
from sklearn.metrics import mean_pinball_loss

from own_helpers import average


def pinball(y_true, y_pred, *, sample_weight=None, alpha=0.5):
    return mean_pinball_loss(y_true, y_pred, sample_weight=sample_weight, alpha=alpha)


library = mean_pinball_loss


def within(y_true, y_pred, sample_weight, share: float = 0.1):
    return average(np.abs(y_pred - y_true) <= share * np.abs(y_true), sample_weight)


class Within:
    def __init__(self, share):
        self.share = share

    def __call__(self, y_true, y_pred, sample_weight):
        return within(y_true, y_pred, sample_weight, self.share)


def integer(y_true, y_pred, sample_weight):
    return np.int64(3)


def flat(y_true, y_pred, sample_weight):
    return np.array(0.5)


def undefined(y_true, y_pred, sample_weight):
    return math.nan


def raises(y_true, y_pred, sample_weight):
    return [][len(y_true)]


def inside_numpy(y_true, y_pred, sample_weight):
    return np.linalg.inv(np.zeros((2, 2)))


def changes(y_true, y_pred, sample_weight):
    y_pred -= y_true
    return float(y_pred.mean())


def forgets(y_true, y_pred, sample_weight):
    y_true.mean()


def many(y_true, y_pred, sample_weight):
    return y_true - y_pred


def is_good(y_true, y_pred, sample_weight):
    return bool((y_true == y_pred).all())


def text(y_true, y_pred, sample_weight):
    return "0.5"


def swapped(y_pred, y_true, sample_weight):
    return 0.0


def two(y_true, y_pred):
    return 0.0


def needs_name(y_true, y_pred, sample_weight, name):
    return 0.0


constant = 0.5
"""
HELPERS = "def average(values, weight):\n    return float((values * weight).sum() / weight.sum())\n"
TRUE, SAID, WEIGHT = np.array([10.0, 10, 10, 0]), np.array([10.5, 9, 12, 0]), np.array([1.0, 2, 3, 2])


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_metrics=METRICS, own_helpers=HELPERS)


def metric(name: str, **settings: object) -> OwnMetric:
    call = Call(call=f"own_metrics:{name}", **settings)
    return load_metric(call, name=name, better="higher", key="evaluate.metrics.0")


def line_of(text: str) -> int:
    return METRICS.split("\n").index(text) + 1


@pytest.mark.parametrize(("share", "expected"), [(0.05, 3 / 8), (0.1, 5 / 8), (0.2, 1.0)])
def test_it_gets_its_settings_and_the_weights(share: float, expected: float) -> None:
    """Relative errors 0.05, 0.1, 0.2 and none, of weights 1, 2, 3 and 2."""
    assert metric("within", share=share)(TRUE, SAID, WEIGHT) == expected
    assert metric("Within", share=share)(TRUE, SAID, WEIGHT) == expected


@pytest.mark.parametrize("name", ["pinball", "library"])
def test_weights_are_given_by_name_if_it_takes_them_so(name: str) -> None:
    # (0.9 * max(y - f, 0) + 0.1 * max(f - y, 0)): 0.05, 0.9, 0.2, 0
    expected = (1 * 0.05 + 2 * 0.9 + 3 * 0.2) / 8
    assert metric(name, alpha=0.9)(TRUE, SAID, WEIGHT) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "value"), [("integer", 3.0), ("flat", 0.5)])
def test_numbers_of_numpy_are_numbers(name: str, value: float) -> None:
    result = metric(name)(TRUE, SAID, WEIGHT)
    assert (result, type(result)) == (value, float)


def test_a_score_that_is_not_defined_is_no_error_by_itself() -> None:
    assert np.isnan(metric("undefined")(TRUE, SAID, WEIGHT))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", f"own_metrics.py:{line_of('    return [][len(y_true)]')}: in raises: IndexError: list index"),
        ("inside_numpy", f"own_metrics.py:{line_of('    return np.linalg.inv(np.zeros((2, 2)))')}: in inside_numpy:"),
        ("changes", f"own_metrics.py:{line_of('    y_pred -= y_true')}: in changes: ValueError: output array is"),
        ("forgets", "must return one number, got None; it has no `return`?"),
        ("many", "must return one number, got an array of shape (4,)"),
        ("is_good", "must return one number, got bool False"),
        ("text", "must return one number, got str '0.5'"),
    ],
)
def test_a_bad_result_is_said_with_file_and_line(name: str, said: str) -> None:
    with pytest.raises(RelightError) as caught:
        metric(name)(TRUE, SAID, WEIGHT)
    (problem,) = caught.value.problems
    assert problem.startswith("evaluate.metrics.0: ")
    assert said in problem
    assert "own_metrics.py:" in problem


def test_an_exception_of_a_library_that_is_the_metric_is_said_too() -> None:
    with pytest.raises(RelightError, match=r"evaluate.metrics.0: own_metrics:library .*: ValueError: "):
        metric("library")(TRUE, SAID[:2], WEIGHT)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("swapped", {}, "must take (y_true, y_pred, sample_weight), got (y_pred, y_true, sample_weight)"),
        ("two", {}, "must take (y_true, y_pred, sample_weight), got 2 of 3 arguments"),
        ("within", {"shar": 0.1}, "evaluate.metrics.0.shar: is unknown to own_metrics:within (own_metrics.py:16)"),
        ("Within", {}, "own_metrics:Within (own_metrics.py:20) needs share; write it next to `call`"),
        ("needs_name", {}, "must not need name, which Relight reads itself; give the argument another name"),
        ("constant", {}, "must be a function or a class, got float 0.5"),
        ("withn", {}, "must have withn, got none; did you mean within?"),
    ],
)
def test_what_does_not_fit_is_said_before_it_is_called(name: str, settings: dict[str, float], said: str) -> None:
    with pytest.raises(RelightError) as caught:
        metric(name, **settings)
    assert said in str(caught.value)


@pytest.mark.parametrize("call", ["torch.nn:L1Loss", "subprocess:run", "missing.metrics:within"])
def test_it_is_the_project_s(call: str) -> None:
    with pytest.raises(RelightError, match=r"evaluate.metrics.0: .*must be a (function|module) of this project"):
        load_metric(Call(call=call), name="m", better="lower", key="evaluate.metrics.0")


def test_metrics_json_names_the_call_and_the_bytes_of_all_files_that_it_runs() -> None:
    entry = metric("within", share=0.2).entry()
    assert {key: entry[key] for key in ("name", "better", "call", "settings")} == {
        "name": "within", "better": "higher", "call": "own_metrics:within", "settings": {"share": 0.2},
    }  # fmt: skip
    assert entry["files"] == {
        name: hashlib.sha256(text.encode()).hexdigest()
        for name, text in (("own_helpers.py", HELPERS), ("own_metrics.py", METRICS))
    }
