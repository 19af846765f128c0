import torch
from torch import nn

from relight.model.pipeline import Members


class Constant(nn.Module):
    """Says the same for every row; with members, or without."""

    def __init__(self, *said: float, members: bool) -> None:
        super().__init__()
        values = torch.tensor(said)
        self.said = values.reshape(1, -1, 1) if members else values.reshape(1, -1)

    def forward(self, numbers: torch.Tensor, _codes: torch.Tensor) -> torch.Tensor:
        return self.said.expand(len(numbers), *self.said.shape[1:])


def test_outputs_of_the_copies_stand_side_by_side() -> None:
    model = Members([Constant(1, 2, members=False), Constant(3, 4, members=False)])
    assert model(torch.zeros(2, 1), torch.zeros(2, 0)).tolist() == [[[1, 2], [3, 4]]] * 2


def test_members_of_the_copies_stand_copy_by_copy() -> None:
    model = Members([Constant(1, 2, members=True), Constant(3, 4, members=True)])
    assert model(torch.zeros(1, 1), torch.zeros(1, 0)).tolist() == [[[1], [2], [3], [4]]]
