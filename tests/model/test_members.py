import torch
from torch import nn

from relight.model.pipeline import DeepEnsemble


class Constant(nn.Module):
    """The same outputs for every row; with members, or without."""

    def __init__(self, *values: float, members: bool) -> None:
        super().__init__()
        row = torch.tensor(values)
        self.outputs = row.reshape(1, -1, 1) if members else row.reshape(1, -1)

    def forward(self, x_num: torch.Tensor, _x_cat: torch.Tensor) -> torch.Tensor:
        return self.outputs.expand(len(x_num), *self.outputs.shape[1:])


def test_outputs_of_the_networks_stand_side_by_side() -> None:
    model = DeepEnsemble([Constant(1, 2, members=False), Constant(3, 4, members=False)])
    assert model(torch.zeros(2, 1), torch.zeros(2, 0)).tolist() == [[[1, 2], [3, 4]]] * 2


def test_members_of_the_networks_stand_network_by_network() -> None:
    model = DeepEnsemble([Constant(1, 2, members=True), Constant(3, 4, members=True)])
    assert model(torch.zeros(1, 1), torch.zeros(1, 0)).tolist() == [[[1], [2], [3], [4]]]
