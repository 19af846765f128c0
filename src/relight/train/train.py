"""The train stage: build the model, fit it, save its weights and everything that is needed to use it."""

from pathlib import Path
from typing import NamedTuple

import polars as pl
import torch

from relight.data.features import Features
from relight.data.tensors import StoredTensors, assert_classes, assert_widths
from relight.model.devices import choose_device, describe_device, device_for_process, make_deterministic
from relight.model.inference import predict_outputs
from relight.model.manifest import Manifest, package_versions, split_data_and_code, versions_with_relight
from relight.model.own_files import own_code_digests
from relight.model.params import ModelParams
from relight.model.saved_model import Description, hash_outputs
from relight.model.weights import save_weights
from relight.runtime.dependencies import file_sha256
from relight.runtime.files import read_model, write_json
from relight.runtime.lifetime import DeferredStop
from relight.runtime.messages import notify
from relight.runtime.nested import RunIdentity
from relight.runtime.processes import Rank
from relight.train.callbacks import LiveCurves, MainProcessCallback, Progress, WorkerCallback, ending_notes
from relight.train.checkpoints import Checkpoints, open_checkpoints
from relight.train.checks import assert_can_capture_cuda_graph, assert_can_distribute
from relight.train.distributed.group import ProcessGroup
from relight.train.distributed.joining import open_process_group, requested_rank
from relight.train.distributed.process_group import StopConsensus
from relight.train.loop import TrainingCallback
from relight.train.monitors.choice import score_title
from relight.train.optim.schedules import depends_on_epochs
from relight.train.params import TrainParams
from relight.train.state import EpochRecord
from relight.train.training import ResolvedSettings, Training, build_training, resolve_settings

RUN_ONLY_PARAMS = {"checkpoint_seconds", "memory_gb"}  # params that change no bit of the result


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
    """Write the weights (state_dict), their description, what they were made of, and the losses of every epoch.

    Args:
        live_curves: where the curves grow while the model trains.
        speed: what this run did, and on what: facts that no artifact may hold.
        kept: the folder of the crash checkpoints of all runs.
        digests: a hash of every file that the result depends on, code and data.
    """
    train_features = read_model(features, Features)
    make_deterministic(params.threads)
    device, rank = choose_device(params.device), requested_rank()
    settings = resolve_settings(model_params, params, train_features, device.type)
    device = device_for_rank(device, params, settings, train_features, rank)
    identity = identify_run(model_params, params, digests, device, rank)
    with open_checkpoints(kept, identity, rank) as checkpoints:
        with open_process_group(rank, device, identity) as group:
            stores = [open_part(path, train_features) for path in (train_rows, validation_rows)]
            training = build_training(params, settings, train_features, *stores)
            run_training(training, TrainingContext(device, group, checkpoints), train_features, live_curves, speed)
        if checkpoints is None:
            return
        training.finish()
        history = training.state.history
        curves.write_text(pl.DataFrame(history, orient="row", schema=list(EpochRecord._fields)).write_csv())
        save_weights(weights, training.model)
        described = describe_training(training, train_features, history, group.size, weights)
        write_json(description, described)
        made = {path.name: file_sha256(path) for path in (weights, description)}
        write_json(manifest, build_manifest(model_params, params, digests, device, group.size, made))
        checkpoints.finish(weights)
        for note in ending_notes(history, described.best_epoch, params):
            notify(note)


def open_part(path: Path, features: Features) -> StoredTensors:
    """Return the tensors of a part.

    Raises:
        InputError: if they are damaged, or not those that the features describe.
    """
    store = StoredTensors(path)
    assert_widths(path, {name: layout.shape for name, layout in store.layouts.items()}, features)
    assert_classes(path, store.read([range(store.n_rows)], ["target"])["target"], features)
    return store


def device_for_rank(
    device: torch.device, params: TrainParams, settings: ResolvedSettings, features: Features, rank: Rank | None
) -> torch.device:
    """Return the device of this process.

    Raises:
        InputError: if this training cannot be distributed or recorded as params say.
    """
    if params.cuda_graph:
        assert_can_capture_cuda_graph(device.type, 1 if rank is None else rank.processes)
    if rank is None:
        return device
    assert_can_distribute(settings.model, features.task)
    return device_for_process(device, rank.local_rank, rank.local_processes)


def identify_run(
    model: ModelParams, params: TrainParams, digests: dict[str, str], device: torch.device, rank: Rank | None
) -> RunIdentity:
    """Return everything that the weights depend on; not the number of epochs, if the learning rate does not need it."""
    free = {*RUN_ONLY_PARAMS, *([] if depends_on_epochs(params.schedule) else ["epochs"])}
    return {
        "model": model.model_dump(mode="json"),
        "train": params.model_dump(mode="json", exclude=free),
        "device": device.type,
        "versions": {**package_versions(), "torch": torch.__version__},
        **({} if rank is None else {"processes": rank.processes}),
        **digests,
    }


class TrainingContext(NamedTuple):
    """The device, the process group and the checkpoints of this process.

    Attributes:
        checkpoints: of the first process; None in the others.
    """

    device: torch.device
    group: ProcessGroup
    checkpoints: Checkpoints | None


def run_training(
    training: Training, context: TrainingContext, features: Features, live_curves: Path, speed: Path
) -> None:
    """Train from the newest checkpoint, or from the beginning, and write how fast it was."""
    device, group, checkpoints = context
    params = training.params
    newest = checkpoints.latest(params.epochs) if checkpoints else None
    training.start(device, group, group.broadcast_state(newest))
    state = training.state
    if newest is not None:
        notify(f"train: goes on from a checkpoint, at epoch {state.epoch}, step {state.step}")
    if checkpoints and (note := training.settings.monitor.note):
        notify(f"note: {note}")
    progress = Progress(params.epochs, features.n_train, done=state.epoch) if checkpoints else None
    curves = LiveCurves(live_curves, EpochRecord._fields)
    with DeferredStop() as stop:
        training.run(build_callback(context, training, features, progress, curves, stop))
    if progress:
        speed_facts = {**progress.speed_summary(state.epoch), **describe_device(device), "threads": params.threads}
        write_json(speed, speed_facts)


def build_callback(
    context: TrainingContext,
    training: Training,
    features: Features,
    progress: Progress | None,
    curves: LiveCurves,
    stop: DeferredStop,
) -> TrainingCallback:
    """Return what observes the training: the first process shows and saves it, the others take part."""
    agreement = None if context.group.size == 1 else StopConsensus(context.device)
    if context.checkpoints and progress:
        monitor, loss = training.settings.monitor, training.settings.loss
        return MainProcessCallback(
            context.checkpoints,
            progress,
            curves,
            stop,
            seconds=training.params.checkpoint_seconds,
            agreement=agreement,
            monitor=monitor,
            score=score_title(monitor, loss, features.task),
        )
    assert agreement
    return WorkerCallback(stop, agreement)


def describe_training(
    training: Training, features: Features, history: list[EpochRecord], processes: int, weights: Path
) -> Description:
    """Return the content of model.json; the weights are written already."""
    params = training.params
    as_loss = training.settings.monitor.as_loss
    best = min(history, key=lambda epoch: as_loss(epoch.validation_score)) if params.early_stopping else history[-1]
    return Description(
        **{**training.settings._asdict(), "loss": str(training.settings.loss)},
        **training.data.description(),
        features=features,
        seed=params.seed,
        seeds=params.seeds,
        threads=params.threads,
        processes=processes,
        own_code=own_code_digests(training.settings.model),
        epochs=len(history),
        best_epoch=best.epoch,
        output_sha256=hash_outputs(predict_outputs(training.model, training.data.validation_inputs())),
        weights_sha256=file_sha256(weights),
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
    """Return the content of manifest.json.

    Args:
        made: sha256 of each file that the training wrote, by its name.
    """
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
