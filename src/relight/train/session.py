"""Device, processes, checkpoints around fit.

The processes that train together: one, as a rule.

Fit the model with all that happens beside it: the bar, the live curves, the checkpoints, the wish to stop.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import torch

from relight.data.features import Features
from relight.data.prefetch import prefetch
from relight.errors import InputError
from relight.model.devices import describe_device, device_for_process
from relight.runtime.files import json_text, write_json
from relight.runtime.lifetime import DeferredStop
from relight.runtime.messages import notify
from relight.runtime.nested import RunIdentity, differing_keys
from relight.runtime.processes import Rank
from relight.train.callbacks import LiveCurves, MainProcessCallback, Progress, WorkerCallback
from relight.train.checkpoints import Checkpoints
from relight.train.checks import assert_can_capture_cuda_graph, assert_can_distribute
from relight.train.distributed.group import ProcessGroup, SingleProcess
from relight.train.distributed.joining import join_process_group
from relight.train.distributed.process_group import StopConsensus
from relight.train.fit import ResolvedSettings, Training, finish_training, run_training, start_training
from relight.train.loop import TrainingCallback
from relight.train.params import TrainParams
from relight.train.state import EpochRecord, TrainingState


class TrainingContext(NamedTuple):
    """The processes that train together, as this one sees them.

    Attributes:
        device: of this process.
        checkpoints: of the first process; None in the others.
    """

    device: torch.device
    group: ProcessGroup
    checkpoints: Checkpoints | None


def device_for_rank(
    device: torch.device, params: TrainParams, settled: ResolvedSettings, features: Features, rank: Rank | None
) -> torch.device:
    """That of this process.

    Raises:
        InputError: when this training cannot be shared or recorded as asked.
    """
    if params.cuda_graph:
        assert_can_capture_cuda_graph(device.type, 1 if rank is None else rank.processes)
    if rank is None:
        return device
    assert_can_distribute(settled.model, features.task)
    return device_for_process(device, rank.local_rank, rank.local_processes)


def open_checkpoints(kept: Path, about: RunIdentity, rank: Rank | None) -> AbstractContextManager[Checkpoints | None]:
    """The first process keeps them."""
    return Checkpoints(kept, about) if rank is None or rank.rank == 0 else nullcontext()


@contextmanager
def open_process_group(rank: Rank | None, device: torch.device, about: RunIdentity) -> Iterator[ProcessGroup]:
    """The processes that train together.

    Raises:
        InputError: when another machine has other params, data or code.
    """
    if rank is None:
        yield SingleProcess()
        return
    from relight.train.distributed.process_group import DistributedGroup

    with join_process_group(rank, device.type):
        group = DistributedGroup(device)
        first = json.loads(group.broadcast_text(json_text(about)))
        if rank.local_rank == 0 and (changed := differing_keys(first, about)):
            raise InputError(f"this machine and the first one differ in {', '.join(changed)}; give both the same")
        yield group


def fit_with_callbacks(training: Training, team: TrainingContext, live_curves: Path, speed: Path) -> list[EpochRecord]:
    """Fit on the chosen device; the model comes back to the CPU, where it is saved and proved."""
    params, model = training.params, training.model
    model.to(team.device)
    state = _start_state(training, team)
    progress = Progress(params.epochs, training.data.train.rows.n_rows, done=state.epoch) if team.checkpoints else None
    with DeferredStop() as stop:
        watch = _build_callback(team, params, progress, LiveCurves(live_curves, EpochRecord._fields), stop)
        run_training(training, state, team.group, watch, prefetch)
    if progress:
        write_json(
            speed, {**progress.speed_summary(state.epoch), **describe_device(team.device), "threads": params.threads}
        )
    finish_training(training)
    model.to("cpu")
    return state.history


def _start_state(training: Training, team: TrainingContext) -> TrainingState:
    """A word is said where it is not the very beginning."""
    newest = team.checkpoints.latest(training.params.epochs) if team.checkpoints else None
    saved = team.group.broadcast_state(newest)
    state = start_training(training, team.group, saved)
    if newest is not None:
        notify(f"train: goes on from a checkpoint, at epoch {state.epoch}, step {state.step}")
    return state


def _build_callback(
    team: TrainingContext, params: TrainParams, progress: Progress | None, curves: LiveCurves, stop: DeferredStop
) -> TrainingCallback:
    """What happens beside the training; in the first process it is seen and kept."""
    agreement = None if team.group.size == 1 else StopConsensus(team.device)
    if team.checkpoints and progress:
        save, seconds = team.group.save, params.checkpoint_seconds
        return MainProcessCallback(
            team.checkpoints, progress, curves, stop, seconds=seconds, save=save, agreement=agreement
        )
    assert agreement
    return WorkerCallback(stop, agreement, team.group.save)
