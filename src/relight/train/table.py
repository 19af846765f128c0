"""Tables: a row is a row. Also rankings, which are tables with a query."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.data.schema import Task
from relight.errors import InputError
from relight.model.inference import ChunkedInputs
from relight.model.pipeline import TabularModel
from relight.model.rows import Arrays, Rows, StoredRows
from relight.model.table import build_rows, preprocess_rows, trainable_module
from relight.train.auto import LossName, resolve_class_weights
from relight.train.batches import Batches
from relight.train.datasets import (
    BatchSize,
    Dataset,
    TensorStore,
    TrainingData,
    fits_in_memory,
    gigabytes,
    load_dataset,
    positive_weight,
    read_sample_weight,
    row_reader,
)
from relight.train.monitors.metrics import Truth
from relight.train.params import TrainParams
from relight.train.ranking import QueryDataset, ranking_score
from relight.train.scores import ScoreFunction, build_validation_score, fit_temperature, truth_of_rows


@dataclass(frozen=True)
class TableData(TrainingData):
    """Train and validation rows of a table, and the model that they train.

    Attributes:
        sample_weight: (n_rows,) of the validation rows, without the weights of the classes; None: all count the same.
        target_offset: what was subtracted from the target.
    """

    model: nn.Module
    task: Task
    train: Dataset
    validation: Dataset
    sample_weight: Tensor | None
    target_offset: float = 0.0

    def network(self) -> nn.Module:
        return trainable_module(self.model)

    def batches(self, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        return self.train.batches(partial(preprocess_rows, self.model), device, batch_size, seed)

    def validation_rows(self, device: torch.device) -> Rows | StoredRows:
        return self.validation.preprocessed(partial(preprocess_rows, self.model), device)

    def validation_inputs(self) -> tuple[Tensor, ...] | ChunkedInputs:
        return self.validation.rows.inputs

    def score_fn(self, loss: LossName) -> ScoreFunction:
        transform = self.model.target_transform if isinstance(self.model, TabularModel) else nn.Identity()
        target = self.validation.rows.target
        if self.task == "ranking":
            return ranking_score(transform, target)
        return build_validation_score(self.task, loss, transform, target, self.sample_weight)

    def truth(self) -> Truth:
        transform = self.model.target_transform if isinstance(self.model, TabularModel) else nn.Identity()
        return truth_of_rows(self.task, transform, self.validation.rows.target, self.sample_weight, self.target_offset)

    def calibrate(self) -> None:
        rows = self.validation.rows
        fit_temperature(self.model, self.task, rows.inputs, rows.target, self.sample_weight)


def load_table(
    model: nn.Module, params: TrainParams, features: Features, train: TensorStore, validation: TensorStore
) -> TableData:
    """Return the rows of a table, or the candidates of a ranking.

    Raises:
        InputError: if no row counts, a model without a preprocessor would have to read a gap, or queries do not fit
            into memory.
    """
    class_weights = resolve_class_weights(params, features)

    def load(store: TensorStore, source_name: str) -> Dataset:
        def build(arrays: Arrays) -> Rows:
            return build_rows(model, arrays, source_name)

        if features.task == "ranking":
            return load_queries(store, build, source_name, params.memory_gb)
        return load_dataset(store, build, class_weights, source_name, params.memory_gb)

    return TableData(
        model,
        features.task,
        load(train, "the train rows"),
        load(validation, "the validation rows"),
        read_sample_weight(validation),
        features.target_offset,
    )


def load_queries(
    store: TensorStore, build: Callable[[Arrays], Rows], source_name: str, memory_gb: float | None
) -> QueryDataset:
    """Return the candidates of all queries, which are always held in memory.

    Raises:
        InputError: if they take more than they may, or `build` refuses them.
    """
    if not fits_in_memory(store, memory_gb):
        raise InputError(
            f"train.memory_gb: {source_name} must fit, because the candidates of a query stay together, got "
            f"{gigabytes(store):.2g} GB; set it to null, or to more"
        )
    rows = row_reader(store, build, None)([range(store.n_rows)])
    positive_weight(rows, source_name)
    return QueryDataset(rows)
