"""Fit the model with all that happens beside it: the bar, the live curves, the checkpoints, the wish to stop."""

import sys
from pathlib import Path

from relight.domain.devices import describe_device
from relight.domain.fitting import Training, finish, fit_as_asked, start
from relight.domain.training import Watch
from relight.domain.training_state import Epoch, TrainingState
from relight.io.agreement import Agreement
from relight.io.ahead import ahead
from relight.io.artifacts import write_json
from relight.io.helping import Helping
from relight.io.live_curves import LiveCurves
from relight.io.progress import Progress
from relight.io.runner.lifetime import PatientStop
from relight.io.watching import Watching
from relight.params.train import TrainParams
from relight.workflows.train.team import Team


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
