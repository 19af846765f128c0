"""Device, processes, checkpoints around fit.

The processes that train together: one, as a rule.

Fit the model with all that happens beside it: the bar, the live curves, the checkpoints, the wish to stop.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import torch

from relight.data.features import Features
from relight.data.prefetch import ahead
from relight.errors import InputError
from relight.model.devices import describe_device, device_of_process
from relight.runtime.files import json_text, write_json
from relight.runtime.lifetime import PatientStop
from relight.runtime.nested import About, differences
from relight.runtime.processes import Rank
from relight.train.callbacks import Helping, LiveCurves, Progress, Watching
from relight.train.checkpoints import Checkpoints
from relight.train.checks import assert_can_record, assert_can_share
from relight.train.distributed.group import Alone, Group
from relight.train.distributed.joining import joined
from relight.train.distributed.process_group import Agreement
from relight.train.fit import Settled, Training, finish, fit_as_asked, start
from relight.train.loop import Watch
from relight.train.params import TrainParams
from relight.train.state import Epoch, TrainingState


class Team(NamedTuple):
    """The processes that train together, as this one sees them.

    Attributes:
        device: of this process.
        checkpoints: of the first process; None in the others.
    """

    device: torch.device
    group: Group
    checkpoints: Checkpoints | None


def device_of(
    device: torch.device, params: TrainParams, settled: Settled, known: Features, rank: Rank | None
) -> torch.device:
    """That of this process.

    Raises:
        InputError: when this training cannot be shared or recorded as asked.
    """
    if params.cuda_graph:
        assert_can_record(device.type, 1 if rank is None else rank.processes)
    if rank is None:
        return device
    assert_can_share(settled.model, known.task)
    return device_of_process(device, rank.local_rank, rank.local_processes)


def checkpoints_of(kept: Path, about: About, rank: Rank | None) -> AbstractContextManager[Checkpoints | None]:
    """The first process keeps them."""
    return Checkpoints(kept, about) if rank is None or rank.rank == 0 else nullcontext()


@contextmanager
def group_of(rank: Rank | None, device: torch.device, about: About) -> Iterator[Group]:
    """The processes that train together.

    Raises:
        InputError: when another machine has other params, data or code.
    """
    if rank is None:
        yield Alone()
        return
    from relight.train.distributed.process_group import SeveralProcesses

    with joined(rank, device.type):
        group = SeveralProcesses(device)
        first = json.loads(group.share_text(json_text(about)))
        if rank.local_rank == 0 and (changed := differences(first, about)):
            raise InputError(f"this machine and the first one differ in {', '.join(changed)}; give both the same")
        yield group


def fit_watched(training: Training, team: Team, live_curves: Path, speed: Path) -> list[Epoch]:
    """Fit on the chosen device; the model comes back to the CPU, where it is saved and proved."""
    params, model = training.params, training.model
    model.to(team.device)
    state = _start(training, team)
    progress = Progress(params.epochs, training.parts.train.rows.n_rows, done=state.epoch) if team.checkpoints else None
    with PatientStop() as stop:
        watch = _watch(team, params, progress, LiveCurves(live_curves, Epoch._fields), stop)
        fit_as_asked(training, state, team.group, watch, ahead)
    if progress:
        write_json(speed, {**progress.facts(state.epoch), **describe_device(team.device), "threads": params.threads})
    finish(training)
    model.to("cpu")
    return state.history


def _start(training: Training, team: Team) -> TrainingState:
    """A word is said where it is not the very beginning."""
    newest = team.checkpoints.newest(training.params.epochs) if team.checkpoints else None
    saved = team.group.share(newest)
    state = start(training, team.group, saved)
    if newest is not None:
        sys.stderr.write(f"train: goes on from a checkpoint, at epoch {state.epoch}, step {state.step}\n")
    return state


def _watch(team: Team, params: TrainParams, progress: Progress | None, curves: LiveCurves, stop: PatientStop) -> Watch:
    """What happens beside the training; in the first process it is seen and kept."""
    agreement = None if team.group.size == 1 else Agreement(team.device)
    if team.checkpoints and progress:
        save, seconds = team.group.save, params.checkpoint_seconds
        return Watching(team.checkpoints, progress, curves, stop, seconds=seconds, save=save, agreement=agreement)
    assert agreement
    return Helping(stop, agreement, team.group.save)
