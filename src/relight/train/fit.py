"""Training assembled from params.

What `auto` means, for one table on one machine.

A whole training, as params.yaml describes it.
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from relight.data.features import Features
from relight.model.build import untrained_model
from relight.model.checks import TargetScale, resolve_target_scale
from relight.model.inference import set_training_mode
from relight.model.networks.forecaster import Forecaster
from relight.model.params import ModelParams
from relight.model.pipeline import TabularModel
from relight.model.rows import trainable_module
from relight.model.sequences import Windows, preprocess_windows
from relight.train.auto import (
    Calibration,
    LossName,
    choose_model,
    resolve_batch_size,
    resolve_calibration,
    resolve_loss,
)
from relight.train.batches import Batches, Prefetch, batch_weight
from relight.train.calibration import fit_conformal_widths
from relight.train.checks import assert_train_params_fit
from relight.train.compilation import GraphedStep, compile_model
from relight.train.datasets import TensorStore, TrainingData, build_batches, load_training_data, prepare_validation
from relight.train.distributed.group import DistributedBatches, ProcessGroup, process_seed
from relight.train.loop import TrainingCallback, autocast_for, fit
from relight.train.losses import Loss, build_loss, count_observed_targets, skip_missing_targets
from relight.train.optimizers import build_optimizer, build_schedule
from relight.train.params import TrainParams
from relight.train.state import EarlyStopping, TrainingState
from relight.train.validation_score import ScoreFunction, build_validation_score, forecast_score


class ResolvedSettings(NamedTuple):
    """
    Attributes:
        model: with a name, never `auto`.
        model_choice: why `auto` chose it, one sentence; "" where the name was given.
    """

    model: ModelParams
    model_choice: str
    loss: LossName
    target_scale: TargetScale
    batch_size: int
    calibration: Calibration


def resolve_settings(model: ModelParams, params: TrainParams, features: Features, device: str) -> ResolvedSettings:
    """Every `auto` replaced.

    Args:
        device: its type, as of torch: cuda, mps or cpu.

    Raises:
        InputError: when params and table do not fit together.
    """
    model, choice = choose_model(model, features, device)
    assert_train_params_fit(params, model, features)
    return ResolvedSettings(
        model,
        choice,
        resolve_loss(params.loss, features.task),
        resolve_target_scale(model, features),
        resolve_batch_size(params.batch_size, features.n_train),
        resolve_calibration(params.calibration, features),
    )


class Training(NamedTuple):
    """What is trained, on what and how.

    Attributes:
        model: untrained, on the CPU.
        settled: what `auto` means here.
    """

    model: nn.Module
    data: TrainingData
    params: TrainParams
    resolved: ResolvedSettings
    features: Features


def new_training(
    params: TrainParams, settled: ResolvedSettings, features: Features, train: TensorStore, validation: TensorStore
) -> Training:
    """A training before its first step.

    Raises:
        InputError: when no row counts, or a model without a front would have to read a gap.
    """
    scale = settled.target_scale
    model = untrained_model(settled.model, features, target_scale=scale, seed=params.seed, seeds=params.seeds)
    return Training(model, load_training_data(model, params, features, train, validation), params, settled, features)


def start_training(training: Training, group: ProcessGroup, saved: dict[str, Any] | None) -> TrainingState:
    """Of what learns in the model, on its device: before the first step, or where `saved` says that it was."""
    params, trainable = training.params, trainable_module(training.model)
    torch.manual_seed(process_seed(params.seed, group.rank))
    stopping = EarlyStopping(params.early_stopping.patience) if params.early_stopping else None
    state = TrainingState(trainable, build_optimizer(params.optimizer, trainable), stopping)
    if isinstance(training.model, Forecaster):
        _fit_autoregression(training.model, training.data, validated=not training.features.validates_on_test)
    if saved is not None:
        state.restore(saved)
    return state


def _fit_autoregression(model: Forecaster, parts: TrainingData, *, validated: bool) -> None:
    """In closed form, before the first step."""
    train, validation = _preprocessed_windows(model, parts)
    model.network.autoregression.fit(train, validation if validated else None)


def _preprocessed_windows(model: Forecaster, parts: TrainingData) -> list[Windows]:
    """The windows of train and validation."""
    datasets = [part.rows for part in (parts.train, parts.validation)]
    device = model.target_transform.mean.device
    return [preprocess_windows(model, rows.to(device)) for rows in datasets if isinstance(rows, Windows)]


def finish_training(training: Training) -> None:
    """After the training, once the validation rows have nothing left to choose.

    The line of a forecast is fitted anew on the validation windows, too, for the steps just before those that are to
    be foretold say most of them; how wide its intervals are is settled before. Without validation rows of its own
    nothing is done.
    """
    if isinstance(training.model, Forecaster) and not training.features.validates_on_test:
        body, validation = training.model.network, training.data.validation.rows
        assert isinstance(validation, Windows)
        fit_conformal_widths(training.model, validation.to(training.model.half_width.device))
        set_training_mode(body, training=False)
        with torch.no_grad():
            body.autoregression.refit(_preprocessed_windows(training.model, training.data), body.learned)


def run_training(
    training: Training, state: TrainingState, group: ProcessGroup, callback: TrainingCallback, prefetch: Prefetch
) -> None:
    """Train the model, whose state is `state`, in place.

    Raises:
        InputError: for a full batch of rows that are not in memory, or a model to compile without a compiler.
        RunError: when the loss is no longer a number.
    """
    params = training.params
    fit(
        state,
        _batches(training, group, state.device, prefetch),
        prepare_validation(training.model, training.data.validation, state.device),
        loss_fn=_loss(training),
        score_fn=_score(training),
        schedule=build_schedule(params.schedule, peak=params.optimizer.learning_rate, epochs=params.epochs),
        epochs=params.epochs,
        gradient_clip=params.gradient_clip,
        callback=callback,
        group=group,
        forward_model=compile_model(state.model) if params.compile else None,
        autocast=autocast_for(params.precision, state.device),
        wrap_step=(lambda step: GraphedStep(step, state.optimizer)) if params.cuda_graph else None,
    )


def _batches(training: Training, group: ProcessGroup, device: torch.device, prefetch: Prefetch) -> Batches:
    params, rows = training.params, training.data.train
    size: Literal["full"] | int = "full" if params.batch_size == "full" else training.resolved.batch_size
    batches = build_batches(training.model, rows, device, batch_size=size, seed=params.seed, prefetch=prefetch)
    if group.size == 1:
        return batches
    return DistributedBatches(
        batches, group.rank, group.size, count_observed_targets if _has_gaps(training) else batch_weight
    )


def _loss(training: Training) -> Loss:
    loss = build_loss(training.resolved.loss, training.params.label_smoothing, training.params.margin)
    return skip_missing_targets(loss) if _has_gaps(training) else loss


def _has_gaps(training: Training) -> bool:
    """Whether some step of a forecast has no value to foretell."""
    datasets = [part.rows for part in (training.data.train, training.data.validation)]
    return any(isinstance(rows, Windows) and rows.has_gaps for rows in datasets)


def _score(training: Training) -> ScoreFunction:
    if isinstance(training.model, Forecaster):
        return forecast_score(
            training.resolved.loss, training.model.target_transform, training.data.validation.rows.target
        )
    model, parts = training.model, training.data
    back = model.target_transform if isinstance(model, TabularModel) else nn.Identity()
    target = parts.validation.rows.target
    return build_validation_score(training.features.task, training.resolved.loss, back, target, parts.sample_weight)
