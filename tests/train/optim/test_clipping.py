import pytest
import torch
from torch import nn

from relight.train.optim.clipping import GradientClip


def weight(*gradient: float) -> nn.Parameter:
    made = nn.Parameter(torch.zeros(len(gradient)))
    made.grad = torch.tensor(gradient, dtype=torch.float32)
    return made


def test_gradients_that_are_too_long_together_are_scaled_to_the_length() -> None:
    # (3, 4) and (12): 13 long, scaled by 6.5 / 13
    first, second = weight(3, 4), weight(12)
    GradientClip([[first, second]], 6.5)()
    assert first.grad is not None
    assert second.grad is not None
    assert torch.cat([first.grad, second.grad]).tolist() == pytest.approx([1.5, 2, 6], rel=1e-6)


def test_short_gradients_are_left_alone() -> None:
    short = weight(0.3, 0.4)
    GradientClip([[short]], 1.0)()
    assert torch.equal(short.grad, torch.tensor([0.3, 0.4]))  # type: ignore[arg-type]


def test_each_copy_is_clipped_by_its_own_length() -> None:
    long, short = weight(30, 40), weight(0.3, 0.4)
    GradientClip([[long], [short]], 1.0)()
    assert long.grad is not None
    assert long.grad.tolist() == pytest.approx([0.6, 0.8], rel=1e-6)
    assert torch.equal(short.grad, torch.tensor([0.3, 0.4]))  # type: ignore[arg-type]
