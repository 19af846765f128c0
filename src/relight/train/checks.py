"""The requirements of the train section on the table: checked before anything runs, and again by train."""

import numpy as np

from relight.data.features import Features
from relight.data.schema import Task
from relight.errors import InputError, problems_of
from relight.model.params import ModelParams
from relight.own_code.calls import Call
from relight.train.auto import resolve_batch_size, resolve_class_weights, resolve_loss, resolve_scale
from relight.train.monitors.choice import assert_metric_suits, resolve_monitor
from relight.train.optim.checks import assert_optimizer_fits, compares_steps, schedule_warnings
from relight.train.optim.params import ScheduleParams
from relight.train.params import TrainParams


def assert_train_params_fit(params: TrainParams, model: ModelParams, features: Features) -> None:
    """Check the train section against the table and the model.

    Raises:
        InputError: with everything that does not fit.
    """
    problems = [
        *problems_of(lambda: resolve_loss(params.loss, features.task)),
        *problems_of(lambda: assert_can_stop_early(params, features)),
        *problems_of(lambda: assert_metric_suits(params, features.task)),
        *problems_of(lambda: assert_can_calibrate(params, features)),
        *problems_of(lambda: assert_can_smooth(params, features)),
        *problems_of(lambda: resolve_class_weights(params, features)),
        *problems_of(lambda: resolve_scale(model, params, features)),
        *problems_of(lambda: assert_can_batch_normalise(params, model, features)),
        *problems_of(lambda: assert_no_cuda_graph(params, features)),
        *problems_of(lambda: assert_can_batch_queries(params, features)),
        *problems_of(lambda: assert_single_seed(params, features)),
        *problems_of(lambda: assert_optimizer_fits(params, own_network=isinstance(model.name, Call))),
        *problems_of(lambda: assert_can_record_loss(params)),
    ]
    if problems:
        raise InputError(*problems)


def assert_can_stop_early(params: TrainParams, features: Features) -> None:
    """Check that early stopping has validation rows: the test rows may draw a curve, but must not choose the weights.

    Raises:
        InputError: if early stopping has no validation rows of its own.
    """
    if params.early_stopping and features.validates_on_test:
        raise InputError("train.early_stopping: needs validation rows; set split.validation above 0")


def assert_can_calibrate(params: TrainParams, features: Features) -> None:
    """Check that there are probabilities, and validation rows: the test rows must not choose a temperature.

    Raises:
        InputError: if there are none.
    """
    if params.calibration != "temperature":
        return
    if features.task in ("regression", "forecast", "ranking", "similarity"):
        raise InputError(f"train.calibration: must be none for {features.task}, got {params.calibration}")
    if features.validates_on_test:
        raise InputError("train.calibration: needs validation rows; set split.validation above 0")


def assert_can_smooth(params: TrainParams, features: Features) -> None:
    """Check that there are labels to smooth: a number cannot be smoothed, and shares of classes are smooth already.

    Raises:
        InputError: if there are none.
    """
    if params.label_smoothing and features.task not in ("binary", "multiclass"):
        raise InputError(
            f"train.label_smoothing: must be 0 for {features.task}, got {params.label_smoothing:g}; "
            "it is for binary and multiclass"
        )
    if params.label_smoothing and (params.loss == "focal" or isinstance(params.loss, Call)):
        why = "which gets the labels as they are" if isinstance(params.loss, Call) else "which weighs by the true label"
        raise InputError(
            f"train.label_smoothing: must be 0 with train.loss {params.loss}, {why}, got {params.label_smoothing:g}"
        )


def assert_can_batch_normalise(params: TrainParams, model: ModelParams, features: Features) -> None:
    """Check that batch normalisation gets more than one row: it divides by the standard deviation of a batch.

    Raises:
        InputError: if a batch holds one row.
    """
    normalises = model.name == "mlp" and model.mlp is not None and model.mlp.batch_norm
    if normalises and resolve_batch_size(params.batch_size, features.n_train) == 1:
        raise InputError(
            f"train.batch_size: must be at least 2 rows with model.mlp.batch_norm, got {params.batch_size} "
            f"of {features.n_train} train rows"
        )


def assert_single_seed(params: TrainParams, features: Features) -> None:
    """Check that a tower or a forecaster is trained once: distances of several towers have no common scale.

    Raises:
        InputError: if there are several seeds.
    """
    if features.task in ("similarity", "forecast") and params.seeds > 1:
        raise InputError(f"train.seeds: must be 1 for {features.task}, got {params.seeds}")


def assert_no_cuda_graph(params: TrainParams, features: Features) -> None:
    """Check that batches have one shape, as a recorded step needs; batches of sequences are as long as their longest.

    Raises:
        InputError: if steps of sequences are to be recorded.
    """
    if params.cuda_graph and features.kind == "sequences":
        raise InputError("train.cuda_graph: must be false for sequences, whose batches are of different lengths")


def assert_can_record_loss(params: TrainParams) -> None:
    """Check that a step can be recorded: what Python does in a loss of the user's own would happen only once.

    Raises:
        InputError: if steps with a loss of the user's own are to be recorded.
    """
    if params.cuda_graph and isinstance(params.loss, Call):
        raise InputError(
            "train.cuda_graph: must be false with a loss of your own, whose Python a recording would not run again; "
            "set it to false"
        )


def assert_counts(values: np.ndarray, rows: np.ndarray, target: str) -> None:
    """Check that the targets of the loss poisson are counts.

    Args:
        values: (n_rows,) the target; NaN is a gap.
        rows: (n_rows,) their numbers in the prepared table.

    Raises:
        InputError: with the first one below 0.
    """
    negative = np.flatnonzero(values < 0)
    if len(negative):
        first, others = negative[0], len(negative) - 1
        raise InputError(
            f"train.loss: poisson must have counts of at least 0 in '{target}', got {values[first]:g} in row "
            f"{rows[first]}{f' (the first row is 0) and in {others} more' if others else ' (the first row is 0)'}; "
            "take mse or huber"
        )


def assert_can_batch_queries(params: TrainParams, features: Features) -> None:
    """Check that batches have one shape, as a recorded step needs; batches of whole queries differ in length.

    Raises:
        InputError: if steps of a ranking are to be recorded.
    """
    if params.cuda_graph and features.task == "ranking":
        raise InputError("train.cuda_graph: must be false for ranking, whose batches differ in length")


def assert_can_distribute(model: ModelParams, task: Task) -> None:
    """Check that several processes train the same model as one.

    Each would normalise by the statistics of its own rows, and compare only the candidates that it has.

    Raises:
        InputError: if the model has batch normalisation, or learns a ranking.
    """
    if task == "ranking":
        raise InputError(
            "prepare.task: ranking is trained in one process, because the candidates of a query stay together"
        )
    if model.name == "mlp" and model.mlp is not None and model.mlp.batch_norm:
        raise InputError(
            "model.mlp.batch_norm: must be false with several processes, because each would normalise by its own rows; "
            "set it to false, or train in one process"
        )
    if model.name == "convolution":
        raise InputError(
            "model.name: convolution has batch normalisation, and each of several processes would normalise by its "
            "own sequences; set model.name to gru, or train in one process"
        )


def assert_can_capture_cuda_graph(device: str, processes: int) -> None:
    """Check that the steps run on a GPU, in one process.

    Args:
        device: its type: cuda, mps or cpu.

    Raises:
        InputError: if there is no CUDA graph for this training.
    """
    if device != "cuda":
        raise InputError(f"train.cuda_graph: needs a CUDA device, and this training runs on {device}; set it to false")
    if processes > 1:
        raise InputError("train.cuda_graph: must be false with several processes, which talk to each other in a step")


def train_warnings(params: TrainParams, features: Features, cores: int) -> list[str]:
    """Return what is probably a mistake, but works."""
    warnings = []
    if isinstance(params.batch_size, int) and params.batch_size > features.n_train:
        warnings.append(
            f"train.batch_size: {params.batch_size} is more than the {features.n_train} train rows; "
            "every batch holds all of them"
        )
    if isinstance(params.schedule, ScheduleParams):
        n_batches = -(-features.n_train // resolve_batch_size(params.batch_size, features.n_train))
        warnings += schedule_warnings(params.schedule, params.epochs, params.epochs * n_batches)
    size = resolve_batch_size(params.batch_size, features.n_train)
    if compares_steps(params.optimizer) and size < features.n_train:
        warnings.append(
            f"train.batch_size: {params.optimizer} compares losses and gradients of different rows, got {size} of "
            f"{features.n_train} train rows in a step; set it to full, and dropout to 0"
        )
    if note := resolve_monitor(params, resolve_loss(params.loss, features.task)).note:
        warnings.append(note)
    if params.threads > cores:
        warnings.append(f"train.threads: {params.threads} is more than the {cores} cores of this machine")
    return warnings
