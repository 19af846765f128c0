import pytest
import torch
from torch import nn

from relight.model.networks.forecasts import PatchTransformer


def model(length: int, patch: int = 4, stride: int = 2, d_past: int = 1) -> PatchTransformer:
    torch.manual_seed(0)
    sizes = {"n_blocks": 2, "d_block": 8, "n_heads": 2}
    return PatchTransformer(
        d_past, 1, d_future_total=0, length=length, patch=patch, stride=stride, dropout=0.0, **sizes
    ).eval()


@pytest.mark.parametrize(
    ("length", "n_patches"),
    # the paper's 42 and 64 tokens, section 3.1 and the name; then shorter than a patch
    [(336, 42), (512, 64), (16, 2), (5, 2), (24, 3)],
)
def test_there_are_as_many_patches_as_in_the_paper(length: int, n_patches: int) -> None:
    assert model(length, patch=16, stride=8).n_patches == n_patches


def test_patches_overlap_and_the_last_real_step_goes_on() -> None:
    network = model(6, d_past=2)
    seen = []
    network.embedding.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    past = torch.stack([torch.arange(6.0), -torch.arange(6.0)], dim=1).unsqueeze(0)
    network(past, torch.tensor([6]), torch.zeros(1, 0, 0))
    first = [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 5, 5]]
    assert seen[0].tolist() == [[[*steps, *(-step for step in steps)] for steps in first]]


def test_the_blocks_start_from_weights_of_their_own() -> None:
    one, other = model(6).blocks
    assert not torch.equal(one.linear1.weight, other.linear1.weight)


def test_patches_without_a_real_step_are_not_attended_to() -> None:
    """A longer network on the same weights: what it has more of is padding."""
    short, long = model(6), model(12)
    state = short.state_dict()
    extra = long.n_patches - short.n_patches
    state["positions"] = torch.cat([state["positions"], torch.randn(extra, 8)])
    state["output.weight"] = torch.cat([state["output.weight"], torch.randn(1, extra * 8)], dim=1)
    long.load_state_dict(state)
    past, lengths = torch.randn(3, 6, 1), torch.tensor([6, 3, 1])
    padded = torch.cat([past, torch.zeros(3, 6, 1)], dim=1)
    no_future = torch.zeros(3, 0, 0)
    torch.testing.assert_close(short(past, lengths, no_future), long(padded, lengths, no_future))


def test_the_same_patch_elsewhere_is_another_token() -> None:
    """Attention without positions, and an output that reads every place alike, could not tell the two."""
    network = model(8, patch=2, stride=2)
    one, other = torch.zeros(1, 8, 1), torch.zeros(1, 8, 1)
    one[0, 0], other[0, 4] = 1.0, 1.0
    inputs = torch.tensor([8]), torch.zeros(1, 0, 0)
    network.output.weight.data[:] = torch.randn(8).repeat(network.n_patches)
    assert not torch.allclose(network(one, *inputs), network(other, *inputs), atol=1e-5)
    nn.init.zeros_(network.positions)
    torch.testing.assert_close(network(one, *inputs), network(other, *inputs))
