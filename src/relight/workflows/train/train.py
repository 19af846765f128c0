"""train: build the model, fit it, save its weights and all that is needed to use it."""

from pathlib import Path

import polars as pl

from relight.domain.calibrating import calibrate
from relight.domain.devices import choose_device, compute_the_same_each_time
from relight.domain.features import Features
from relight.domain.fitting import untrained
from relight.domain.settling import settle
from relight.domain.training_state import Epoch
from relight.io.artifacts import read_model, write_json
from relight.io.checkpoints import save_weights
from relight.io.joining import rank_to_be
from relight.io.runner.fingerprints import sha256_of
from relight.io.tensors import StoredTensors
from relight.params.model import ModelParams
from relight.params.train import TrainParams
from relight.workflows.train.fit import fit_watched
from relight.workflows.train.record import about_training, describe_training, manifest_of
from relight.workflows.train.team import Team, checkpoints_of, device_of, group_of


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
    device = device_of(device, params, settled, known, rank)
    about = about_training(model_params, params, digests, device, rank)
    with checkpoints_of(kept, about, rank) as checkpoints:
        with group_of(rank, device, about) as group:
            training = untrained(params, settled, known, StoredTensors(train_rows), StoredTensors(validation_rows))
            history = fit_watched(training, Team(device, group, checkpoints), live_curves, speed)
        if checkpoints is None:
            return
        if settled.calibration == "temperature":
            calibrate(training.model, known.task, training.parts)
        _write_curves(curves, history)
        save_weights(weights, training.model)
        write_json(description, describe_training(training, history, group.size))
        made = {path.name: sha256_of(path) for path in (weights, description)}
        write_json(manifest, manifest_of(model_params, params, digests, device, group.size, made))
        checkpoints.finish(weights)


def _write_curves(path: Path, history: list[Epoch]) -> None:
    path.write_text(pl.DataFrame(history, orient="row", schema=list(Epoch._fields)).write_csv())
