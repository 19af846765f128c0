"""The contract of an optimizer: PyTorch's classes and the example keep it, and each way to break it is said."""

from pathlib import Path

import pytest
import torch

from relight.errors import InputError
from relight.testing import ContractError, check_optimizer
from tests.own_projects import SIGNS, copy_houses, enter

OPTIMIZERS = (
    SIGNS
    + """

class Noisy(Signs):
    def move(self, weight, lr):
        weight.sub_(lr * (weight.grad + 0.01 * torch.randn_like(weight)))


class Climbs(Signs):
    def move(self, weight, lr):
        weight.add_(lr * weight.grad)


class Copies(Signs):
    def move(self, weight, lr):
        weight = weight - lr * weight.grad


class Throws(Signs):
    def move(self, weight, lr):
        weight.sub_(lr * random.random() * weight.grad)


class Stuck(Signs):
    def move(self, weight, lr):
        weight.sub_(0.01 * weight.grad)


class Breaks(Signs):
    def move(self, weight, lr):
        raise ValueError("not today")


class Late(Signs):
    def move(self, weight, lr):
        done = self.state[weight].setdefault("step", torch.zeros(()))
        done += 1
        if done > 30:
            raise ValueError("thirty steps")
        super().move(weight, lr)


class Matrices(Signs):
    def __init__(self, params, lr):
        super().__init__(params, lr)
        if any(weight.ndim != 2 for weight in self.param_groups[0]["params"]):
            raise ValueError("only matrices")


class Names(torch.optim.Optimizer):
    def __init__(self, params, learning_rate):
        super().__init__(params, {"lr": learning_rate})
"""
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_houses(tmp_path)
    return enter(tmp_path, monkeypatch, tried_optimizers=OPTIMIZERS)


def line(name: str) -> int:
    return next(number for number, text in enumerate(OPTIMIZERS.splitlines(), 1) if text.startswith(f"class {name}("))


def raising(name: str) -> int:
    """The line of the next `raise` in a class."""
    lines = enumerate(OPTIMIZERS.splitlines(), 1)
    return next((number for number, text in lines if number > line(name) and "raise " in text), 0)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("houses.optimizers:SignSgd", {"learning_rate": 0.003}),
        ("tried_optimizers:Signs", {"powers": [2, 2]}),
        ("tried_optimizers:Noisy", {}),
        ("tried_optimizers:decayed", {"decay": 0.0, "learning_rate": 0.1}),
        ("torch.optim:LBFGS", {"learning_rate": 1.0, "line_search_fn": "strong_wolfe"}),
        *((f"torch.optim:{name}", {}) for name in ("Adafactor", "Adagrad", "AdamW", "ASGD", "NAdam", "RMSprop", "SGD")),
    ],
)
def test_it_is_kept(name: str, settings: dict[str, object]) -> None:
    before = torch.get_rng_state()
    assert [fact.problem for fact in check_optimizer(name, **settings)] == [""] * 7
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "fact", "said"),
    [
        ("Climbs", "its steps lower a convex loss", "HERE: with learning_rate 0.01 it goes from "),
        ("Copies", "its steps lower a convex loss", "HERE: no weight has changed after 40 steps; change them in place"),
        ("Breaks", "its steps lower a convex loss", "train.optimizer: RAISED: in move: ValueError: not today"),
        ("Late", "its steps lower a convex loss", "train.optimizer: RAISED: in move: ValueError: thirty "),
        ("Stuck", "another lr, which a schedule sets, changes its steps", "HERE: it takes the same steps at half of"),
        ("Falls", "its steps leave lr as it is", "HERE: lr was [0.01] and is ["),
        ("Deque", "its state_dict comes back from a checkpoint", "train.optimizer: HERE must keep only tensors, numbers"
         ", texts, lists and dicts in its state, which a checkpoint saves, got deque"),
        ("Throws", "the same seed gives the same bits", "HERE: two runs differ; draw random numbers from torch"),
        ("Counts", "a training that is resumed in the middle ends with the same bits", "HERE: the weights differ; k"),
        ("Matrices", "it is made with the weights, lr and its settings", "train.optimizer: RAISED: in __init__: "
         "ValueError: only matrices"),
    ],
)  # fmt: skip
def test_each_way_to_break_it_is_said_with_its_line(name: str, fact: str, said: str) -> None:
    with pytest.raises(ContractError) as error:
        check_optimizer(f"tried_optimizers:{name}")
    found = dict(text.removeprefix("fails    ").split(": ", 1) for text in str(error.value).splitlines())
    here = f"tried_optimizers:{name} (tried_optimizers.py:{line(name)})"
    raised = f"tried_optimizers.py:{raising(name)}"
    assert found[fact].startswith(said.replace("HERE", here).replace("RAISED", raised))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        (
            "Signs",
            {"powr": 1},
            r"^train.optimizer.powr: is unknown to tried_optimizers:Signs \(.*; did you mean power",
        ),
        ("Names", {}, r"^train.optimizer: tried_optimizers:Names \(.*\) must take lr, as the classes of torch.optim, "),
        ("Signs", {"learning_rate": 0}, "^train.optimizer: Input should be greater than 0"),
        ("Signs", {"lr": 0.1}, "^train.optimizer: lr must be written learning_rate; rename it"),
    ],
)
def test_settings_that_it_does_not_take_are_named(name: str, settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_optimizer(f"tried_optimizers:{name}", **settings)


def test_a_project_elsewhere_is_found(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert len(check_optimizer("tried_optimizers:Signs", project=project)) == 7
    with pytest.raises(ContractError, match=rf"optimizers.py:{raising('Breaks')}: in move: ValueError: not today"):
        check_optimizer("tried_optimizers:Breaks", project=project)
