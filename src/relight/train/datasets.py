"""The interface of a training to its rows, whatever their kind; rows in memory, and rows that stay in their file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from relight.data.prefetch import prefetch
from relight.errors import InputError
from relight.model.inference import ChunkedInputs
from relight.model.rows import Arrays, RowReader, Rows, StoredInputs, StoredRows
from relight.train.auto import LossName, loss_weights
from relight.train.batches import (
    Batches,
    InMemoryBatches,
    RowOrder,
    StreamedBatches,
    batch_weight,
    row_chunks,
    rows_per_window,
    total_weight,
)
from relight.train.losses.losses import Loss
from relight.train.monitors.metrics import Truth
from relight.train.scores import ScoreFunction

BYTES_PER_GB = 1e9
BatchSize = Literal["full"] | int
Preprocess = Callable[[Rows], Rows]  # rows on a device → the same as the network sees them


class TrainingData(Protocol):
    """The train and the validation rows of one kind of data, and the model that they train.

    Each kind is a class in a file of its own (table.py, sequences.py, series.py, pairs.py). It answers the first six
    questions; the others have an answer here for a kind that does nothing special.
    """

    def network(self) -> nn.Module:
        """Return the part of the model that learns."""
        ...

    def batches(self, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        """Return the batches of an epoch, preprocessed, on the device.

        Raises:
            InputError: for a full batch of rows that are not in memory.
        """
        ...

    def validation_rows(self, device: torch.device) -> Rows | StoredRows:
        """Return the validation rows, preprocessed, on the device; the target on the network's scale."""
        ...

    def validation_inputs(self) -> tuple[Tensor, ...] | ChunkedInputs:
        """Return the inputs of the validation rows as they are in the file, on the CPU."""
        ...

    def score_fn(self, loss: LossName) -> ScoreFunction:
        """Return the usual score of a loss, of outputs for the validation rows; lower is better."""
        ...

    def truth(self) -> Truth:
        """Return the validation rows as a metric sees them."""
        ...

    def loss_fn(self, loss: Loss) -> Loss:
        """Return the loss, as it is or for rows that lack some targets."""
        return loss

    def batch_weight(self, rows: Rows) -> int | Tensor:
        """Return how much the rows count together: the loss is a mean over so many."""
        return batch_weight(rows)

    def before_training(self) -> None:
        """Fit what has a closed form, before the first step."""
        return

    def after_training(self) -> None:
        """Fit what the last step leaves to fit, on the device of the training."""
        return

    def calibrate(self) -> None:
        """Fit the temperature of the probabilities on the validation rows, on the CPU, if the settings ask for it."""
        return

    def description(self) -> dict[str, Any]:
        """Return the fields of model.json that only this kind of data has."""
        return {}


class HasShape(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


class HasWeight(Protocol):
    @property
    def n_rows(self) -> int: ...

    @property
    def weight(self) -> Tensor | None: ...


class TensorStore(Protocol):
    """A file of arrays, of which some rows are read."""

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def n_rows(self) -> int: ...

    @property
    def row_bytes(self) -> int: ...

    @property
    def layouts(self) -> Mapping[str, HasShape]: ...

    def read(self, blocks: Sequence[range], names: Sequence[str]) -> Arrays: ...


class Dataset(Protocol):
    """The train or the validation rows of tables and pairs, as they come from their file, on the CPU."""

    @property
    def rows(self) -> Rows | StoredRows: ...

    def batches(self, preprocess: Preprocess, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        """Return the batches of an epoch, preprocessed, on the device."""
        ...

    def preprocessed(self, preprocess: Preprocess, device: torch.device) -> Rows | StoredRows:
        """Return all rows, preprocessed, on the device."""
        ...


@dataclass(frozen=True)
class MemoryDataset:
    """Rows in memory.

    Attributes:
        window: the number of rows that are shuffled among each other.
        total_weight: of all rows together.
    """

    rows: Rows
    window: int
    total_weight: float

    def batches(self, preprocess: Preprocess, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        return InMemoryBatches(preprocess(self.rows.to(device)), batch_size, seed, self.window)

    def preprocessed(self, preprocess: Preprocess, device: torch.device) -> Rows:
        return preprocess(self.rows.to(device))


@dataclass(frozen=True)
class FileDataset:
    """Rows that stay in their file, because memory should not hold them all; otherwise like `MemoryDataset`."""

    rows: StoredRows
    window: int
    total_weight: float

    def batches(self, preprocess: Preprocess, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        """Return batches that are read window by window.

        Raises:
            InputError: for a full batch.
        """
        if batch_size == "full":
            raise InputError(
                "train.batch_size: full needs all train rows in memory, and they take more than train.memory_gb; "
                "use auto or a number of rows"
            )
        order = RowOrder(self.rows.n_rows, self.window)
        reader = self._preprocessed_reader(preprocess, device)
        return StreamedBatches(reader, order, batch_size, seed, self.total_weight, prefetch)

    def preprocessed(self, preprocess: Preprocess, device: torch.device) -> StoredRows:
        inputs = StoredInputs(self._preprocessed_reader(preprocess, device), self.rows.n_rows)
        labels = preprocess(Rows((), self.rows.target, self.rows.weight).to(device))
        return StoredRows(inputs, labels.target, labels.weight)

    def _preprocessed_reader(self, preprocess: Preprocess, device: torch.device) -> RowReader:
        return lambda blocks: preprocess(self.rows.inputs.read_blocks(blocks).to(device))


def load_dataset(
    store: TensorStore,
    build: Callable[[Arrays], Rows],
    class_weights: list[float] | None,
    source_name: str,
    memory_gb: float | None,
) -> MemoryDataset | FileDataset:
    """Return the rows with their weights in the loss, in memory or in their file.

    Args:
        build: makes rows of the arrays of the store.
        source_name: names the rows in messages.
        memory_gb: rows that take more GB stay in their file.

    Raises:
        InputError: if the rows weigh nothing together, or `build` refuses them.
    """

    read, window = row_reader(store, build, class_weights), rows_per_window(store.row_bytes)
    if fits_in_memory(store, memory_gb):
        rows = read([range(store.n_rows)])
        return MemoryDataset(rows, window, positive_weight(rows, source_name))
    stored = _stored_rows(read, store.n_rows)
    return FileDataset(stored, window, positive_weight(stored, source_name))


def row_reader(store: TensorStore, build: Callable[[Arrays], Rows], class_weights: list[float] | None) -> RowReader:
    """Return what reads some rows of the store, with their weights in the loss."""
    names = [name for name in store.names if name != "row"]
    return lambda blocks: build(with_loss_weights(store.read(blocks, names), class_weights))


def _stored_rows(read: RowReader, n_rows: int) -> StoredRows:
    """Read target and weight, which are few numbers of each row, and leave the inputs in the file."""
    chunks = [(rows.target, rows.weight) for rows in (read([chunk]) for chunk in row_chunks(n_rows))]
    targets, weights = zip(*chunks, strict=True)
    weight = None if weights[0] is None else torch.cat(weights)
    return StoredRows(StoredInputs(read, n_rows), torch.cat(targets), weight)


def with_loss_weights(arrays: Arrays, class_weights: list[float] | None) -> Arrays:
    """Return the arrays with the weight of each row in the loss: its class's times its own."""
    weight = loss_weights(class_weights, arrays["target"], arrays.get("weight"))
    return arrays if weight is None else {**arrays, "weight": weight}


def read_sample_weight(store: TensorStore) -> Tensor | None:
    """Return (n_rows,) how much each row counts in scores, without its class's weight; None if all count the same."""
    if "weight" not in store.names:
        return None
    return torch.from_numpy(store.read([range(store.n_rows)], ["weight"])["weight"])


def gigabytes(store: TensorStore) -> float:
    """Return the size of all rows."""
    return store.n_rows * store.row_bytes / BYTES_PER_GB


def fits_in_memory(store: TensorStore, memory_gb: float | None) -> bool:
    """Return whether all rows take at most `memory_gb`; None is no limit."""
    return memory_gb is None or store.n_rows * store.row_bytes <= memory_gb * BYTES_PER_GB


def assert_steps_fit(n_bytes: int, kind: str, source_name: str, memory_gb: float | None) -> None:
    """Check that the steps of sequences or series, which are always held in memory, take at most `memory_gb`.

    Raises:
        InputError: if they take more.
    """
    if memory_gb is not None and n_bytes > memory_gb * BYTES_PER_GB:
        raise InputError(
            f"train.memory_gb: must hold the steps of {kind}: {source_name} take "
            f"{n_bytes / BYTES_PER_GB:.3g} GB, got {memory_gb:g}; set it to null"
        )


def positive_weight(rows: HasWeight, source_name: str) -> float:
    """Return how much all rows count together.

    Raises:
        InputError: if they weigh nothing.
    """
    weight = total_weight(rows.weight, rows.n_rows)
    if not weight:
        raise InputError(f"{source_name}: all of them weigh 0; look at prepare.weight and train.class_weights")
    return weight
