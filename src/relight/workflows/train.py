"""train: build the model, fit it, save its weights and all that is needed to use it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl
import torch
from torch import Tensor, nn

from relight.domain.class_weights import settle_class_weights
from relight.domain.compatibility import assert_can_share
from relight.domain.compiling import compiled
from relight.domain.description import Description, proof_of, untrained_model
from relight.domain.devices import choose_device, compute_the_same_each_time, describe_device, device_of_process
from relight.domain.early_stopping import EarlyStopping
from relight.domain.features import Features
from relight.domain.fitted import Fitted
from relight.domain.group import Alone, Group
from relight.domain.log_loss import log_loss
from relight.domain.losses import loss_for
from relight.domain.optimizers import build_optimizer
from relight.domain.part import Part, batches_of, read_part, validation_of
from relight.domain.precision import casting_for
from relight.domain.predicting import predict
from relight.domain.rows import trainee_of
from relight.domain.schedules import schedule_for
from relight.domain.seeding import seed_of
from relight.domain.settling import Settled, settle
from relight.domain.shared_batches import SharedBatches
from relight.domain.temperature import Temperature, best_temperature
from relight.domain.training import Watch, fit
from relight.domain.training_state import Epoch, TrainingState
from relight.domain.validation_score import validation_score
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
from relight.io.runner.lifetime import PatientStop
from relight.io.runner.rank import Rank
from relight.io.tensors import StoredTensors
from relight.io.versions import versions
from relight.io.watching import Watching
from relight.params.model import ModelParams
from relight.params.train import TrainParams


class Parts(NamedTuple):
    """The rows that train may see."""

    train: Part
    validation: Part
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
    rank = rank_to_be()
    if rank is not None:
        assert_can_share(settled.model)
        device = device_of_process(device, rank.local_rank, rank.local_processes)
    about = _about(model_params, params, digests, device, rank)
    with Checkpoints(kept, about) if rank is None or rank.rank == 0 else nullcontext() as checkpoints:
        with _group(rank, device, about) as group:
            model = untrained_model(
                settled.model, known, target_scale=settled.target_scale, seed=params.seed, seeds=params.seeds
            )
            parts = _parts(model, params, known, StoredTensors(train_rows), StoredTensors(validation_rows))
            history = _fit(model, params, settled, parts, known, device, checkpoints, live_curves, speed, group)
        if checkpoints is None:
            return
        if settled.calibration == "temperature":
            _calibrate(model, known, parts)
        _write_curves(curves, history)
        save_weights(weights, model)
        proof = proof_of(predict(model, parts.validation.rows.inputs))
        write_json(description, _describe(params, settled, known, history, proof, group.size))
        checkpoints.finish(weights)


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
    free = {"checkpoint_seconds", "memory_gb", *(["epochs"] if params.schedule.name == "constant" else [])}
    return {
        "model": model.model_dump(mode="json"),
        "train": params.model_dump(mode="json", exclude=free),
        "device": device.type,
        "versions": {**versions(), "torch": torch.__version__},
        **({} if rank is None else {"processes": rank.processes}),
        **digests,
    }


def _describe(
    params: TrainParams, settled: Settled, features: Features, history: list[Epoch], proof: str, processes: int
) -> Description:
    best = min(history, key=lambda epoch: epoch.validation_score) if params.early_stopping else history[-1]
    return Description(
        **settled._asdict(),
        features=features,
        seed=params.seed,
        seeds=params.seeds,
        threads=params.threads,
        processes=processes,
        epochs=len(history),
        best_epoch=best.epoch,
        proof=proof,
        versions=versions(),
    )


def _parts(
    model: nn.Module, params: TrainParams, features: Features, train: StoredTensors, validation: StoredTensors
) -> Parts:
    """The rows as tensors, each with its weight in the loss."""
    class_weights = settle_class_weights(params, features)
    has_weight = "weight" in validation.names
    sample = validation.read([range(validation.n_rows)], ["weight"])["weight"] if has_weight else None
    return Parts(
        read_part(model, train, class_weights, "the train rows", params.memory_gb),
        read_part(model, validation, class_weights, "the validation rows", params.memory_gb),
        None if sample is None else torch.from_numpy(sample),
    )


def _fit(
    model: nn.Module,
    params: TrainParams,
    settled: Settled,
    parts: Parts,
    features: Features,
    device: torch.device,
    checkpoints: Checkpoints | None,
    live_curves: Path,
    speed: Path,
    group: Group,
) -> list[Epoch]:
    """Fit on the chosen device; the model comes back to the CPU, where it is saved and proved."""
    model.to(device)
    trainee = trainee_of(model)
    back = model.back if isinstance(model, Fitted) else nn.Identity()
    torch.manual_seed(seed_of(params.seed, group.rank))
    state = _state(params, trainee, checkpoints, group)
    batch_size: Literal["full"] | int = "full" if params.batch_size == "full" else settled.batch_size
    batches = batches_of(model, parts.train, device, batch_size=batch_size, seed=params.seed, ahead=ahead)
    progress = Progress(params.epochs, len(parts.train.rows.target), done=state.epoch) if checkpoints else None
    with PatientStop() as stop:
        fit(
            state,
            batches if group.size == 1 else SharedBatches(batches, group.rank, group.size),
            validation_of(model, parts.validation, device),
            loss_fn=loss_for(settled.loss, params.label_smoothing),
            score_fn=validation_score(
                features.task, settled.loss, back, parts.validation.rows.target, parts.sample_weight
            ),
            schedule=schedule_for(params.schedule, peak=params.optimizer.learning_rate, epochs=params.epochs),
            epochs=params.epochs,
            gradient_clip=params.gradient_clip,
            watch=_watch(params, checkpoints, progress, LiveCurves(live_curves, Epoch._fields), stop, group, device),
            group=group,
            network=compiled(trainee) if params.compile else None,
            casting=casting_for(params.precision, device),
        )
    if progress:
        write_json(speed, {**progress.facts(state.epoch), **describe_device(device), "threads": params.threads})
    model.to("cpu")
    return state.history


def _watch(
    params: TrainParams,
    checkpoints: Checkpoints | None,
    progress: Progress | None,
    curves: LiveCurves,
    stop: PatientStop,
    group: Group,
    device: torch.device,
) -> Watch:
    """What happens beside the training; in the first process it is seen and kept."""
    agreement = None if group.size == 1 else Agreement(device)
    if checkpoints and progress:
        seconds = params.checkpoint_seconds
        return Watching(checkpoints, progress, curves, stop, seconds=seconds, save=group.save, agreement=agreement)
    assert agreement
    return Helping(stop, agreement, group.save)


def _state(params: TrainParams, trainee: nn.Module, checkpoints: Checkpoints | None, group: Group) -> TrainingState:
    """The start of the training, or where a checkpoint says that it was."""
    stopping = EarlyStopping(params.early_stopping.patience) if params.early_stopping else None
    state = TrainingState(trainee, build_optimizer(params.optimizer, trainee), stopping)
    saved = group.share(None if checkpoints is None else checkpoints.newest(params.epochs))
    if saved is not None:
        state.restore(saved)
        if group.rank == 0:
            sys.stderr.write(f"train: goes on from a checkpoint, at epoch {state.epoch}, step {state.step}\n")
    return state


def _calibrate(model: nn.Module, features: Features, parts: Parts) -> None:
    """Put the temperature that suits the validation rows best behind the model."""
    assert isinstance(model, Fitted)
    assert isinstance(model.back, Temperature)
    logits = predict(model, parts.validation.rows.inputs)  # at temperature 1
    target = parts.validation.rows.target
    model.back.temperature.fill_(
        best_temperature(
            lambda t: log_loss(features.task, logits.double() / t, target, parts.sample_weight), n_rows=len(target)
        )
    )


def _write_curves(path: Path, history: list[Epoch]) -> None:
    path.write_text(pl.DataFrame(history, orient="row", schema=list(Epoch._fields)).write_csv())
