"""A schedule of the user's own: a pure function of step and number of steps, tried before the first step."""

import sys
from pathlib import Path
from typing import Any

import pytest

from relight.errors import InputError, RelightError, RunError
from relight.own_code.calls import Call
from relight.train.optim.checks import assert_optimizer_fits
from relight.train.optim.own_schedule import MAX_TRIED_STEPS, own_schedule
from relight.train.optim.params import OptimizerCall, OptimizerParams, ScheduleParams
from relight.train.optim.schedules import build_schedule, depends_on_epochs
from relight.train.params import TrainParams
from tests.own_projects import enter, line_of

SCHEDULES = """\
import math
import random
import numpy

seen = []


def falls(step, n_steps, power=1.0):
    return (1 - step / n_steps) ** power


def numbers(step, n_steps):
    return numpy.float32(0.5) if step % 2 else numpy.float64(0.25) if step % 4 else step // 4


def watches(step, n_steps):
    seen.append((step, n_steps))
    return 1


class Falls:
    def __init__(self, power):
        self.power = power

    def __call__(self, step, n_steps):
        return (1 - step / n_steps) ** self.power


class Remembers:
    def __init__(self):
        self.rate = 1.0

    def __call__(self, step, n_steps):
        self.rate = 1.0 if step == 0 else self.rate * 0.9
        return self.rate


def throws(step, n_steps):
    return random.random()


def nothing(step, n_steps):
    math.cos(step / n_steps)


def wrong(step, n_steps, value=None, at=2):
    values = {"nan": math.nan, "inf": math.inf, "minus": -0.1, "text": "1", "true": True, "list": [1.0]}
    return 1.0 if step != at else values[value]


def divides(step, n_steps):
    return 1 / (n_steps - 1 - step)  # divides raises


def only_step(step):
    return 1.0


number = 3
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_rates=SCHEDULES)


def at(pattern: str) -> str:
    """File and line of the first match in the user's code."""
    return f"own_rates.py:{line_of(SCHEDULES, pattern)}"


def call(name: str, **settings: Any) -> Call:
    return Call(call=f"own_rates:{name}", **settings)


def rates(name: str, epochs: int, per_epoch: int, **settings: Any) -> list[float]:
    return rates_of(call(name, **settings), epochs, per_epoch)


def rates_of(own: Call, epochs: int, per_epoch: int) -> list[float]:
    schedule = build_schedule(own, peak=0.2, epochs=epochs, n_steps=lambda epochs: epochs * per_epoch)
    return [schedule.learning_rate(epoch, step) for epoch in range(epochs) for step in range(per_epoch)]


@pytest.mark.parametrize("name", ["falls", "Falls"])
def test_a_function_or_a_class_is_asked_for_the_factor_of_each_step(name: str) -> None:
    # (1 - step/4)² of 0.2
    assert rates(name, 2, 2, power=2.0) == pytest.approx([0.2, 0.1125, 0.05, 0.0125], rel=1e-12)


def test_any_real_number_of_at_least_0_is_a_factor() -> None:
    assert rates("numbers", 3, 2) == pytest.approx([0.0, 0.1, 0.05, 0.1, 0.2, 0.1])


def test_it_depends_on_the_number_of_epochs() -> None:
    assert depends_on_epochs(call("falls"))


@pytest.mark.parametrize("n_steps", [1, 2, 9, MAX_TRIED_STEPS + 7, 1_000_003])
def test_it_is_tried_at_all_steps_or_at_many_of_them(n_steps: int) -> None:
    own_schedule(call("watches"), n_steps)
    seen = sys.modules["own_rates"].seen
    steps = [step for step, _ in seen]
    assert {n for _, n in seen} == {n_steps}
    assert steps == [*sorted(set(steps)), *sorted(set(steps), reverse=True)]
    assert (min(steps), max(steps)) == (0, n_steps - 1)
    assert len(set(steps)) >= min(n_steps, MAX_TRIED_STEPS)
    assert len(steps) < 5 * MAX_TRIED_STEPS


HEAD = "train.schedule: own_rates:wrong (AT) must return a number of at least 0, got"


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("nothing", {}, "train.schedule: own_rates:nothing (AT) must return a number of at least 0, got "
         "None at step 0 of 20"),
        ("wrong", {"value": "nan"}, f"{HEAD} float nan at step 2 of 20"),
        ("wrong", {"value": "inf", "at": 19}, f"{HEAD} float inf at step 19 of 20"),
        ("wrong", {"value": "minus"}, f"{HEAD} float -0.1 at step 2 of 20"),
        ("wrong", {"value": "text"}, f"{HEAD} str '1' at step 2 of 20"),
        ("wrong", {"value": "true"}, f"{HEAD} bool True at step 2 of 20"),
        ("wrong", {"value": "list"}, f"{HEAD} list [1.0] at step 2 of 20"),
        ("wrong", {"valu": "nan"}, "train.schedule.valu: is unknown to own_rates:wrong (AT); did you mean"),
        ("divides", {}, "train.schedule: RAISED: in divides: ZeroDivisionError: division by zero"),
        ("throws", {}, "train.schedule: own_rates:throws (AT) must return the same factor each time"),
        ("Remembers", {}, "train.schedule: own_rates:Remembers (AT) must return the same factor each time"),
        ("Falls", {}, "train.schedule: own_rates:Falls (AT) needs power; write it next to `call`"),
        ("only_step", {}, "train.schedule: own_rates:only_step (AT) must take (step, n_steps), got 1 of 2"),
        ("fall", {}, "train.schedule: own_rates.py must have fall, got none; did you mean falls?"),
        ("number", {}, "train.schedule: own_rates:number must be a function or a class, got int 3 in own_rates.py"),
    ],
)  # fmt: skip
def test_one_that_breaks_the_contract_is_named_with_its_line(name: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(RelightError) as error:
        rates(name, 4, 5, **settings)
    (problem,) = error.value.problems
    assert problem.startswith(said.replace("AT", at(rf"(class|def) {name}\b")).replace("RAISED", at(f"{name} raises")))


def test_an_exception_is_of_the_users_code() -> None:
    with pytest.raises(RunError):
        rates("divides", 4, 5)


def train_params(optimizer: OptimizerParams | OptimizerCall, schedule: ScheduleParams | Call) -> TrainParams:
    sections = {"optimizer": optimizer.model_dump(), "schedule": schedule.model_dump()}
    usual = {"epochs": 2, "batch_size": 8, "loss": "auto", "early_stopping": None, "device": "cpu", "threads": 1}
    return TrainParams.model_validate({"seed": 1, **usual, **sections})


@pytest.mark.parametrize("name", ["torch.nn:Linear", "torch.optim:SGD"])
def test_a_class_of_torch_is_no_function(name: str) -> None:
    with pytest.raises(
        InputError, match=rf"must be a function \(step, n_steps\) of this project, got {name}; write one"
    ):
        assert_optimizer_fits(train_params(SGD, Call(call=name)), own_network=False)


def test_a_scheduler_of_torch_is_named_by_what_is_like_it() -> None:
    with pytest.raises(
        InputError, match=r"; train.schedule has one_cycle \(OneCycleLR\), step \(StepLR\) and cosine, or"
    ):
        rates_of(Call(call="torch.optim.lr_scheduler:OneCycleLR"), 1, 1)


SGD = OptimizerParams(name="sgd", learning_rate=0.1, weight_decay=0.0, momentum=0.0)


@pytest.mark.parametrize(
    "schedule",
    [call("falls"), ScheduleParams(name="cosine"), ScheduleParams(warmup=1), ScheduleParams(name="one_cycle")],
    ids=str,
)
def test_rprop_reads_no_schedule(schedule: Any) -> None:
    rprop = OptimizerCall.model_validate({"call": "torch.optim:Rprop", "learning_rate": 0.1})
    said = "train.schedule: must be constant without warmup for torch.optim:Rprop, which reads the learning rate"
    with pytest.raises(RelightError, match=said):
        assert_optimizer_fits(train_params(rprop, schedule), own_network=False)
    assert_optimizer_fits(train_params(rprop, ScheduleParams()), own_network=False)


def test_the_users_own_code_is_not_run_by_a_check(project: Path) -> None:
    (project / "own_broken.py").write_text("1 / 0\n")
    optimizer = OptimizerCall.model_validate({"call": "own_broken:Signs", "learning_rate": 0.1})
    assert_optimizer_fits(train_params(optimizer, Call(call="own_broken:falls")), own_network=True)
    assert "own_broken" not in sys.modules
