"""Sequences: a row is a sequence of steps with one label, padded in its batch."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.data.schema import Task
from relight.model.inference import ChunkedInputs
from relight.model.pipeline import TabularModel
from relight.model.rows import StoredInputs, StoredRows, row_numbers
from relight.model.sequences import Sequences, build_sequences, preprocess_sequences
from relight.train.auto import LossName, resolve_class_weights
from relight.train.batches import Batches, InMemoryBatches
from relight.train.datasets import (
    BatchSize,
    TensorStore,
    TrainingData,
    assert_steps_fit,
    positive_weight,
    read_sample_weight,
    with_loss_weights,
)
from relight.train.monitors.metrics import Truth
from relight.train.params import TrainParams
from relight.train.scores import ScoreFunction, build_validation_score, fit_temperature, truth_of_rows

STEP_ARRAYS = ("numeric", "categories")  # a row for each step; the other arrays have one for each sequence


@dataclass(frozen=True)
class SequenceData(TrainingData):
    """Train and validation sequences, and the model that they train.

    Attributes:
        sample_weight: (n_sequences,) of the validation sequences, without the weights of the classes; None: all count
            the same.
        target_offset: what was subtracted from the target.
    """

    model: TabularModel
    task: Task
    train: Sequences
    validation: Sequences
    sample_weight: Tensor | None
    target_offset: float = 0.0

    def network(self) -> nn.Module:
        return self.model.network

    def batches(self, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        return InMemoryBatches(preprocess_sequences(self.model, self.train.to(device)), batch_size, seed)

    def validation_rows(self, device: torch.device) -> StoredRows:
        sequences = preprocess_sequences(self.model, self.validation.to(device))
        inputs = StoredInputs(lambda blocks: sequences.pick(row_numbers(blocks).to(device)), sequences.n_rows)
        return StoredRows(inputs, sequences.target, sequences.weight)

    def validation_inputs(self) -> ChunkedInputs:
        return self.validation.inputs

    def score_fn(self, loss: LossName) -> ScoreFunction:
        transform, target = self.model.target_transform, self.validation.target
        return build_validation_score(self.task, loss, transform, target, self.sample_weight)

    def truth(self) -> Truth:
        transform, target = self.model.target_transform, self.validation.target
        return truth_of_rows(self.task, transform, target, self.sample_weight, self.target_offset)

    def calibrate(self) -> None:
        rows = self.validation
        fit_temperature(self.model, self.task, rows.inputs, rows.target, self.sample_weight)


def load_sequence_data(
    model: nn.Module, params: TrainParams, features: Features, train: TensorStore, validation: TensorStore
) -> SequenceData:
    """Return the sequences of both parts.

    Raises:
        InputError: if no sequence counts, or the steps take more memory than they may.
    """
    assert isinstance(model, TabularModel)
    class_weights = resolve_class_weights(params, features)
    return SequenceData(
        model,
        features.task,
        load_sequences(train, class_weights, "the train rows", params.memory_gb),
        load_sequences(validation, class_weights, "the validation rows", params.memory_gb),
        read_sample_weight(validation),
        features.target_offset,
    )


def load_sequences(
    store: TensorStore, class_weights: list[float] | None, source_name: str, memory_gb: float | None
) -> Sequences:
    """Return the sequences with their weights in the loss; `source_name` names them in messages.

    Raises:
        InputError: if no sequence counts, or the steps take more memory than they may.
    """
    names = [name for name in store.names if name not in STEP_ARRAYS]
    arrays = with_loss_weights(store.read([range(store.n_rows)], names), class_weights)
    steps = store.read([range(int(arrays["length"].sum()))], STEP_ARRAYS)
    assert_steps_fit(sum(array.nbytes for array in steps.values()), "sequences", source_name, memory_gb)
    sequences = build_sequences({**arrays, **steps})
    positive_weight(sequences, source_name)
    return sequences
