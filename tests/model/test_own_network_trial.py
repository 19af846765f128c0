"""A network that would not be predicted or saved as it was trained is refused before its first step, with its line."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from relight.errors import RelightError
from relight.model.own_network import own_step_network, own_table_network
from relight.model.own_network_trial import try_own_network
from relight.own_code.calls import Call

NETWORKS = """\
import numpy as np
import torch
from torch import nn


class Line(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.layer = nn.Linear(d_in, d_out)
        self.scale = torch.tensor(2.0)
        self.again = [self.layer]

    def forward(self, x):
        return self.scale * self.again[0](x)


class Usual(Line):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        self.norm, self.dropout = nn.BatchNorm1d(d_in), nn.Dropout(0.5)

    def forward(self, x):
        return self.layer(self.dropout(self.norm(x)))


class Drops(Line):
    def forward(self, x):
        return self.layer(nn.functional.dropout(x, 0.5, training=True))


class Noise(Line):
    def forward(self, x):
        return self.layer(x) + float(np.random.default_rng().normal())


class Counts(Line):
    n_calls = 0

    def forward(self, x):
        self.n_calls += 1
        return self.layer(x) * self.n_calls


class Centred(Line):
    def forward(self, x):
        return self.layer(x - x.mean(dim=0))


class Vanishing(Line):
    def forward(self, x):
        return self.layer(x) * (len(x) == 1)


class Squeezed(Line):
    def forward(self, x):
        return self.layer(x).squeeze(0)


class OneBatch(Line):
    def forward(self, x):
        return self.layer(x)[:2]


class Listed(Line):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        self.blocks = [nn.Linear(d_in, d_in)]

    def forward(self, x):
        return self.layer(self.blocks[0](x))


class Drawn(Line):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        self.directions = torch.randn(d_in, d_in)

    def forward(self, x):
        return self.layer(x @ self.directions)


class Random(Line):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        self.extra = nn.Linear(1, int(torch.randint(1, 10**9, ())) % 1000 + 1)


class Alone(Line):
    def forward(self, x):
        if len(x) == 1:
            raise ValueError("more rows")
        return self.layer(x)


class Steps(nn.Module):
    def __init__(self, d_in, d_out, length):
        super().__init__()
        self.layer = nn.Linear(length * d_in, d_out)

    def forward(self, x, lengths):
        return self.layer(x.flatten(1))


class StepsOfAll(Steps):
    def forward(self, x, lengths):
        return self.layer(x.flatten(1) - x.flatten(1).mean(dim=0))
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_nets.py").write_text(NETWORKS)
    sys.modules.pop("own_nets", None)
    return tmp_path


def try_rows(name: str, n_rows: int = 8) -> nn.Module:
    call = Call(call=f"own_nets:{name}")
    torch.manual_seed(0)
    network = own_table_network(call, 4, [], 3)
    torch.manual_seed(1)
    twin = own_table_network(call, 4, [], 3)
    rows = torch.randn(n_rows, 4, generator=torch.Generator().manual_seed(0))
    try_own_network(call, network, twin, (rows, torch.zeros(n_rows, 0, dtype=torch.int64)))
    return network


@pytest.mark.parametrize("name", ["Line", "Usual"])
@pytest.mark.parametrize("n_rows", [1, 8])
def test_a_network_that_keeps_the_contract_is_left_as_it_was(name: str, n_rows: int) -> None:
    network = try_rows(name, n_rows)
    after = torch.rand(1)
    torch.manual_seed(0)
    expected = own_table_network(Call(call=f"own_nets:{name}"), 4, [], 3)
    torch.manual_seed(1)
    own_table_network(Call(call=f"own_nets:{name}"), 4, [], 3)
    assert torch.equal(after, torch.rand(1))
    assert all(part.training for part in network.modules())
    assert all(torch.equal(value, expected.state_dict()[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Drops", "must return the same for the same rows in eval mode, got other outputs the second time; draw"),
        ("Noise", "must return the same for the same rows in eval mode"),
        ("Counts", "must return the same for the same rows in eval mode"),
        ("Centred", "must answer each row by itself in eval mode, got outputs that differ by"),
        ("Vanishing", "must answer each row by itself in eval mode, got outputs that differ by 1 of the largest"),
        ("Squeezed", "must return (1, 3) for one row, got (3,)"),
        ("OneBatch", "must return one row of outputs for each row, got 2 for 8"),
        ("Listed", "must keep all that it computes with in its state_dict, got other outputs from a copy"),
        ("Drawn", "must keep all that it computes with in its state_dict, got other outputs from a copy"),
        ("Random", "must have the same weights each time that it is made, got others; size mismatch for"),
    ],
)
def test_a_network_that_hides_something_is_named_with_its_line(name: str, said: str) -> None:
    line = next(n for n, text in enumerate(NETWORKS.splitlines(), 1) if text.startswith(f"class {name}("))
    with pytest.raises(RelightError) as caught:
        try_rows(name)
    assert caught.value.problems[0].startswith(f"model.name: own_nets:{name} (own_nets.py:{line}) {said}")


def test_an_exception_for_one_row_is_told_with_its_line() -> None:
    with pytest.raises(RelightError, match=r"model.name: own_nets.py:\d+: in forward: ValueError: more rows"):
        try_rows("Alone")


class Gate(nn.Module):
    """Lets nothing of a network through, as a forecast does before its first step."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.gate * self.network(x, torch.full((len(x),), x.shape[1]), x[:, :0])
        return out


def test_the_network_of_a_forecast_is_tried_behind_its_gate() -> None:
    rows = torch.randn(5, 6, 2, generator=torch.Generator().manual_seed(0))
    for name, problems in (("Steps", []), ("StepsOfAll", ["must answer each row by itself"])):
        call = Call(call=f"own_nets:{name}")
        one, other = (Gate(own_step_network(call, 2, 0, 3, length=6, horizon=3)) for _ in range(2))
        found = []
        try:
            try_own_network(call, one, other, (rows,))
        except RelightError as error:
            found = [problem.split(") ")[1].split(" in eval")[0] for problem in error.problems]
        assert found == problems
