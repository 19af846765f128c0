"""train: build the model, fit it, save its weights and all that is needed to use it."""

from pathlib import Path

import polars as pl
import torch
from torch import nn

from relight.domain.compatibility import assert_can_stop_early, settle_loss
from relight.domain.description import Description, proof_of, untrained_model
from relight.domain.devices import choose_device, compute_the_same_each_time
from relight.domain.early_stopping import EarlyStopping
from relight.domain.features import Features
from relight.domain.losses import LOSSES
from relight.domain.optimizers import build_optimizer
from relight.domain.predicting import predict
from relight.domain.rows import Rows, after_front, rows_for
from relight.domain.training import Epoch, fit
from relight.io.artifacts import read_model, write_json
from relight.io.checkpoints import save_weights
from relight.io.progress import progress
from relight.io.tensors import read_tensors
from relight.io.versions import versions
from relight.params.model import ModelParams
from relight.params.train import TrainParams


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
) -> None:
    """Write the weights (state_dict), their description, and the loss of every epoch."""
    known = read_model(features, Features)
    compute_the_same_each_time(params.threads)
    model = untrained_model(model_params, known, params.seed)
    train_part = rows_for(model, read_tensors(train_rows), "the train rows")
    validation_part = rows_for(model, read_tensors(validation_rows), "the validation rows")
    history = _fit(model, params, known, train_part, validation_part)
    _write_curves(curves, history)
    save_weights(weights, model)
    best = min(history, key=lambda epoch: epoch.validation_loss) if params.early_stopping else history[-1]
    write_json(
        description,
        Description(
            model=model_params,
            features=known,
            seed=params.seed,
            threads=params.threads,
            epochs=len(history),
            best_epoch=best.epoch,
            proof=proof_of(predict(model, validation_part.inputs)),
            versions=versions(),
        ),
    )


def _fit(model: nn.Module, params: TrainParams, features: Features, train: Rows, validation: Rows) -> list[Epoch]:
    """Fit on the chosen device; the model comes back to the CPU, where it is saved and proved."""
    assert_can_stop_early(params, features)
    loss_fn = LOSSES[settle_loss(params.loss, features.task)]
    device = choose_device(params.device)
    model.to(device)
    trainee, train = after_front(model, train.to(device))
    _, validation = after_front(model, validation.to(device))
    torch.manual_seed(params.seed)
    try:
        return fit(
            trainee,
            train,
            validation,
            loss_fn=loss_fn,
            optimizer=build_optimizer(params.optimizer, trainee),
            epochs=progress(range(params.epochs), "epoch"),
            batch_size=params.batch_size,
            seed=params.seed,
            early_stopping=EarlyStopping(params.early_stopping.patience) if params.early_stopping else None,
        )
    finally:
        model.to("cpu")


def _write_curves(path: Path, history: list[Epoch]) -> None:
    path.write_text(pl.DataFrame(history, orient="row", schema=list(Epoch._fields)).write_csv())
