"""A network of the user's own: made with its widths and settings, tried once, named with its line if it is wrong."""

from pathlib import Path

import pytest
import torch

from relight.errors import RelightError
from relight.model.own_network import own_step_network, own_table_network
from relight.own_code.calls import Call
from tests.own_projects import CODES, enter

NETWORKS = """\
import torch
from torch import nn


class Line(nn.Module):
    def __init__(self, d_in: int, d_out: int, slope: float = 1.0) -> None:
        super().__init__()
        self.slope = slope
        self.layer = nn.Linear(d_in, d_out)

    def forward(self, x):
        return self.slope * self.layer(x)


class Lazy(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.layer = nn.LazyLinear(d_out)

    def forward(self, x):
        return self.layer(x)


class Steps(nn.Module):
    def __init__(self, d_in, d_out, length, d_future=0):
        super().__init__()
        self.layer = nn.Linear(length * d_in, d_out)
        self.future = nn.Linear(max(1, d_future), d_out)

    def forward(self, x, lengths, future):
        return self.layer(x.flatten(1)) + self.future(future.sum(dim=1))


class Wide(Line):
    def forward(self, x):
        return self.layer(x)[:, :1]


class Turned(Line):
    def forward(self, x):
        return self.layer(x.T)


class Whole(Line):
    def forward(self, x):
        return self.layer(x).long()


class Detached(Line):
    def forward(self, x):
        with torch.no_grad():
            return self.layer(x)


class Frozen(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.register_buffer("weight", torch.zeros(d_in, d_out))

    def forward(self, x):
        return x @ self.weight


def no_module(d_in, d_out):
    return 5
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_nets=NETWORKS + CODES)


def call(name: str, **settings: object) -> Call:
    return Call(call=f"own_nets:{name}", **settings)


def test_it_reads_the_numbers_and_the_categories_as_numbers() -> None:
    torch.manual_seed(0)
    network = own_table_network(call("Line", slope=2.0), 2, [4], 3)
    expected = torch.nn.Linear(2 + 3, 3)  # a category of three levels and the unknown one
    expected.load_state_dict({name.split(".")[-1]: value for name, value in network.state_dict().items()})
    numbers, codes = torch.randn(5, 2), torch.tensor([[0], [1], [2], [3], [1]])
    one_hot = torch.nn.functional.one_hot(codes.squeeze(1), 4)[:, 1:].float()
    torch.testing.assert_close(network(numbers, codes), 2 * expected(torch.cat([numbers, one_hot], dim=1)))


def test_the_trial_leaves_the_random_numbers_and_the_training_mode_as_they_were() -> None:
    torch.manual_seed(0)
    network = own_table_network(call("Line"), 2, [], 1)
    after = torch.rand(1)
    torch.manual_seed(0)
    torch.nn.Linear(2, 1)
    assert torch.equal(after, torch.rand(1))
    assert all(module.training for module in network.modules())


def test_layers_without_a_shape_get_it() -> None:
    network = own_table_network(call("Lazy"), 3, [], 2)
    assert [tuple(weight.shape) for weight in network.parameters()] == [(2, 3), (2,)]


def test_columns_come_apart() -> None:
    network = own_table_network(call("Codes", input="columns"), 2, [4, 3], 1)
    assert network(torch.zeros(5, 2), torch.zeros(5, 2, dtype=torch.int64)).shape == (5, 1)


def test_a_network_of_steps_reads_the_future_if_it_takes_it() -> None:
    network = own_step_network(call("Steps"), 3, 2, 4, length=6, horizon=4)
    assert network(torch.zeros(5, 6, 3), torch.full((5,), 6), torch.zeros(5, 4, 2)).shape == (5, 4)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("Wide", {}, "model.name: own_nets:Wide (own_nets.py:34) must return (2, 3) for 2 rows, got (2, 1)"),
        ("Turned", {}, "model.name: own_nets.py:41: in forward: RuntimeError: mat1 and mat2 shapes"),
        ("Whole", {}, "model.name: own_nets:Whole (own_nets.py:44) must return float numbers, got torch.int64"),
        (
            "Detached",
            {},
            "model.name: own_nets:Detached (own_nets.py:49) must compute its outputs from its weights, got",
        ),
        ("Frozen", {}, "model.name: own_nets:Frozen (own_nets.py:55) must have weights that learn, got none"),
        ("no_module", {}, "model.name: own_nets:no_module (own_nets.py:64) must make a torch.nn.Module, got int"),
        ("Line", {"slop": 1}, "model.name.slop: is unknown to own_nets:Line (own_nets.py:5); did you mean slope?"),
        ("Line", {"d_in": 1}, "model.name.d_in: is given by Relight; leave it out"),
        ("Line", {"input": "rows"}, "model.name.input: must be numbers or columns, got rows"),
        ("Codes", {}, "model.name: own_nets:Codes (own_nets.py:68) needs cat_cardinalities; write it next to `call`"),
        ("Lines", {}, "model.name: own_nets.py must have Lines, got none; did you mean Line?"),
    ],
)
def test_a_network_that_breaks_the_contract_is_named_with_its_line(
    name: str, settings: dict[str, object], said: str
) -> None:
    with pytest.raises(RelightError) as error:
        own_table_network(call(name, **settings), 4, [], 3)
    assert error.value.problems[0].startswith(said)
