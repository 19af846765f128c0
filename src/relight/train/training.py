"""A whole training, as params.yaml describes it: model, data, loss, optimizer; start, run, finish."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from relight.data.features import Features
from relight.errors import InputError
from relight.model.build import untrained_model
from relight.model.checks import TargetScale
from relight.model.monitor import USUAL_SCORE, Monitor
from relight.model.own_network import KEY
from relight.model.own_network_trial import N_TRIED_ROWS, try_own_network
from relight.model.params import ModelParams
from relight.model.rows import Rows, StoredRows
from relight.model.table import trainable_module
from relight.own_code.calls import Call
from relight.own_code.loading import described, load
from relight.train.auto import (
    Calibration,
    LossName,
    choose_model,
    resolve_batch_size,
    resolve_calibration,
    resolve_loss,
    resolve_scale,
)
from relight.train.batches import Batches
from relight.train.checks import assert_counts, assert_train_params_fit
from relight.train.compilation import GraphedStep, autocast_for, compile_model
from relight.train.datasets import TensorStore, TrainingData
from relight.train.distributed.group import DistributedBatches, ProcessGroup, process_seed
from relight.train.loop import TrainingCallback, Validation, fit, try_validation
from relight.train.losses.losses import Loss, build_loss
from relight.train.losses.own import OwnLoss, tried_loss
from relight.train.monitors.choice import resolve_monitor
from relight.train.monitors.score import build_score_fn
from relight.train.optim.checks import changes_rate
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.schedules import build_schedule
from relight.train.optim.sparse import sparse_weights
from relight.train.pairs import load_pairs
from relight.train.params import TrainParams
from relight.train.sequences import load_sequence_data
from relight.train.series import load_series
from relight.train.state import EarlyStopping, EpochRecord, TrainingState
from relight.train.table import load_table


class ResolvedSettings(NamedTuple):
    """Settings without `auto`.

    Attributes:
        model_choice: why `auto` chose the model, one sentence; "" if its name was given.
        monitor: the score of the validation rows.
    """

    model: ModelParams
    model_choice: str
    loss: LossName | Call
    target_scale: TargetScale
    batch_size: int
    calibration: Calibration
    monitor: Monitor = USUAL_SCORE


def resolve_settings(model: ModelParams, params: TrainParams, features: Features, device: str) -> ResolvedSettings:
    """Replace every `auto`.

    Args:
        device: its type: cuda, mps or cpu.

    Raises:
        InputError: if params and table do not fit together.
    """
    model, choice = choose_model(model, features, device)
    assert_train_params_fit(params, model, features)
    loss = resolve_loss(params.loss, features.task)
    return ResolvedSettings(
        model,
        choice,
        loss,
        resolve_scale(model, params, features),
        resolve_batch_size(params.batch_size, features.n_train),
        resolve_calibration(params.calibration, features),
        resolve_monitor(params, loss),
    )


@dataclass
class Training:
    """One training: `start`, then `run`, then `finish`.

    Attributes:
        model: whole: raw columns in, predictions out; untrained and on the CPU until `start`.
        state: of the part that learns, from `start` on.
    """

    model: nn.Module
    data: TrainingData
    params: TrainParams
    settings: ResolvedSettings
    state: TrainingState = field(init=False)

    def start(self, device: torch.device, group: ProcessGroup, saved: dict[str, Any] | None = None) -> None:
        """Move the model to the device, before its first step or to where a checkpoint was saved.

        Raises:
            InputError: if several processes would normalise by batches of their own.
        """
        params = self.params
        if group.size > 1:
            assert_no_batch_norm(self.model)
        self.model.to(device)
        torch.manual_seed(process_seed(params.seed, group.rank))
        network = self.data.network()
        own = isinstance(self.settings.model.name, Call)
        optimizer = build_optimizer(
            params.optimizer,
            network,
            params.gradient_clip,
            rate_changes=changes_rate(params.schedule),
            sparse=sparse_weights(network, self.data.validation_rows(device)) if own else [],
            processes=group.size,
        )
        monitor = self.settings.monitor
        stopping = EarlyStopping(params.early_stopping.patience, monitor) if params.early_stopping else None
        self.state = TrainingState(network, optimizer, stopping, group)
        self.data.before_training()
        if saved is not None:
            self.state.restore(saved)

    def run(self, *callbacks: TrainingCallback) -> list[EpochRecord]:
        """Train to the last epoch, and return all epochs.

        Raises:
            InputError: for a full batch of rows that are not in memory, a model to compile without a compiler, or own
                code that breaks its contract.
            RunError: if the loss is no longer a number, or own code raises an exception.
        """
        params, state = self.params, self.state
        train = self._batches(state.device, state.group)
        rows = self.data.validation_rows(state.device)
        loss = self._loss(rows)
        loss_fn = self.data.loss_fn(loss)
        validation = Validation(rows, build_score_fn(params, self.settings.loss, self.data))
        if validation.score_fn is not None and self.settings.monitor != USUAL_SCORE:
            try_validation(state, validation, loss_fn)
        if params.compile:
            state.forward_model = compile_model(state.model)
        fit(
            state,
            train,
            validation,
            loss_fn=loss_fn,
            schedule=build_schedule(
                params.schedule, peak=params.optimizer.learning_rate, epochs=params.epochs, n_steps=train.n_steps
            ),
            callbacks=callbacks,
            autocast=autocast_for(params.precision, state.device),
            wrap_step=(lambda step: GraphedStep(step, state.optimizer)) if params.cuda_graph else None,
            loss_name=self._loss_name(loss),
        )
        return state.history

    def finish(self) -> None:
        """Fit what the validation rows still have to choose; the model comes back to the CPU, where it is saved."""
        self.data.after_training()
        self.model.to("cpu")
        if self.settings.calibration == "temperature":
            self.data.calibrate()

    def _loss(self, rows: Rows | StoredRows) -> Loss:
        params, state = self.params, self.state
        match self.settings.loss:
            case Call() as call:
                return tried_loss(call, state.model, rows, processes=state.group.size)
            case name:
                settings = {"share": params.quantile, "gamma": params.focal_gamma}  # null: the default
                given = {key: value for key, value in settings.items() if value is not None}
                return build_loss(name, params.label_smoothing, margin=params.margin, **given)

    def _loss_name(self, loss: Loss) -> str:
        """Return the name of the loss for messages, with the code of the user's own that computes it."""
        name = f"the loss {loss.name}" if isinstance(loss, OwnLoss) else "the loss"
        network = self.settings.model.name
        return f"{name} of {described(load(network, KEY), network)}" if isinstance(network, Call) else name

    def _batches(self, device: torch.device, group: ProcessGroup) -> Batches:
        size: Literal["full"] | int = "full" if self.params.batch_size == "full" else self.settings.batch_size
        batches = self.data.batches(device, size, self.params.seed)
        if group.size == 1:
            return batches
        return DistributedBatches(batches, group.rank, group.size, self.data.batch_weight)


def assert_no_batch_norm(model: nn.Module) -> None:
    """Check that no layer normalises by the statistics of a batch, of which each process has only its share.

    Raises:
        InputError: if one does, with its name in the model.
    """
    layers = {name: type(part).__name__ for name, part in model.named_modules() if isinstance(part, _BatchNorm)}
    if layers:
        name, kind = next(iter(layers.items()))
        raise InputError(
            f"model.name: must have no batch normalisation with several processes, got {kind} at {name}; each would "
            "normalise by its own rows: take LayerNorm, or train in one process"
        )


def build_training(
    params: TrainParams, settings: ResolvedSettings, features: Features, train: TensorStore, validation: TensorStore
) -> Training:
    """Return a training before its first step.

    Raises:
        InputError: if no row counts, or the rows do not suit the model or the loss.
    """
    if settings.loss == "poisson":
        for store in (train, validation):
            rows = store.read([range(store.n_rows)], ["target", "row"])
            assert_counts(rows["target"].reshape(-1) + features.target_offset, rows["row"], features.target)
    scale = settings.target_scale
    model = untrained_model(settings.model, features, target_scale=scale, seed=params.seed, seeds=params.seeds)
    data = load_data(model, params, features, train, validation)
    if isinstance(settings.model.name, Call):
        twin = untrained_model(settings.model, features, target_scale=scale, seed=params.seed + 1, seeds=params.seeds)
        few = data.validation_rows(torch.device("cpu")).first(N_TRIED_ROWS)
        try_own_network(settings.model.name, data.network(), trainable_module(twin), few.inputs)
    return Training(model, data, params, settings)


def load_data(
    model: nn.Module, params: TrainParams, features: Features, train: TensorStore, validation: TensorStore
) -> TrainingData:
    """Return the train and the validation rows by the kind of the data; nothing after this asks which kind it is.

    Raises:
        InputError: if no row counts, or the rows do not suit the model.
    """
    match features.kind:
        case "table":
            return load_table(model, params, features, train, validation)
        case "sequences":
            return load_sequence_data(model, params, features, train, validation)
        case "series":
            return load_series(model, params, features, train, validation)
        case "pairs":
            return load_pairs(model, params, features, train, validation)
