"""Saved at any step and restored elsewhere, a training ends with the same bits; without any part of it, it does not."""

import io
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import pytest
import torch
from torch import nn

from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.loop import Validation, fit
from relight.train.losses.losses import mse
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.schedules import Schedule
from relight.train.params import OptimizerParams
from relight.train.scores import build_validation_score
from relight.train.state import EarlyStopping, EpochRecord, TrainingState
from tests.watches import Unwatched

Name = Literal["sgd", "adamw"]
STEPS = 5  # of an epoch: 36 rows in batches of 8
EPOCHS = 9
Bits = list[bytes]


class Killed(BaseException):
    pass


class Keeping(Unwatched):
    """Keeps the bytes of a checkpoint after each step, and kills after so many."""

    def __init__(self, steps: int | None = None) -> None:
        self.steps = steps
        self.kept: list[bytes] = []

    def after_step(self, state: TrainingState) -> None:
        buffer = io.BytesIO()
        torch.save(state.save(), buffer)
        self.kept.append(buffer.getvalue())
        if len(self.kept) == self.steps:
            raise Killed


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(n_rows: int) -> Rows:
    """The rows have nothing to learn: the score of the validation rows is best in the first epochs."""
    return Rows((torch.randn(n_rows, 6),), torch.randn(n_rows, 1))


def untrained(name: Name, patience: int | None) -> TrainingState:
    """BatchNorm has buffers, Dropout draws, AdamW and momentum remember."""
    torch.manual_seed(11)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
    params = OptimizerParams(name=name, learning_rate=0.03, weight_decay=0.01, momentum=0.9 if name == "sgd" else 0.0)
    optimizer = build_optimizer(params, model, gradient_clip=1.0)
    return TrainingState(model, optimizer, EarlyStopping(patience) if patience else None)


def train_on(state: TrainingState, watch: Unwatched, batch_size: Literal["full"] | int = 8) -> Bits:
    generator_of_the_run = torch.get_rng_state()
    torch.manual_seed(22)
    train, validation = noise(36), noise(20)
    torch.set_rng_state(generator_of_the_run)
    fit(
        state,
        InMemoryBatches(train, batch_size, seed=3),
        Validation(validation, build_validation_score("regression", "mse", nn.Identity(), validation.target, None)),
        loss_fn=mse,
        schedule=Schedule(EPOCHS, lambda epoch, _step: 0.03 / (1 + epoch)),
        callbacks=[watch],
    )
    return [repr(state.history).encode(), *(value.numpy().tobytes() for value in state.model.state_dict().values())]


class Whole(NamedTuple):
    """A run that was never killed.

    Attributes:
        kept: a checkpoint after each step.
    """

    bits: Bits
    history: list[EpochRecord]
    kept: list[bytes]


@cache
def whole_run(name: Name, patience: int | None, batch_size: Literal["full"] | int = 8) -> Whole:
    state, watch = untrained(name, patience), Keeping()
    return Whole(train_on(state, watch, batch_size), state.history, watch.kept)


def killed_after(state: TrainingState, steps: int) -> bytes:
    watch = Keeping(steps)
    with pytest.raises(Killed):
        train_on(state, watch)
    return watch.kept[-1]


def loaded(kept: bytes) -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(io.BytesIO(kept), map_location="cpu", weights_only=True)
    return saved


def gone_on(name: Name, patience: int | None, saved: dict[str, Any], batch_size: Literal["full"] | int = 8) -> Bits:
    state = untrained(name, patience)
    torch.manual_seed(12345)  # another process has drawn other numbers
    state.restore(saved)
    return train_on(state, Unwatched(), batch_size)


@pytest.mark.parametrize("patience", [None, 4])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_killed_at_any_step_it_ends_with_the_same_bits(name: Name, patience: int | None) -> None:
    whole = whole_run(name, patience)
    for kept in whole.kept:
        assert gone_on(name, patience, loaded(kept)) == whole.bits


def test_a_full_batch_too() -> None:
    whole = whole_run("adamw", None, "full")
    assert len(whole.kept) == EPOCHS
    for kept in whole.kept:
        assert gone_on("adamw", None, loaded(kept), "full") == whole.bits


def test_killed_four_times_twice_within_one_epoch() -> None:
    kept = killed_after(untrained("adamw", 4), STEPS + 1)
    for steps in (1, 2, STEPS + 1):
        state = untrained("adamw", 4)
        state.restore(loaded(kept))
        kept = killed_after(state, steps)
    assert gone_on("adamw", 4, loaded(kept)) == whole_run("adamw", 4).bits


def test_after_the_last_step_nothing_is_trained() -> None:
    """Not even a forward in train mode: BatchNorm would notice."""
    whole, state = whole_run("sgd", 4), untrained("sgd", 4)
    state.restore(loaded(whole.kept[-1]))
    assert state.step == STEPS
    modes = []
    state.model.register_forward_hook(lambda module, _inputs, _output: modes.append(module.training))
    assert train_on(state, Unwatched()) == whole.bits
    assert modes == [False]


def entries(saved: dict[str, Any]) -> list[tuple[str, ...]]:
    """The path of a value: one level down, or two."""
    return [
        path
        for name, value in saved.items()
        for path in ([(name, inner) for inner in value] if isinstance(value, dict) else [(name,)])
    ]


def without(saved: dict[str, Any], path: tuple[str, ...], fresh: dict[str, Any]) -> dict[str, Any]:
    """One entry as it is where a training starts."""
    name = path[0]
    return {**saved, name: fresh[name] if len(path) == 1 else {**saved[name], path[1]: fresh[name][path[1]]}}


def place_of_kill(history: list[EpochRecord]) -> int:
    """Steps: in the middle of the second epoch after the best one, of which patience still waits for two."""
    scores = [epoch.validation_score for epoch in history]
    best = scores.index(min(scores))
    assert 0 < best == len(history) - 5 < EPOCHS - 5
    return (best + 2) * STEPS + 2


def bits_without(path: tuple[str, ...], kill: int, name: Name, patience: int | None) -> Bits:
    saved = loaded(whole_run(name, patience).kept[kill - 1])
    try:
        return gone_on(name, patience, without(saved, path, untrained(name, patience).save()))
    except RuntimeError:  # no best weights
        return []


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_each_entry_is_needed(name: Name) -> None:
    """The best weights are before the kill, or are the last ones: without any entry one of both ends otherwise."""
    kill = place_of_kill(whole_run(name, 4).history)
    paths = entries(loaded(whole_run(name, 4).kept[kill - 1]))
    assert {path[0] for path in paths} == {
        "model", "optimizer", "early_stopping", "epoch", "step", "loss", "history", "random",
    }  # fmt: skip
    spare = []
    for path in paths:
        tried = [4] if path[0] == "early_stopping" else [None, 4]
        if all(bits_without(path, kill, name, patience) == whole_run(name, patience).bits for patience in tried):
            spare.append(path)
    assert spare == []


def test_weights_or_a_loss_that_are_no_numbers_are_told() -> None:
    state = untrained("sgd", None)
    assert state.is_finite()
    state.loss.fill_(float("inf"))
    assert not state.is_finite()
    state.loss.fill_(1.0)
    for place in (0, 1):  # weights, and the buffers of BatchNorm
        state = untrained("sgd", None)
        list(state.model[place].state_dict().values())[-2 if place else 0].view(-1)[0] = float("nan")
        assert not state.is_finite()
