"""A loss of the user's own: called as its contract says, tried before the first step, named if it breaks it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from relight.errors import RelightError
from relight.model.rows import Rows, StoredInputs, StoredRows
from relight.own_code.calls import Call
from relight.train.losses.losses import build_loss
from relight.train.losses.own import OwnLoss, assert_is_mean, assert_skips_gaps, own_loss, tried_loss
from tests.own_projects import enter

LOSSES = """\
import torch
from torch import nn
from torch.nn import functional

calls = []


def pinball(outputs, targets, sample_weight, quantile=0.5):
    below = targets - outputs
    losses = torch.maximum(quantile * below, (quantile - 1) * below).mean(dim=1)
    return (sample_weight * losses).sum() / sample_weight.sum()


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.register_buffer("factor", torch.tensor(float(factor)))

    def forward(self, outputs, targets, sample_weight):
        return self.factor * (outputs - targets).square().mean()


class Noisy:
    def __call__(self, outputs, targets, sample_weight):
        return (outputs - targets + torch.rand(1)).square().mean()


class Learned(Scaled):
    def __init__(self):
        super().__init__(1)
        self.weight = nn.Parameter(torch.zeros(1))


class TwoArguments(nn.Module):
    def forward(self, outputs, targets):
        return (outputs - targets).mean()


def rows(outputs, targets, sample_weight):
    return (outputs - targets).square()


def number(outputs, targets, sample_weight):
    return (outputs - targets).square().mean().item()


def detached(outputs, targets, sample_weight):
    return (outputs.detach() - targets).square().mean()


def other(outputs, targets, sample_weight):
    return torch.ones((), requires_grad=True) * 2


def counted(outputs, targets, sample_weight):
    calls.append(1)
    return len(calls) * (outputs - targets).square().mean()


def clipped(outputs, targets, sample_weight):
    targets.clamp_(max=0.0)
    return (outputs - targets).square().mean()


def broadcast(outputs, targets, sample_weight):
    return functional.mse_loss(outputs.squeeze(1), targets)


def broken(outputs, targets, sample_weight):
    return (outputs - targets.reshape(3, 1)).mean()


def two(outputs, targets):
    return (outputs - targets).mean()


def summed(outputs, targets, sample_weight):
    return (outputs - targets).square().sum()


def lopsided(outputs, targets, sample_weight):
    return (outputs - targets + 1).square().mean()


def column_and_vector(outputs, targets, sample_weight):
    return (outputs.squeeze(1) - targets).abs().mean()


def weights_of_a_column(outputs, targets, sample_weight):
    return ((outputs - targets).square() * sample_weight).mean()


def pairs(outputs, targets, sample_weight):
    closer = (outputs - outputs.squeeze(1)).abs() < (targets - targets.T).abs()
    return torch.where(closer, 1.0, 0.0).mean() + outputs.square().mean()


constant = 5
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_losses=LOSSES)


def call(name: str, **settings: Any) -> Call:
    return Call(call=f"own_losses:{name}", **settings)


def made(name: str, **settings: Any) -> OwnLoss:
    return own_loss(call(name, **settings), torch.device("cpu"))


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


MODEL = nn.Linear(2, 1)
ROWS = Rows((numbers(12, 2),), numbers(12, 1).abs() + 1)


def tried(name: str, *, processes: int = 1, **settings: Any) -> OwnLoss:
    return tried_loss(call(name, **settings), MODEL, ROWS, processes=processes)


@torch.no_grad()
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(6, 1), (6, 4, 1)])
def test_it_is_called_like_the_built_in_one(shape: tuple[int, ...], weighted: bool) -> None:
    outputs, targets = numbers(*shape), numbers(6, 2)[:, 1:]
    weights = torch.tensor([2.0, 0, 1, 1, 0.5, 3]) if weighted else None
    expected = build_loss("quantile", share=0.9)(outputs, targets, weights)
    torch.testing.assert_close(made("pinball", quantile=0.9)(outputs, targets, weights), expected)


@torch.no_grad()
def test_a_class_is_made_with_its_settings_and_then_called() -> None:
    outputs, targets = numbers(6, 1), numbers(6, 2)[:, 1:]
    expected = 3 * (outputs - targets).square().mean()
    torch.testing.assert_close(made("Scaled", factor=3)(outputs, targets), expected)


@torch.no_grad()
def test_outputs_come_in_full_precision() -> None:
    outputs, targets = numbers(6, 1).bfloat16(), numbers(6, 1)
    assert made("pinball")(outputs, targets).dtype == torch.float32


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "settings", "outputs", "targets", "own"),
    [
        ("HuberLoss", {"delta": 2.0}, numbers(6, 1), numbers(6, 1) * 9, nn.HuberLoss(delta=2.0)),
        ("CrossEntropyLoss", {"label_smoothing": 0.1}, numbers(6, 3), torch.tensor([0, 1, 2, 0, 1, 1]),
         nn.CrossEntropyLoss(label_smoothing=0.1)),
    ],
)  # fmt: skip
def test_a_loss_of_torch_is_the_mean_over_the_rows(
    name: str, settings: dict[str, Any], outputs: Tensor, targets: Tensor, own: nn.Module
) -> None:
    loss = own_loss(Call(call=f"torch.nn:{name}", **settings), torch.device("cpu"))
    torch.testing.assert_close(loss(outputs, targets), own(outputs, targets))
    weights, twice = torch.tensor([2.0, 1, 1, 0, 0, 0]), torch.tensor([0, 0, 1, 2])
    torch.testing.assert_close(loss(outputs, targets, weights), own(outputs[twice], targets[twice]))


@pytest.mark.parametrize("name", ["pinball", "Noisy"])
def test_the_trial_leaves_rows_and_random_numbers_as_they_were(name: str) -> None:
    target = ROWS.target.clone()
    torch.manual_seed(0)
    tried(name)
    after = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(1))
    assert torch.equal(ROWS.target, target)


def test_the_trial_reads_stored_rows() -> None:
    stored = StoredRows(StoredInputs(lambda blocks: ROWS.slice(blocks[0].start, blocks[0].stop), 12), ROWS.target)
    assert tried_loss(call("pinball"), MODEL, stored, processes=1).name == "own_losses:pinball (own_losses.py:8)"


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("rows", {}, "train.loss: own_losses:rows (own_losses.py:39) must return a scalar tensor, (), got (8, 1)"),
        ("number", {}, "train.loss: own_losses:number (own_losses.py:43) must return a scalar tensor, (), got float"),
        ("detached", {}, "train.loss: own_losses:detached (own_losses.py:47) must have a gradient with respect to"),
        ("other", {}, "train.loss: own_losses:other (own_losses.py:51) must depend on outputs, got a result that"),
        ("counted", {}, "train.loss: own_losses:counted (own_losses.py:55) must return the same for the same rows"),
        ("clipped", {}, "train.loss: own_losses:clipped (own_losses.py:60) must leave its arguments as they are"),
        ("broadcast", {}, "train.loss: own_losses.py:66: in broadcast: UserWarning: Using a target size (torch.Size"),
        ("column_and_vector", {}, "train.loss: own_losses:column_and_vector (own_losses.py:85) must not combine "),
        ("weights_of_a_column", {}, "train.loss: own_losses:weights_of_a_column (own_losses.py:89) must not combine "),
        ("broken", {}, "train.loss: own_losses.py:70: in broken: RuntimeError: shape '[3, 1]' is invalid for input"),
        ("two", {}, "train.loss: own_losses:two (own_losses.py:73) must take (outputs, targets, sample_weight), got 2"),
        ("TwoArguments", {}, "train.loss: own_losses:TwoArguments (own_losses.py:35) must take (outputs, targets, "),
        ("Learned", {}, "train.loss: own_losses:Learned (own_losses.py:28) must have no weights that learn"),
        ("constant", {}, "train.loss: own_losses:constant must be a function or a class, got int 5"),
        ("pinbal", {}, "train.loss: own_losses.py must have pinbal, got none; did you mean pinball?"),
        ("pinball", {"quantil": 0.9}, "train.loss.quantil: is unknown to own_losses:pinball (own_losses.py:8)"),
        ("Scaled", {}, "train.loss: own_losses:Scaled (own_losses.py:14) needs factor; write it next to `call`"),
    ],
)  # fmt: skip
def test_a_loss_that_breaks_the_contract_is_named_with_its_line(name: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(RelightError) as error:
        tried(name, **settings)
    assert error.value.problems[0].startswith(said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Linear", "train.loss: must be a loss of torch.nn, as torch.nn:HuberLoss, got torch.nn:Linear"),
        ("CrossEntropyLoss", "train.loss: torch.nn:CrossEntropyLoss must take outputs (8, 2) and targets (8, 1) of"),
        ("GaussianNLLLoss", "train.loss: torch.nn:GaussianNLLLoss must take outputs (8, 2) and targets (8, 1) of"),
    ],
)
def test_a_class_of_torch_that_is_no_loss_for_these_rows_is_refused(name: str, said: str) -> None:
    with pytest.raises(RelightError) as error:
        tried_loss(Call(call=f"torch.nn:{name}"), nn.Linear(2, 2), ROWS, processes=1)
    assert error.value.problems[0].startswith(said)


def test_a_loss_of_pairs_of_rows_is_one_that_says_so() -> None:
    assert tried("pairs").name == "own_losses:pairs (own_losses.py:93)"


def test_several_processes_need_a_mean_over_the_rows() -> None:
    tried("pinball", processes=2)
    with pytest.raises(RelightError, match=r"own_losses:summed .* must be a mean over the rows, weighted by"):
        tried("summed", processes=2)
    tried("summed")


def test_a_mean_is_weighted() -> None:
    outputs, targets, weights = numbers(8, 1), numbers(8, 2)[:, 1:], torch.tensor([1.0, 2, 3, 0, 0, 0, 0, 0])
    assert_is_mean(made("pinball"), outputs, targets, weights)
    with pytest.raises(RelightError, match="must be a mean over the rows"):
        assert_is_mean(made("Scaled", factor=1), outputs, targets, weights)


def test_a_series_with_gaps_needs_a_loss_that_is_0_where_both_are_equal() -> None:
    assert_skips_gaps(made("pinball"), 3, torch.device("cpu"))
    with pytest.raises(RelightError, match=r"own_losses:lopsided .* must be 0 where outputs and targets are equal"):
        assert_skips_gaps(made("lopsided"), 3, torch.device("cpu"))
