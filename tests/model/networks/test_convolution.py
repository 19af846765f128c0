import pytest
import torch
from torch import nn

from relight.model.networks.masking import step_mask
from relight.model.networks.mlp import Activation
from relight.model.networks.sequences import Convolution, ConvolutionBlock
from relight.model.params import ConvolutionParams

NO_FUTURE = torch.zeros(4, 0, 0)
LENGTHS = torch.tensor([7, 3, 1, 5])


def model(horizon: int = 0, **keys: object) -> Convolution:
    params = ConvolutionParams.model_validate({"n_blocks": 2, "d_block": 4, "dropout": 0.0, **keys})
    return Convolution(2, 3, d_future_total=0, length=7, horizon=horizon, **dict(params))


def block_of(pool: int, activation: Activation) -> ConvolutionBlock:
    plain = {"kernel": 3, "dilation": 1, "causal": False, "residual": False, "dropout": 0.0}
    return ConvolutionBlock(2, 4, pool=pool, activation=activation, **plain)


def sequences(length: int) -> torch.Tensor:
    """The same for each length, but for the padding."""
    steps = torch.randn(4, 7, 2, generator=torch.Generator().manual_seed(1))
    return torch.cat([steps * step_mask(LENGTHS, 7).unsqueeze(2), torch.zeros(4, length - 7, 2)], dim=1)


def test_a_block_is_convolution_batch_norm_activation_and_pooling_by_the_layers_of_torch() -> None:
    torch.manual_seed(0)
    block = block_of(pool=2, activation="tanh")
    theirs = nn.Sequential(
        nn.Conv1d(2, 4, 3, padding="same"), nn.BatchNorm1d(4), nn.Tanh(), nn.MaxPool1d(2, ceil_mode=True)
    )
    theirs[0].load_state_dict(block.convolution.state_dict())
    x = torch.randn(3, 2, 5)
    out, lengths = block(x, torch.tensor([5, 5, 5]))
    torch.testing.assert_close(out, theirs(x))
    assert lengths.tolist() == [3, 3, 3]


def test_padding_is_zero_after_each_block() -> None:
    torch.manual_seed(0)
    for pool, lengths in ((1, [7, 3, 1, 5]), (2, [4, 2, 1, 3])):
        block = block_of(pool=pool, activation="sigmoid")
        nn.init.constant_(block.normalisation.bias, 5.0)
        out, left = block(sequences(7).transpose(1, 2), LENGTHS)
        assert left.tolist() == lengths
        for row, n_real in zip(out, lengths, strict=True):
            assert row[:, n_real:].eq(0).all()


@pytest.mark.parametrize(
    "keys", [{}, {"pool": 2, "activation": "tanh"}, {"dilated": True}, {"causal": True}, {"kernel": 4, "pool": 3}]
)
def test_padding_changes_nothing_while_training_either(keys: dict[str, object]) -> None:
    """Outputs, gradients and running statistics: the mean of plain BatchNorm1d would count the zeros."""
    states = []
    for length in (7, 12):
        torch.manual_seed(0)
        network = model(**keys).train()
        out = network(sequences(length), LENGTHS, NO_FUTURE)
        out.square().sum().backward()
        states.append((out, [weight.grad for weight in network.parameters()], dict(network.state_dict())))
    torch.testing.assert_close(states[0], states[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("keys", [{"causal": True}, {"causal": True, "dilated": True}])
def test_causal_steps_do_not_see_what_comes_later(keys: dict[str, object]) -> None:
    blocks = model(**keys).eval().blocks
    x, lengths = sequences(7)[:1].transpose(1, 2), LENGTHS[:1]
    later = x.clone()
    later[:, :, 4] += 1
    for block in blocks:
        (x, _), (later, _) = block(x, lengths), block(later, lengths)
    changed = (x - later).abs().sum(dim=(0, 1)) > 0
    assert changed.tolist() == [False] * 4 + [True] * 3


def test_plain_blocks_see_both_sides() -> None:
    block = model().eval().blocks[0]
    x = sequences(7)[:1].transpose(1, 2)
    later = x.clone()
    later[:, :, 4] += 1
    changed = (block(x, LENGTHS[:1])[0] - block(later, LENGTHS[:1])[0]).abs().sum(dim=(0, 1)) > 0
    assert changed[[0, 1, 2, 6]].tolist() == [False] * 4
    assert changed[3:6].any()


def test_dilation_doubles_from_block_to_block() -> None:
    blocks = model(n_blocks=4, dilated=True).blocks
    assert [block.convolution.dilation for block in blocks] == [(1,), (2,), (4,), (8,)]


def test_a_dilated_block_adds_its_input() -> None:
    first, second = model(dilated=True).eval().blocks
    nn.init.zeros_(second.normalisation.weight)
    x = torch.randn(4, 4, 7) * step_mask(LENGTHS, 7).unsqueeze(1)
    assert torch.equal(second(x, LENGTHS)[0], x)
    nn.init.zeros_(first.normalisation.weight)
    x = sequences(7).transpose(1, 2)
    torch.testing.assert_close(first(x, LENGTHS)[0], torch.einsum("oi,nil->nol", first.skip.weight[:, :, 0], x))


def test_the_output_reads_mean_and_maximum_and_in_a_forecast_the_last_step() -> None:
    torch.manual_seed(0)
    for horizon in (0, 3):
        network = model(horizon, pool=2).eval()
        x, lengths = sequences(7).transpose(1, 2), LENGTHS
        for block in network.blocks:
            x, lengths = block(x, lengths)
        rows = [row[:, :n] for row, n in zip(x, lengths, strict=True)]
        summaries = [torch.cat([row.mean(1), row.amax(1), *([row[:, -1]] if horizon else [])]) for row in rows]
        expected = torch.stack(summaries) @ network.output.weight.T + network.output.bias
        torch.testing.assert_close(network(sequences(7), LENGTHS, NO_FUTURE), expected)
