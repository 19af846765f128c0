"""A recorded step does what the step does. Where there is no GPU, a replay runs the step itself."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.compilation import GraphedStep
from relight.train.loop import TrainStep, Validation, fit
from relight.train.losses.losses import mse
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.schedules import Schedule
from relight.train.params import OptimizerParams
from relight.train.state import TrainingState

CPU = torch.device("cpu")
EPOCHS, N_ROWS, BATCH = 4, 70, 16  # four batches of 16 rows in each epoch, and one of 6


class Recorder:
    """Counts; a replay runs the work again."""

    def __init__(self) -> None:
        self.recordings = self.replays = 0

    def __call__(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        self.recordings += 1

        def replay() -> Tensor:
            self.replays += 1
            return work()

        return replay


def constant(_epoch: int, _step: int) -> float:
    return 0.01


def falling(epoch: int, _step: int) -> float:
    return 0.01 / (1 + epoch)


def rows_on(device: torch.device) -> Rows:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(N_ROWS, 5, generator=generator)
    return Rows((x,), x[:, :1] * 2, torch.rand(N_ROWS, generator=generator)).to(device)


def state_on(device: torch.device, name: Literal["sgd", "adamw"]) -> TrainingState:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1)).to(device)
    momentum = 0.9 if name == "sgd" else 0.0
    params = OptimizerParams(name=name, learning_rate=0.01, weight_decay=0.01, momentum=momentum)
    return TrainingState(model, build_optimizer(params, model, gradient_clip=1.0))


def trained(
    state: TrainingState,
    batch_size: Literal["full"] | int,
    schedule: Callable[[int, int], float],
    faster: Callable[[TrainStep], TrainStep] | None = None,
) -> TrainingState:
    rows = rows_on(state.device)
    fit(
        state,
        InMemoryBatches(rows, batch_size, seed=0),
        Validation(rows, lambda _: 0.0),
        loss_fn=mse,
        schedule=Schedule(EPOCHS, schedule),
        wrap_step=faster,
    )
    return state


def assert_same(one: TrainingState, other: TrainingState) -> None:
    assert one.history == other.history
    for weight, same in zip(one.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(weight, same)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize(
    ("batch_size", "schedule", "recordings", "replays"),
    [
        (BATCH, constant, 2, EPOCHS * 5 - 2),  # both shapes, each but for its first time
        (BATCH, falling, EPOCHS, EPOCHS * 3),  # anew in each epoch; the small batch comes once at each rate
        ("full", constant, 1, EPOCHS - 1),
        ("full", falling, 0, 0),  # each rate comes once
    ],
)
def test_recorded_steps_give_the_bits_of_plain_ones(
    optimizer: Literal["sgd", "adamw"],
    batch_size: Literal["full"] | int,
    schedule: Callable[[int, int], float],
    recordings: int,
    replays: int,
) -> None:
    state, record = state_on(CPU, optimizer), Recorder()
    trained(state, batch_size, schedule, lambda step: GraphedStep(step, state.optimizer, record, nullcontext))
    assert_same(state, trained(state_on(CPU, optimizer), batch_size, schedule))
    assert (record.recordings, record.replays) == (recordings, replays)


def test_a_recording_reads_its_own_rows_and_leaves_those_it_is_given() -> None:
    seen: list[Tensor] = []

    def step(rows: Rows, _pull: Tensor | None) -> Tensor:
        seen.append(rows.target)
        return rows.target.sum()

    batches = [Rows((), torch.tensor([float(place), 1.0])) for place in range(4)]
    recorded = GraphedStep(step, state_on(CPU, "sgd").optimizer, Recorder(), nullcontext)
    assert [recorded(rows, None).item() for rows in batches] == [1, 2, 3, 4]
    assert seen[0] is batches[0].target
    assert {rows.data_ptr() for rows in seen[1:]} == {seen[1].data_ptr()}
    assert [rows.target[0].item() for rows in batches] == [0, 1, 2, 3]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU is here")
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("schedule", [constant, falling])
@pytest.mark.parametrize("batch_size", [BATCH, "full"])
def test_on_a_gpu_replays_give_the_bits_of_launches(
    optimizer: Literal["sgd", "adamw"], schedule: Callable[[int, int], float], batch_size: Literal["full"] | int
) -> None:
    gpu = torch.device("cuda")
    state = state_on(gpu, optimizer)
    trained(state, batch_size, schedule, lambda step: GraphedStep(step, state.optimizer))
    assert_same(state, trained(state_on(gpu, optimizer), batch_size, schedule))
