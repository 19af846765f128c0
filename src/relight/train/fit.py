"""Training assembled from params.

What `auto` means, for one table on one machine.

A whole training, as params.yaml describes it.
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from relight.data.features import Features
from relight.model.build import untrained_model
from relight.model.checks import TargetScale, settle_target_scale
from relight.model.inference import set_mode
from relight.model.networks.forecaster import Forecaster
from relight.model.params import ModelParams
from relight.model.pipeline import Fitted
from relight.model.rows import trainee_of
from relight.model.sequences import Windows, as_trainee_sees_windows
from relight.train.auto import Calibration, LossName, choose_model, settle_batch_size, settle_calibration, settle_loss
from relight.train.batches import Ahead, Batches, weight_of
from relight.train.calibration import settle_half_widths
from relight.train.checks import assert_train_suits
from relight.train.compilation import Recorded, compiled
from relight.train.datasets import Parts, Store, batches_of, read_parts, validation_of
from relight.train.distributed.group import Group, SharedBatches, seed_of
from relight.train.loop import Watch, casting_for, fit
from relight.train.losses import Loss, loss_for, observed_steps, where_observed
from relight.train.optimizers import build_optimizer, schedule_for
from relight.train.params import TrainParams
from relight.train.state import EarlyStopping, TrainingState
from relight.train.validation_score import Score, forecast_score, validation_score


class Settled(NamedTuple):
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


def settle(model: ModelParams, params: TrainParams, features: Features, device: str) -> Settled:
    """Every `auto` replaced.

    Args:
        device: its type, as of torch: cuda, mps or cpu.

    Raises:
        InputError: when params and table do not fit together.
    """
    model, choice = choose_model(model, features, device)
    assert_train_suits(params, model, features)
    return Settled(
        model,
        choice,
        settle_loss(params.loss, features.task),
        settle_target_scale(model, features),
        settle_batch_size(params.batch_size, features.n_train),
        settle_calibration(params.calibration, features),
    )


class Training(NamedTuple):
    """What is trained, on what and how.

    Attributes:
        model: untrained, on the CPU.
        settled: what `auto` means here.
    """

    model: nn.Module
    parts: Parts
    params: TrainParams
    settled: Settled
    features: Features


def untrained(params: TrainParams, settled: Settled, features: Features, train: Store, validation: Store) -> Training:
    """A training before its first step.

    Raises:
        InputError: when no row counts, or a model without a front would have to read a gap.
    """
    scale = settled.target_scale
    model = untrained_model(settled.model, features, target_scale=scale, seed=params.seed, seeds=params.seeds)
    return Training(model, read_parts(model, params, features, train, validation), params, settled, features)


def start(training: Training, group: Group, saved: dict[str, Any] | None) -> TrainingState:
    """Of what learns in the model, on its device: before the first step, or where `saved` says that it was."""
    params, trainee = training.params, trainee_of(training.model)
    torch.manual_seed(seed_of(params.seed, group.rank))
    stopping = EarlyStopping(params.early_stopping.patience) if params.early_stopping else None
    state = TrainingState(trainee, build_optimizer(params.optimizer, trainee), stopping)
    if isinstance(training.model, Forecaster):
        _fit_autoregression(training.model, training.parts, validated=not training.features.test_rows_validate)
    if saved is not None:
        state.restore(saved)
    return state


def _fit_autoregression(model: Forecaster, parts: Parts, *, validated: bool) -> None:
    """In closed form, before the first step."""
    train, validation = _as_the_network_sees(model, parts)
    model.body.autoregression.fit(train, validation if validated else None)


def _as_the_network_sees(model: Forecaster, parts: Parts) -> list[Windows]:
    """The windows of train and validation."""
    held = [part.rows for part in (parts.train, parts.validation)]
    device = model.back.mean.device
    return [as_trainee_sees_windows(model, rows.to(device)) for rows in held if isinstance(rows, Windows)]


def finish(training: Training) -> None:
    """After the training, once the validation rows have nothing left to choose.

    The line of a forecast is fitted anew on the validation windows, too, for the steps just before those that are to
    be foretold say most of them; how wide its intervals are is settled before. Without validation rows of its own
    nothing is done.
    """
    if isinstance(training.model, Forecaster) and not training.features.test_rows_validate:
        body, validation = training.model.body, training.parts.validation.rows
        assert isinstance(validation, Windows)
        settle_half_widths(training.model, validation.to(training.model.half_width.device))
        set_mode(body, training=False)
        with torch.no_grad():
            body.autoregression.refit(_as_the_network_sees(training.model, training.parts), body.learned)


def fit_as_asked(training: Training, state: TrainingState, group: Group, watch: Watch, ahead: Ahead) -> None:
    """Train the model, whose state is `state`, in place.

    Raises:
        InputError: for a full batch of rows that are not in memory, or a model to compile without a compiler.
        RunError: when the loss is no longer a number.
    """
    params = training.params
    fit(
        state,
        _batches(training, group, state.device, ahead),
        validation_of(training.model, training.parts.validation, state.device),
        loss_fn=_loss(training),
        score_fn=_score(training),
        schedule=schedule_for(params.schedule, peak=params.optimizer.learning_rate, epochs=params.epochs),
        epochs=params.epochs,
        gradient_clip=params.gradient_clip,
        watch=watch,
        group=group,
        network=compiled(state.model) if params.compile else None,
        casting=casting_for(params.precision, state.device),
        faster=(lambda step: Recorded(step, state.optimizer)) if params.cuda_graph else None,
    )


def _batches(training: Training, group: Group, device: torch.device, ahead: Ahead) -> Batches:
    params, rows = training.params, training.parts.train
    size: Literal["full"] | int = "full" if params.batch_size == "full" else training.settled.batch_size
    batches = batches_of(training.model, rows, device, batch_size=size, seed=params.seed, ahead=ahead)
    if group.size == 1:
        return batches
    return SharedBatches(batches, group.rank, group.size, observed_steps if _has_gaps(training) else weight_of)


def _loss(training: Training) -> Loss:
    loss = loss_for(training.settled.loss, training.params.label_smoothing, training.params.margin)
    return where_observed(loss) if _has_gaps(training) else loss


def _has_gaps(training: Training) -> bool:
    """Whether some step of a forecast has no value to foretell."""
    held = [part.rows for part in (training.parts.train, training.parts.validation)]
    return any(isinstance(rows, Windows) and rows.has_gaps for rows in held)


def _score(training: Training) -> Score:
    if isinstance(training.model, Forecaster):
        return forecast_score(training.settled.loss, training.model.back, training.parts.validation.rows.target)
    model, parts = training.model, training.parts
    back = model.back if isinstance(model, Fitted) else nn.Identity()
    target = parts.validation.rows.target
    return validation_score(training.features.task, training.settled.loss, back, target, parts.sample_weight)
