"""Train and validation rows, memory or disk.

The rows of one part as a training takes them: in memory, or in their file where the params say that it is enough.

What the train stage may see: the train and the validation rows, each with its weight in the loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.errors import InputError
from relight.model.networks.forecaster import Forecaster
from relight.model.pipeline import TabularModel, TargetTransform
from relight.model.rows import (
    Arrays,
    RowReader,
    Rows,
    StoredInputs,
    StoredRows,
    assert_positive_weight,
    build_rows,
    preprocess_rows,
    row_numbers,
)
from relight.model.sequences import (
    Sequences,
    Windows,
    build_sequences,
    build_windows,
    preprocess_sequences,
    preprocess_windows,
)
from relight.train.auto import loss_weights, resolve_class_weights
from relight.train.batches import (
    UNLIMITED_WINDOW,
    Batches,
    InMemoryBatches,
    Prefetch,
    RowOrder,
    StreamedBatches,
    row_chunks,
    rows_per_window,
    total_weight,
)
from relight.train.params import TrainParams
from relight.train.ranking import QueryBatches

BYTES_PER_GB = 1e9


class HasShape(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


class TensorStore(Protocol):
    """A file of arrays."""

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def n_rows(self) -> int: ...

    @property
    def row_bytes(self) -> int: ...

    @property
    def layouts(self) -> Mapping[str, HasShape]: ...

    def read(self, blocks: Sequence[range], names: Sequence[str]) -> Arrays: ...


@dataclass(frozen=True)
class Dataset:
    """
    Attributes:
        rows: on the CPU, before the front.
        window: rows that are shuffled among each other.
        all_weight: of all rows together.
        has_queries: whether they are candidates of queries, which stay together.
    """

    rows: Rows | StoredRows | Sequences | Windows
    window: int
    total_weight: float
    has_queries: bool = False


def load_dataset(
    model: nn.Module, store: TensorStore, class_weights: list[float] | None, source_name: str, memory_gb: float | None
) -> Dataset:
    """The rows with their weights in the loss; `where` stands for them in messages.

    Args:
        memory_gb: a part of more GB stays in its file.

    Raises:
        InputError: when no row counts, a model without a front would have to read a gap, or queries do not fit.
    """

    if "origin" in store.names:
        return _windows(model, store, source_name, memory_gb)
    if "start" in store.names:
        return _sequences(store, class_weights, source_name, memory_gb)

    def read(blocks: list[range]) -> Rows:
        arrays = store.read(blocks, [name for name in store.names if name != "row"])
        weight = loss_weights(class_weights, arrays["target"], arrays.get("weight"))
        return build_rows(model, arrays if weight is None else {**arrays, "weight": weight}, source_name)

    fits = memory_gb is None or store.n_rows * store.row_bytes <= memory_gb * BYTES_PER_GB
    if not fits and "query" in store.names:
        raise InputError(
            f"train.memory_gb: {source_name} must fit, because the candidates of a query stay together, got "
            f"{store.n_rows * store.row_bytes / BYTES_PER_GB:.2g} GB; set it to null, or to more"
        )
    rows = read([range(store.n_rows)]) if fits else _stored_rows(read, store.n_rows)
    all_weight = total_weight(rows.weight, store.n_rows)
    assert_positive_weight(all_weight, source_name)
    return Dataset(rows, rows_per_window(store.row_bytes), all_weight, "query" in store.names)


def _sequences(
    store: TensorStore, class_weights: list[float] | None, source_name: str, memory_gb: float | None
) -> Dataset:
    """
    Raises:
        InputError: when no sequence counts, or they take more than they may.
    """
    of_steps = ("numeric", "categories")
    arrays = store.read([range(store.n_rows)], [name for name in store.names if name not in of_steps])
    weight = loss_weights(class_weights, arrays["target"], arrays.get("weight"))
    arrays |= store.read([range(int(arrays["length"].sum()))], of_steps)
    rows = build_sequences(arrays if weight is None else {**arrays, "weight": weight})
    _assert_fits(rows.steps.nbytes + rows.codes.nbytes, "sequences", source_name, memory_gb)
    all_weight = total_weight(rows.weight, store.n_rows)
    assert_positive_weight(all_weight, source_name)
    return Dataset(rows, UNLIMITED_WINDOW, all_weight)


def _assert_fits(n_bytes: int, what: str, source_name: str, memory_gb: float | None) -> None:
    if memory_gb is not None and n_bytes > memory_gb * BYTES_PER_GB:
        raise InputError(
            f"train.memory_gb: must hold the steps of {what}: {source_name} take "
            f"{n_bytes / BYTES_PER_GB:.3g} GB, got {memory_gb:g}; set it to null"
        )


def _windows(model: nn.Module, store: TensorStore, source_name: str, memory_gb: float | None) -> Dataset:
    """
    Raises:
        InputError: when there is none, or they take more than they may.
    """
    assert isinstance(model, Forecaster)
    n_windows, n_steps = (store.layouts[name].shape[0] for name in ("origin", "value"))
    if n_windows == 0:
        raise InputError(
            f"{source_name}: hold no window of prepare.sequence.length and horizon; use a shorter length, "
            "or longer parts"
        )
    of_windows = store.read([range(n_windows)], ["origin"])
    of_steps = store.read([range(n_steps)], ["value", "target", "covariates"])
    _assert_fits(sum(array.nbytes for array in of_steps.values()), "series", source_name, memory_gb)
    return Dataset(build_windows({**of_windows, **of_steps}, model.features), UNLIMITED_WINDOW, float(n_windows))


def _stored_rows(read: RowReader, n_rows: int) -> StoredRows:
    """Target and weight are few numbers of each row, and are held."""
    chunks = [(rows.target, rows.weight) for rows in (read([chunk]) for chunk in row_chunks(n_rows))]
    targets, weights = zip(*chunks, strict=True)
    weight = None if weights[0] is None else torch.cat(weights)
    return StoredRows(StoredInputs(read, n_rows), torch.cat(targets), weight)


def build_batches(
    model: nn.Module,
    part: Dataset,
    device: torch.device,
    *,
    batch_size: Literal["full"] | int,
    seed: int,
    prefetch: Prefetch,
) -> Batches:
    """The batches of an epoch, behind the front of the model, on the device.

    Raises:
        InputError: for a full batch of rows that are not in memory.
    """
    if isinstance(part.rows, Windows):
        return InMemoryBatches(preprocess_windows(model, part.rows.to(device)), batch_size, seed)
    if isinstance(part.rows, Sequences):
        return InMemoryBatches(preprocess_sequences(model, part.rows.to(device)), batch_size, seed)
    if isinstance(part.rows, Rows):
        rows = preprocess_rows(model, part.rows.to(device))
        if part.has_queries:
            return QueryBatches(rows, batch_size, seed)
        return InMemoryBatches(rows, batch_size, seed, part.window)
    if batch_size == "full":
        raise InputError(
            "train.batch_size: full needs all train rows in memory, and they take more than train.memory_gb; "
            "use auto or a number of rows"
        )
    order = RowOrder(part.rows.inputs.n_rows, part.window)
    return StreamedBatches(
        _preprocessed_reader(model, part.rows, device), order, batch_size, seed, part.total_weight, prefetch
    )


def prepare_validation(model: nn.Module, part: Dataset, device: torch.device) -> Rows | StoredRows:
    """The rows behind the front of the model, on the device; the target on the network's scale."""
    if isinstance(part.rows, Windows):
        windows = preprocess_windows(model, part.rows.to(device))
        return StoredRows(windows.inputs, windows.target)
    if isinstance(part.rows, Sequences):
        sequences = preprocess_sequences(model, part.rows.to(device))
        inputs = StoredInputs(lambda blocks: sequences.pick(row_numbers(blocks).to(device)), len(sequences.start))
        return StoredRows(inputs, sequences.target, sequences.weight)
    if isinstance(part.rows, Rows):
        return preprocess_rows(model, part.rows.to(device))
    inputs = StoredInputs(_preprocessed_reader(model, part.rows, device), part.rows.inputs.n_rows)
    target = part.rows.target.to(device)
    if isinstance(model, TabularModel) and isinstance(model.target_transform, TargetTransform):
        with torch.no_grad():
            target = model.target_transform.transform(target)
    return StoredRows(inputs, target, None if part.rows.weight is None else part.rows.weight.to(device))


def _preprocessed_reader(model: nn.Module, rows: StoredRows, device: torch.device) -> RowReader:
    return lambda blocks: preprocess_rows(model, rows.inputs.read_blocks(blocks).to(device))


class TrainingData(NamedTuple):
    """
    Attributes:
        sample_weight: (n_rows,) of the validation rows, without the weights of the classes; None: all count the same.
    """

    train: Dataset
    validation: Dataset
    sample_weight: Tensor | None


def load_training_data(
    model: nn.Module, params: TrainParams, features: Features, train: TensorStore, validation: TensorStore
) -> TrainingData:
    """
    Raises:
        InputError: when no row counts, or a model without a front would have to read a gap.
    """
    class_weights = resolve_class_weights(params, features)
    has_weight = "weight" in validation.names
    sample = validation.read([range(validation.n_rows)], ["weight"])["weight"] if has_weight else None
    return TrainingData(
        load_dataset(model, train, class_weights, "the train rows", params.memory_gb),
        load_dataset(model, validation, class_weights, "the validation rows", params.memory_gb),
        None if sample is None else torch.from_numpy(sample),
    )
