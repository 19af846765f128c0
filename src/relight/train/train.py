"""Train stage: resolve, fit, save.

What is written about a training: for its checkpoints, for predict, for trace.

train: build the model, fit it, save its weights and all that is needed to use it.
"""

from pathlib import Path

import polars as pl
import torch

from relight.data.features import Features
from relight.data.tensors import StoredTensors
from relight.model.devices import choose_device, compute_the_same_each_time
from relight.model.inference import predict
from relight.model.params import ModelParams
from relight.model.saved_model import Description, proof_of, save_weights
from relight.runtime.dependencies import sha256_of
from relight.runtime.files import read_model, write_json
from relight.runtime.nested import About
from relight.runtime.processes import Rank
from relight.train.calibration import calibrate, scale_of
from relight.train.distributed.joining import rank_to_be
from relight.train.fit import Training, settle, untrained
from relight.train.manifest import Manifest, all_versions, data_and_code, versions
from relight.train.params import TrainParams
from relight.train.session import Team, checkpoints_of, device_of, fit_watched, group_of
from relight.train.state import Epoch

OF_THIS_RUN = {"checkpoint_seconds", "memory_gb"}  # params that change no bit of the result


def about_training(
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


def describe_training(training: Training, history: list[Epoch], processes: int) -> Description:
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


def manifest_of(
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
