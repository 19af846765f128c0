"""Contracts of own code: the example keeps them, and each way to break one is said in a sentence with its line."""

import sys
from pathlib import Path

import pytest
import torch

from relight.commands.contract import run_contract
from relight.errors import InputError
from relight.testing import ContractError, check_loss, check_metric, check_network, check_schedule
from tests.own_projects import CODES, copy_houses, enter

NETWORKS = '''\
import random
import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self, d_in, d_out, width=8):
        super().__init__()
        self.first, self.last = nn.Linear(d_in, width), nn.Linear(width, d_out)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


class Dropped(Plain):
    def forward(self, x):
        return self.last(nn.functional.dropout(torch.relu(self.first(x)), 0.5, self.training))


class Unused(Plain):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        self.forgotten = nn.Linear(3, 3)


class Late(Plain):
    """Begins at 0 behind the first layer, which gets a gradient from the second step on."""

    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        nn.init.zeros_(self.last.weight)


class Batch(Plain):
    def forward(self, x):
        return self.last(torch.relu(self.first(x - x.mean(dim=0))))


class Norm(Plain):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x):
        return self.last(torch.relu(self.norm(self.first(x))))


class Counts(Plain):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        return super().forward(x) * (1 + 0.1 * self.calls)


class Random(Plain):
    def forward(self, x):
        return super().forward(x) * (1 + random.random() * self.training)


class OneWide(Plain):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, 1)


class NoSingle(Plain):
    def forward(self, x):
        if len(x) < 2:
            raise ValueError("too few rows")
        return super().forward(x)


class Looped(Plain):
    def forward(self, x):
        return super().forward(x) * (2 if x.sum().item() > 0 else 1)


class Steps(nn.Module):
    def __init__(self, d_in, d_out, length):
        super().__init__()
        self.layer = nn.Linear(length * d_in, d_out)

    def forward(self, x, lengths):
        return self.layer(x.flatten(1))


class Future(nn.Module):
    def __init__(self, d_in, d_out, length, d_future):
        super().__init__()
        self.past, self.future = nn.Linear(length * d_in, d_out), nn.Linear(d_future, d_out)

    def forward(self, x, lengths, future):
        return self.past(x.flatten(1)) + self.future(future.mean(dim=1))
'''
FUNCTIONS = """\
import numpy as np
import torch


def fine(outputs, targets, sample_weight):
    return ((outputs - targets).square().mean(dim=1) * sample_weight).sum() / sample_weight.sum()


def for_codes(outputs, targets, sample_weight):
    losses = torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
    return (losses * sample_weight).mean()


def rows(outputs, targets, sample_weight):
    return (outputs - targets).square() * sample_weight.unsqueeze(1)


def weightless(outputs, targets, sample_weight):
    return (outputs - targets).square().mean()


def detached(outputs, targets, sample_weight):
    return (outputs.detach() - targets).square().mean()


def not_finite(outputs, targets, sample_weight):
    return (outputs - 100 - outputs).log().sum()


def chance(outputs, targets, sample_weight):
    return fine(outputs, targets, sample_weight) * torch.rand(())


def number(outputs, targets, sample_weight):
    return 1.0


def raises(outputs, targets, sample_weight):
    return outputs / targets.values["y"]


def mae(y_true, y_pred, sample_weight):
    return np.average(np.abs(y_true - y_pred), weights=sample_weight)


def accuracy(y_true, y_pred, sample_weight):
    return float(np.average(y_pred.argmax(axis=1) == y_true, weights=sample_weight))


def no_weights(y_true, y_pred, sample_weight):
    return float(np.abs(y_true - y_pred).mean())


def first_row(y_true, y_pred, sample_weight):
    return float(abs(y_true[0] - y_pred[0]))


def sorts(y_true, y_pred, sample_weight):
    y_true.sort()
    return 1.0


def nothing(y_true, y_pred, sample_weight):
    return None


def linear(step, n_steps):
    return 1 - step / n_steps


def divides(step, n_steps):
    return step / (n_steps - 1)


def none(step, n_steps):
    pass


def negative(step, n_steps):
    return 0.5 - step


calls = []


def remembers(step, n_steps):
    calls.append(step)
    return len(calls)


def zero(step, n_steps):
    return 0
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_houses(tmp_path)
    return enter(tmp_path, monkeypatch, tried_nets=NETWORKS + CODES, tried_functions=FUNCTIONS)


def test_the_example_keeps_every_contract() -> None:
    facts = check_network("houses.networks:ResidualMlp", d_block=16)
    assert [fact.skipped for fact in facts] == [""] * 10
    check_loss("houses.losses:pinball", quantile=0.9)
    check_metric("houses.metrics:within", share=0.2)
    check_schedule("houses.schedules:one_cycle", peak=0.3)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *(("Plain", {"width": 5}), ("Dropped", {}), ("Late", {}), ("Norm", {})),
        *(("Future", {}), ("Codes", {"input": "columns"})),
    ],
)
def test_networks_of_each_kind_keep_it(name: str, settings: dict[str, object]) -> None:
    before = torch.get_rng_state()
    assert len(check_network(f"tried_nets:{name}", **settings)) == 10
    assert torch.equal(torch.get_rng_state(), before)


def failures(check: object, name: str) -> dict[str, str]:
    with pytest.raises(ContractError) as error:
        check(name)  # type: ignore[operator]
    lines = [line.removeprefix("fails    ").split(": ", 1) for line in str(error.value).splitlines()]
    return dict(lines)


@pytest.mark.parametrize(
    ("name", "fact", "said"),
    [
        ("Unused", "gradients reach every parameter", "forgotten.weight, forgotten.bias got none in 4 steps; use it"),
        ("Batch", "one row gets the answer that it gets in a batch", "the answers differ by "),
        ("Counts", "a state_dict makes another copy answer the same", "the copy answers otherwise; keep all state"),
        ("Counts", "a training that is resumed in mid-epoch ends with the same bits", "first.weight, first.bias"),
        ("Random", "the same seed gives the same bits", "first.weight, first.bias, "),
        ("OneWide", "made with d_out=3, it returns (n_rows, 3)", "tried_nets:OneWide (tried_nets.py:"),
        ("NoSingle", "one row gets the answer that it gets in a batch", "tried_nets.py:71: in forward: ValueError"),
        ("Looped", "pt2 export answers the same", "tried_nets.py:77: cannot be exported: "),
        ("Looped", "ONNX export answers the same", "tried_nets.py:77: cannot be exported: "),
    ],
)
def test_each_way_to_break_the_contract_of_a_network_is_said(name: str, fact: str, said: str) -> None:
    assert failures(check_network, f"tried_nets:{name}")[fact].startswith(said)


@pytest.mark.parametrize("name", ["tried_functions:fine", "tried_functions:for_codes"])
def test_losses_of_numbers_and_of_codes_keep_it(name: str) -> None:
    assert [fact.problem for fact in check_loss(name)] == [""] * 4


@pytest.mark.parametrize(
    ("name", "fact", "said"),
    [
        ("rows", "it returns one finite number", "train.loss: tried_functions:rows (tried_functions.py:14) must ret"),
        ("number", "it returns one finite number", "train.loss: tried_functions:number (tried_functions.py:34) "),
        ("not_finite", "it returns one finite number", "it returns nan"),
        ("weightless", "rows count by their weight", "a row of weight 0 still counts; multiply"),
        ("detached", "the gradient reaches the outputs", "train.loss: tried_functions:detached (tried_functions"),
        ("chance", "the same rows give the same bits", "two calls differ"),
        ("raises", "it returns one finite number", "train.loss: tried_functions.py:39: in raises: "),
    ],
)
def test_each_way_to_break_the_contract_of_a_loss_is_said(name: str, fact: str, said: str) -> None:
    assert failures(check_loss, f"tried_functions:{name}")[fact].startswith(said)


@pytest.mark.parametrize("name", ["mae", "accuracy"])
def test_metrics_of_numbers_and_of_classes_keep_it(name: str) -> None:
    assert [fact.problem for fact in check_metric(f"tried_functions:{name}")] == [""] * 3


@pytest.mark.parametrize(
    ("name", "fact", "said"),
    [
        ("no_weights", "rows count by their weight", "a row of weight 2 and that row twice give "),
        ("first_row", "the order of the rows does not matter", "rows and the same rows reversed give "),
        ("sorts", "it returns one finite number", "evaluate.metrics: tried_functions.py:59: in sorts: ValueError"),
        ("nothing", "it returns one finite number", "evaluate.metrics: tried_functions:nothing (tried"),
    ],
)
def test_each_way_to_break_the_contract_of_a_metric_is_said(name: str, fact: str, said: str) -> None:
    assert failures(check_metric, f"tried_functions:{name}")[fact].startswith(said)


def test_a_schedule_keeps_it() -> None:
    assert [fact.problem for fact in check_schedule("tried_functions:linear")] == [""] * 4


@pytest.mark.parametrize(
    ("name", "fact", "said"),
    [
        ("divides", "a training of one step has a factor", "tried_functions.py:72: in divides: ZeroDivision"),
        ("none", "each factor is a finite number of at least 0", "at step 0 of 10 it returns None; return a number"),
        ("negative", "each factor is a finite number of at least 0", "at step 1 of 10 it returns -0.5; return"),
        ("remembers", "the factor depends on the step only", "it remembers earlier calls"),
        ("zero", "some factor is larger than 0", "it is 0 at every step"),
    ],
)
def test_each_way_to_break_the_contract_of_a_schedule_is_said(name: str, fact: str, said: str) -> None:
    assert failures(check_schedule, f"tried_functions:{name}")[fact].startswith(said)


def test_without_the_packages_of_the_export_its_facts_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relight.extras.find_spec", lambda _name: None)
    facts = check_network("tried_nets:Plain")
    needed = "relight export needs onnx, onnxruntime and onnxscript; pip install 'relight[export]'"
    assert [str(fact) for fact in facts if fact.skipped] == [
        f"skipped  pt2 export answers the same: {needed}",
        f"skipped  ONNX export answers the same: {needed}",
    ]


def test_a_class_is_taken_as_well_as_its_name(project: Path) -> None:
    sys.path.append(str(project))
    from tried_nets import Plain  # type: ignore[import-not-found]

    assert len(check_network(Plain, width=3)) == 10


def run(name: str, *settings: str, kind: str | None = None) -> tuple[str, list[str]]:
    return run_contract(name, list(settings), kind, Path("params.yaml"))


def test_the_command_prints_a_line_for_each_fact() -> None:
    text, problems = run("tried_nets:Plain", "width=5")
    assert problems == []
    assert text.splitlines()[:2] == [
        "holds    made with d_out=1, it returns (n_rows, 1)",
        "holds    made with d_out=3, it returns (n_rows, 3)",
    ]
    assert len(text.splitlines()) == 10
    text, problems = run("tried_functions:weightless", kind="loss")
    assert "fails    rows count by their weight: a row of weight 0 still counts" in text
    assert problems == [
        "tried_functions:weightless: 1 fact of 4 of the contract of a loss must hold and did not",
    ]


def test_kind_and_settings_are_those_of_params_yaml(project: Path) -> None:
    (project / "params.yaml").write_text(
        "train: {loss: {call: 'houses.losses:pinball', quantile: 0.9}}\n"
        "evaluate: {metrics: [{call: 'houses.metrics:within', share: 0.2, better: higher}]}\n",
        encoding="utf-8",
    )
    for name in ("houses.losses:pinball", "houses.metrics:within"):
        assert run(name)[1] == []
    with pytest.raises(InputError, match=r"train.loss.quantil: is unknown to houses.losses:pinball"):
        run("houses.losses:pinball", "quantil=0.5")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tried_nets.Plain"], 'tried_nets.Plain: must be "module:name"'),
        (["tried_functions:fine"], "--as: must be one of network, loss, metric, schedule, optimizer, reader, got none"),
        (["tried_nets:Plain", "width"], "width: must be name=value, as d_block=64"),
        (["tried_nets:Plain", "width=[1"], "width:2:1: "),
        (["tried_nets:Nothing"], "tried_nets:Nothing: tried_nets.py must have Nothing, got none; did you mean"),
        (["subprocess:run"], "subprocess:run: subprocess: must be a module of this project, got one of Python's"),
    ],
)
def test_what_cannot_be_tried_is_said(arguments: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        run(*arguments)
    assert error.value.problems[0].startswith(said)
