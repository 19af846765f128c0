"""Facts that hold for every body: shapes, padding, determinism, export."""

import copy
from collections.abc import Iterator
from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from relight.errors import InputError
from relight.model.build_sequences import SequenceParams, sequence_network
from relight.model.devices import make_deterministic
from relight.model.params import (
    ConvolutionParams,
    DecoderParams,
    DLinearParams,
    PatchTransformerParams,
    RecurrentParams,
    SequenceModelName,
)

SMALL: dict[SequenceModelName, list[SequenceParams]] = {
    "convolution": [
        ConvolutionParams(n_blocks=2, d_block=4),
        ConvolutionParams(n_blocks=3, d_block=4, dilated=True, causal=True),
        ConvolutionParams(n_blocks=2, d_block=4, pool=2, activation="tanh"),
    ],
    "rnn": [RecurrentParams(d_hidden=4, n_layers=2)],
    "lstm": [RecurrentParams(d_hidden=4, bidirectional=False)],
    "gru": [RecurrentParams(d_hidden=4)],
    "decoder": [DecoderParams(d_hidden=4, cell=cell) for cell in ("rnn", "lstm", "gru")],
    "dlinear": [DLinearParams(kernel=5)],
    "patch_transformer": [PatchTransformerParams(patch=4, stride=2, d_block=8, n_heads=2)],
}
CASES = [(name, params) for name, several in SMALL.items() for params in several]
CLASSIFYING = [case for case in CASES if case[0] not in ("decoder", "dlinear")]
# two seconds each: one of each kind; strict, for a plain trace keeps the number of rows in a recurrent layer
EXPORTED = [
    (name, SMALL[name][-1]) for name in ("convolution", "lstm", "gru", "decoder", "dlinear", "patch_transformer")
]
LENGTH, HORIZON, D_PAST, D_FUTURE, N_CLASSES = 9, 3, 2, 2, 5


@pytest.fixture(autouse=True)
def _same_each_time() -> Iterator[None]:
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    make_deterministic(1)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def forecaster(name: SequenceModelName, params: SequenceParams) -> nn.Module:
    torch.manual_seed(0)
    return sequence_network(name, params, D_PAST, D_FUTURE, HORIZON, length=LENGTH, horizon=HORIZON)


def classifier(name: SequenceModelName, params: SequenceParams) -> nn.Module:
    torch.manual_seed(0)
    return sequence_network(name, params, D_PAST, 0, N_CLASSES, length=LENGTH, horizon=0)


def windows(n: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    past = torch.randn(n, LENGTH, D_PAST, generator=draw)
    return past, torch.full((n,), LENGTH), torch.randn(n, HORIZON, D_FUTURE, generator=draw)


def sequences() -> tuple[Tensor, Tensor, Tensor]:
    past, _, _ = windows()
    lengths = torch.tensor([9, 4, 1, 6])
    past = past * (torch.arange(LENGTH) < lengths.unsqueeze(1)).unsqueeze(2)
    return past, lengths, torch.zeros(4, 0, 0)


def test_every_name_has_a_body() -> None:
    assert set(SMALL) == set(get_args(SequenceModelName))


@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_forecast_has_a_number_for_each_step_and_depends_on_what_it_is_told(
    name: SequenceModelName, params: SequenceParams
) -> None:
    model = forecaster(name, params).eval()
    past, lengths, future = windows()
    answers = model(past, lengths, future)
    assert answers.shape == (4, HORIZON)
    for step in range(LENGTH):
        moved = past.clone()
        moved[:, step, 0] += 3
        assert not torch.equal(model(moved, lengths, future), answers), f"step {step} is not read"
    for channel in range(D_FUTURE):
        moved = future.clone()
        moved[:, 0, channel] += 3
        assert not torch.equal(model(past, lengths, moved), answers), f"covariate {channel} is not read"


@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_forecast_without_covariates(name: SequenceModelName, params: SequenceParams) -> None:
    model = sequence_network(name, params, 1, 0, HORIZON, length=LENGTH, horizon=HORIZON).eval()
    past, lengths, _ = windows()
    assert model(past[:, :, :1], lengths, torch.zeros(4, HORIZON, 0)).shape == (4, HORIZON)


@pytest.mark.parametrize(("name", "params"), CLASSIFYING)
def test_a_sequence_has_a_number_for_each_class(name: SequenceModelName, params: SequenceParams) -> None:
    answers = classifier(name, params).eval()(*sequences())
    assert answers.shape == (4, N_CLASSES)
    assert answers.isfinite().all()


@pytest.mark.parametrize(("name", "params"), CLASSIFYING)
def test_more_padding_or_less_changes_nothing(name: SequenceModelName, params: SequenceParams) -> None:
    model = classifier(name, params).eval()
    past, lengths, future = sequences()
    answers = model(past, lengths, future)
    longer = torch.cat([past, torch.zeros(4, 5, D_PAST)], dim=1)
    torch.testing.assert_close(model(longer, lengths, future), answers)
    for row, n_real in enumerate(lengths.tolist()):
        alone = model(past[row : row + 1, :n_real], lengths[row : row + 1], future[:1])
        torch.testing.assert_close(alone, answers[row : row + 1])


@pytest.mark.parametrize(("name", "params"), CASES)
def test_what_stands_in_the_padding_is_not_read(name: SequenceModelName, params: SequenceParams) -> None:
    model = forecaster(name, params).eval()
    past, lengths, future = windows()
    other = past.clone()
    other[:, 6:] = 7.0
    short = torch.full_like(lengths, 6)
    torch.testing.assert_close(model(other, short, future), model(past, short, future))
    assert not torch.allclose(model(other, lengths, future), model(past, lengths, future))


@pytest.mark.parametrize(("name", "params"), CASES)
def test_two_trainings_have_the_same_bits_under_deterministic_operations(
    name: SequenceModelName, params: SequenceParams
) -> None:
    states = []
    for _ in range(2):
        model = forecaster(name, params).train()
        before = copy.deepcopy(model.state_dict())
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            model(*windows()).square().mean().backward()
            optimizer.step()
        states.append(model.state_dict())
        still = [key for key, weight in model.named_parameters() if torch.equal(weight, before[key])]
        assert not still, "every weight learns"
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


@pytest.mark.parametrize(("name", "params"), EXPORTED)
def test_the_exported_graph_answers_the_same_for_any_number_of_rows(
    name: SequenceModelName, params: SequenceParams
) -> None:
    model = forecaster(name, params).eval()
    n_rows = Dim("n_rows")
    program = torch.export.export(model, windows(), dynamic_shapes=[{0: n_rows}] * 3, strict=True)
    for n in (4, 7, 1):
        torch.testing.assert_close(program.module()(*windows(n)), model(*windows(n)))


@pytest.mark.parametrize("name", ["decoder", "dlinear"])
def test_what_forecasts_refuses_to_classify(name: SequenceModelName) -> None:
    with pytest.raises(
        InputError, match=f"model.name: must be a network that classifies, got {name}, which continues a series"
    ):
        sequence_network(name, SMALL[name][0], D_PAST, 0, N_CLASSES, length=LENGTH, horizon=0)


@pytest.mark.parametrize(("name", "params"), CASES)
def test_the_widest_layer_grows_with_the_length(name: SequenceModelName, params: SequenceParams) -> None:
    short, long = (sequence_network(name, params, 2, 0, 3, length=length, horizon=3) for length in (20, 2000))
    assert long.d_widest > 10 * short.d_widest
