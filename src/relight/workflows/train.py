"""train: build the model, fit it, save its weights and all that is needed to use it."""

import sys
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from relight.domain.batches import ResidentBatches
from relight.domain.class_weights import row_weights, settle_class_weights
from relight.domain.compiling import compiled
from relight.domain.description import Description, proof_of, untrained_model
from relight.domain.devices import choose_device, compute_the_same_each_time, describe_device
from relight.domain.early_stopping import EarlyStopping
from relight.domain.features import Features
from relight.domain.fitted import Fitted
from relight.domain.log_loss import log_loss
from relight.domain.losses import loss_for
from relight.domain.optimizers import build_optimizer
from relight.domain.precision import casting_for
from relight.domain.predicting import predict
from relight.domain.rows import Arrays, Rows, as_trainee_sees, rows_for, trainee_of
from relight.domain.schedules import schedule_for
from relight.domain.settling import Settled, settle
from relight.domain.temperature import Temperature, best_temperature
from relight.domain.training import fit
from relight.domain.training_state import Epoch, TrainingState
from relight.domain.validation_score import validation_score
from relight.io.artifacts import read_model, write_json
from relight.io.checkpoints import save_weights
from relight.io.live_curves import LiveCurves
from relight.io.progress import Progress
from relight.io.resume import About, Checkpoints
from relight.io.runner.lifetime import PatientStop
from relight.io.tensors import read_tensors
from relight.io.versions import versions
from relight.io.watching import Watching
from relight.params.model import ModelParams
from relight.params.train import TrainParams


class Parts(NamedTuple):
    """The rows that train may see, on the CPU."""

    train: Rows
    validation: Rows
    sample_weight: Tensor | None  # of the validation rows, without the weights of the classes


def train(
    model_params: ModelParams,
    params: TrainParams,
    *,
    train_rows: Path,
    validation_rows: Path,
    features: Path,
    weights: Path,
    description: Path,
    curves: Path,
    live_curves: Path,
    speed: Path,
    kept: Path,
    digests: dict[str, str],
) -> None:
    """Write the weights (state_dict), their description, and the loss of every epoch.

    Args:
        live_curves: where the curves grow while the model trains.
        speed: where to say how fast it was, and on what: facts of this run that no artifact may hold.
        kept: the folder of the crash checkpoints of all runs.
        digests: a hash of every file that the result depends on, code and data.
    """
    known = read_model(features, Features)
    compute_the_same_each_time(params.threads)
    device = choose_device(params.device)
    settled = settle(model_params, params, known, device.type)
    model = untrained_model(
        settled.model, known, target_scale=settled.target_scale, seed=params.seed, seeds=params.seeds
    )
    parts = _parts(model, params, known, read_tensors(train_rows), read_tensors(validation_rows))
    about = _about(model_params, params, digests, device)
    with Checkpoints(kept, about) as checkpoints:
        history = _fit(model, params, settled, parts, known, device, checkpoints, live_curves, speed)
        if settled.calibration == "temperature":
            _calibrate(model, known, parts)
        _write_curves(curves, history)
        save_weights(weights, model)
        proof = proof_of(predict(model, parts.validation.inputs))
        write_json(description, _describe(params, settled, known, history, proof))
        checkpoints.finish(weights)


def _about(model: ModelParams, params: TrainParams, digests: dict[str, str], device: torch.device) -> About:
    """All that the weights depend on. More epochs go on from a checkpoint where the rate does not depend on them."""
    free = {"checkpoint_seconds", *(["epochs"] if params.schedule.name == "constant" else [])}
    return {
        "model": model.model_dump(mode="json"),
        "train": params.model_dump(mode="json", exclude=free),
        "device": device.type,
        "versions": {**versions(), "torch": torch.__version__},
        **digests,
    }


def _describe(
    params: TrainParams, settled: Settled, features: Features, history: list[Epoch], proof: str
) -> Description:
    best = min(history, key=lambda epoch: epoch.validation_score) if params.early_stopping else history[-1]
    return Description(
        **settled._asdict(),
        features=features,
        seed=params.seed,
        seeds=params.seeds,
        threads=params.threads,
        epochs=len(history),
        best_epoch=best.epoch,
        proof=proof,
        versions=versions(),
    )


def _parts(model: nn.Module, params: TrainParams, features: Features, train: Arrays, validation: Arrays) -> Parts:
    """The rows as tensors, each with its weight in the loss."""
    class_weights = settle_class_weights(params, features)

    def rows(arrays: Arrays, where: str) -> Rows:
        weight = row_weights(class_weights, arrays["target"], arrays.get("weight"))
        weighted = arrays if weight is None else {**arrays, "weight": weight}
        return rows_for(model, weighted, where)

    sample = validation.get("weight")
    return Parts(
        rows(train, "the train rows"),
        rows(validation, "the validation rows"),
        None if sample is None else torch.from_numpy(np.ascontiguousarray(sample)),
    )


def _fit(
    model: nn.Module,
    params: TrainParams,
    settled: Settled,
    parts: Parts,
    features: Features,
    device: torch.device,
    checkpoints: Checkpoints,
    live_curves: Path,
    speed: Path,
) -> list[Epoch]:
    """Fit on the chosen device; the model comes back to the CPU, where it is saved and proved."""
    model.to(device)
    trainee = trainee_of(model)
    back = model.back if isinstance(model, Fitted) else nn.Identity()
    torch.manual_seed(params.seed)
    state = _state(params, trainee, checkpoints)
    batch_size: Literal["full"] | int = "full" if params.batch_size == "full" else settled.batch_size
    with PatientStop() as stop:
        progress = Progress(params.epochs, len(parts.train.target), done=state.epoch)
        curves = LiveCurves(live_curves, Epoch._fields)
        fit(
            state,
            ResidentBatches(as_trainee_sees(model, parts.train.to(device)), batch_size, params.seed),
            as_trainee_sees(model, parts.validation.to(device)),
            loss_fn=loss_for(settled.loss, params.label_smoothing),
            score_fn=validation_score(features.task, settled.loss, back, parts.validation.target, parts.sample_weight),
            schedule=schedule_for(params.schedule, peak=params.optimizer.learning_rate, epochs=params.epochs),
            epochs=params.epochs,
            gradient_clip=params.gradient_clip,
            watch=Watching(checkpoints, progress, curves, stop, seconds=params.checkpoint_seconds),
            network=compiled(trainee) if params.compile else None,
            casting=casting_for(params.precision, device),
        )
    write_json(speed, {**progress.facts(state.epoch), **describe_device(device), "threads": params.threads})
    model.to("cpu")
    return state.history


def _state(params: TrainParams, trainee: nn.Module, checkpoints: Checkpoints) -> TrainingState:
    """The start of the training, or where a checkpoint says that it was."""
    stopping = EarlyStopping(params.early_stopping.patience) if params.early_stopping else None
    state = TrainingState(trainee, build_optimizer(params.optimizer, trainee), stopping)
    saved = checkpoints.newest(params.epochs)
    if saved is not None:
        state.restore(saved)
        sys.stderr.write(f"train: goes on from a checkpoint, at epoch {state.epoch}, step {state.step}\n")
    return state


def _calibrate(model: nn.Module, features: Features, parts: Parts) -> None:
    """Put the temperature that suits the validation rows best behind the model."""
    assert isinstance(model, Fitted)
    assert isinstance(model.back, Temperature)
    logits = predict(model, parts.validation.inputs)  # at temperature 1
    target = parts.validation.target
    model.back.temperature.fill_(
        best_temperature(
            lambda t: log_loss(features.task, logits.double() / t, target, parts.sample_weight), n_rows=len(target)
        )
    )


def _write_curves(path: Path, history: list[Epoch]) -> None:
    path.write_text(pl.DataFrame(history, orient="row", schema=list(Epoch._fields)).write_csv())
