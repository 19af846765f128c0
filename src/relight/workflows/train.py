"""train: build the model, fit it, save its weights and all that is needed to use it."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import polars as pl
import torch

from relight.domain.calibrating import calibrate
from relight.domain.compatibility import assert_can_record, assert_can_share
from relight.domain.description import Description, proof_of, untrained_model
from relight.domain.devices import choose_device, compute_the_same_each_time, describe_device, device_of_process
from relight.domain.features import Features
from relight.domain.fitting import Training, finish, fit_as_asked, start
from relight.domain.group import Alone, Group
from relight.domain.manifest import Manifest, data_and_code
from relight.domain.pair_scale import scale_of
from relight.domain.parts import read_parts
from relight.domain.predicting import predict
from relight.domain.settling import Settled, settle
from relight.domain.training import Watch
from relight.domain.training_state import Epoch, TrainingState
from relight.errors import InputError
from relight.io.agreement import Agreement
from relight.io.ahead import ahead
from relight.io.artifacts import json_text, read_model, write_json
from relight.io.checkpoints import save_weights
from relight.io.helping import Helping
from relight.io.joining import joined, rank_to_be
from relight.io.live_curves import LiveCurves
from relight.io.progress import Progress
from relight.io.resume import About, Checkpoints, differences
from relight.io.runner.fingerprints import sha256_of
from relight.io.runner.lifetime import PatientStop
from relight.io.runner.rank import Rank
from relight.io.tensors import StoredTensors
from relight.io.versions import all_versions, versions
from relight.io.watching import Watching
from relight.params.model import ModelParams
from relight.params.train import TrainParams

OF_THIS_RUN = {"checkpoint_seconds", "memory_gb"}  # params that change no bit of the result


class Team(NamedTuple):
    """The processes that train together, as this one sees them.

    Attributes:
        device: of this process.
        checkpoints: of the first process; None in the others.
    """

    device: torch.device
    group: Group
    checkpoints: Checkpoints | None


def train(
    model_params: ModelParams,
    params: TrainParams,
    *,
    train_rows: Path,
    validation_rows: Path,
    features: Path,
    weights: Path,
    description: Path,
    manifest: Path,
    curves: Path,
    live_curves: Path,
    speed: Path,
    kept: Path,
    digests: dict[str, str],
) -> None:
    """Write the weights (state_dict), their description, what they were made of, and the loss of every epoch.

    Args:
        live_curves: where the curves grow while the model trains.
        speed: where to say how fast it was, and on what: facts of this run that no artifact may hold.
        kept: the folder of the crash checkpoints of all runs.
        digests: a hash of every file that the result depends on, code and data.
    """
    known = read_model(features, Features)
    compute_the_same_each_time(params.threads)
    device, rank = choose_device(params.device), rank_to_be()
    settled = settle(model_params, params, known, device.type)
    device = _device(device, params, settled, known, rank)
    about = _about(model_params, params, digests, device, rank)
    with _checkpoints(kept, about, rank) as checkpoints:
        with _group(rank, device, about) as group:
            model = untrained_model(
                settled.model, known, target_scale=settled.target_scale, seed=params.seed, seeds=params.seeds
            )
            parts = read_parts(model, params, known, StoredTensors(train_rows), StoredTensors(validation_rows))
            training = Training(model, parts, params, settled, known)
            history = _fit(training, Team(device, group, checkpoints), live_curves, speed)
        if checkpoints is None:
            return
        if settled.calibration == "temperature":
            calibrate(model, known.task, parts)
        _write_curves(curves, history)
        save_weights(weights, model)
        write_json(description, _describe(training, history, group.size))
        made = {path.name: sha256_of(path) for path in (weights, description)}
        write_json(manifest, _manifest(model_params, params, digests, device, group.size, made))
        checkpoints.finish(weights)


def _device(
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


def _checkpoints(kept: Path, about: About, rank: Rank | None) -> AbstractContextManager[Checkpoints | None]:
    """The first process keeps them."""
    return Checkpoints(kept, about) if rank is None or rank.rank == 0 else nullcontext()


@contextmanager
def _group(rank: Rank | None, device: torch.device, about: About) -> Iterator[Group]:
    """The processes that train together.

    Raises:
        InputError: when another machine has other params, data or code.
    """
    if rank is None:
        yield Alone()
        return
    from relight.domain.several_processes import SeveralProcesses

    with joined(rank, device.type):
        group = SeveralProcesses(device)
        first = json.loads(group.share_text(json_text(about)))
        if rank.local_rank == 0 and (changed := differences(first, about)):
            raise InputError(f"this machine and the first one differ in {', '.join(changed)}; give both the same")
        yield group


def _about(
    model: ModelParams, params: TrainParams, digests: dict[str, str], device: torch.device, rank: Rank | None
) -> About:
    """All that the weights depend on. More epochs go on from a checkpoint where the rate does not depend on them."""
    free = {*OF_THIS_RUN, *(["epochs"] if params.schedule.name == "constant" else [])}
    return {
        "model": model.model_dump(mode="json"),
        "train": params.model_dump(mode="json", exclude=free),
        "device": device.type,
        "versions": {**versions(), "torch": torch.__version__},
        **({} if rank is None else {"processes": rank.processes}),
        **digests,
    }


def _describe(training: Training, history: list[Epoch], processes: int) -> Description:
    params, settled = training.params, training.settled
    best = min(history, key=lambda epoch: epoch.validation_score) if params.early_stopping else history[-1]
    return Description(
        **settled._asdict(),
        features=training.features,
        seed=params.seed,
        seeds=params.seeds,
        threads=params.threads,
        processes=processes,
        similarity=scale_of(training.model, training.parts, known) if (known := training.features).pairs else None,
        epochs=len(history),
        best_epoch=best.epoch,
        proof=proof_of(predict(training.model, training.parts.validation.rows.inputs)),
        versions=versions(),
    )


def _manifest(
    model: ModelParams,
    params: TrainParams,
    digests: dict[str, str],
    device: torch.device,
    processes: int,
    made: dict[str, str],
) -> Manifest:
    data, code = data_and_code(digests)
    return Manifest(
        params={
            "model": model.model_dump(mode="json"),
            "train": params.model_dump(mode="json", exclude=OF_THIS_RUN),
        },
        data=data,
        code=code,
        versions=all_versions(),
        seed=params.seed,
        seeds=params.seeds,
        device=device.type,
        threads=params.threads,
        processes=processes,
        made=made,
    )


def _fit(training: Training, team: Team, live_curves: Path, speed: Path) -> list[Epoch]:
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


def _write_curves(path: Path, history: list[Epoch]) -> None:
    path.write_text(pl.DataFrame(history, orient="row", schema=list(Epoch._fields)).write_csv())
