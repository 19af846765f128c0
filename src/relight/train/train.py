"""Train stage: resolve, fit, save.

What is written about a training: for its checkpoints, for predict, for trace.

train: build the model, fit it, save its weights and all that is needed to use it.
"""

from pathlib import Path

import polars as pl
import torch

from relight.data.features import Features
from relight.data.tensors import StoredTensors
from relight.model.devices import choose_device, make_deterministic
from relight.model.inference import predict_outputs
from relight.model.params import ModelParams
from relight.model.saved_model import Description, hash_outputs
from relight.model.weights import save_weights
from relight.runtime.dependencies import file_sha256
from relight.runtime.files import read_model, write_json
from relight.runtime.nested import RunIdentity
from relight.runtime.processes import Rank
from relight.train.calibration import calibrate_distances, fit_temperature
from relight.train.distributed.joining import requested_rank
from relight.train.fit import Training, new_training, resolve_settings
from relight.train.manifest import Manifest, package_versions, split_data_and_code, versions_with_relight
from relight.train.params import TrainParams
from relight.train.session import (
    TrainingContext,
    device_for_rank,
    fit_with_callbacks,
    open_checkpoints,
    open_process_group,
)
from relight.train.state import EpochRecord

RUN_ONLY_PARAMS = {"checkpoint_seconds", "memory_gb"}  # params that change no bit of the result


def identify_run(
    model: ModelParams, params: TrainParams, digests: dict[str, str], device: torch.device, rank: Rank | None
) -> RunIdentity:
    """All that the weights depend on. More epochs go on from a checkpoint where the rate does not depend on them."""
    free = {*RUN_ONLY_PARAMS, *(["epochs"] if params.schedule.name == "constant" else [])}
    return {
        "model": model.model_dump(mode="json"),
        "train": params.model_dump(mode="json", exclude=free),
        "device": device.type,
        "versions": {**package_versions(), "torch": torch.__version__},
        **({} if rank is None else {"processes": rank.processes}),
        **digests,
    }


def describe_training(training: Training, history: list[EpochRecord], processes: int) -> Description:
    params, settled = training.params, training.resolved
    best = min(history, key=lambda epoch: epoch.validation_score) if params.early_stopping else history[-1]
    return Description(
        **settled._asdict(),
        features=training.features,
        seed=params.seed,
        seeds=params.seeds,
        threads=params.threads,
        processes=processes,
        distance_calibration=calibrate_distances(training.model, training.data, training.features)
        if training.features.pairs
        else None,
        epochs=len(history),
        best_epoch=best.epoch,
        output_sha256=hash_outputs(predict_outputs(training.model, training.data.validation.rows.inputs)),
        versions=package_versions(),
    )


def build_manifest(
    model: ModelParams,
    params: TrainParams,
    digests: dict[str, str],
    device: torch.device,
    processes: int,
    made: dict[str, str],
) -> Manifest:
    data, code = split_data_and_code(digests)
    return Manifest(
        params={
            "model": model.model_dump(mode="json"),
            "train": params.model_dump(mode="json", exclude=RUN_ONLY_PARAMS),
        },
        data=data,
        code=code,
        versions=versions_with_relight(),
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
    train_features = read_model(features, Features)
    make_deterministic(params.threads)
    device, rank = choose_device(params.device), requested_rank()
    settled = resolve_settings(model_params, params, train_features, device.type)
    device = device_for_rank(device, params, settled, train_features, rank)
    about = identify_run(model_params, params, digests, device, rank)
    with open_checkpoints(kept, about, rank) as checkpoints:
        with open_process_group(rank, device, about) as group:
            training = new_training(
                params, settled, train_features, StoredTensors(train_rows), StoredTensors(validation_rows)
            )
            history = fit_with_callbacks(training, TrainingContext(device, group, checkpoints), live_curves, speed)
        if checkpoints is None:
            return
        if settled.calibration == "temperature":
            fit_temperature(training.model, train_features.task, training.data)
        _write_curves(curves, history)
        save_weights(weights, training.model)
        write_json(description, describe_training(training, history, group.size))
        made = {path.name: file_sha256(path) for path in (weights, description)}
        write_json(manifest, build_manifest(model_params, params, digests, device, group.size, made))
        checkpoints.finish(weights)


def _write_curves(path: Path, history: list[EpochRecord]) -> None:
    path.write_text(pl.DataFrame(history, orient="row", schema=list(EpochRecord._fields)).write_csv())
