"""Steps that lie one after the other, padded batch by batch."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from relight.data.features import CategoricalFeature, Features, NumericFeature, SequenceFeatures
from relight.data.schema import SequenceParams
from relight.errors import InputError
from relight.model.build import build_model
from relight.model.checks import assert_model_reads
from relight.model.inference import batched_outputs, predict_outputs
from relight.model.networks.categories import Categories, ConcatStepFeatures
from relight.model.params import ModelName, ModelParams
from relight.model.pipeline import TabularModel
from relight.model.sequences import Sequences, build_sequences, preprocess_sequences
from relight.train.batches import InMemoryBatches, total_weight
from relight.train.sequences import SequenceData, load_sequences

LENGTH = [2, 1, 3]
NAMES: list[ModelName] = ["convolution", "rnn", "lstm", "gru"]


def arrays() -> dict[str, np.ndarray]:
    length = np.array(LENGTH)
    return {
        "numeric": np.array([[1], [2], [3], [4], [np.nan], [6]], dtype=np.float32),
        "categories": np.array([[1], [2], [0], [1], [1], [2]], dtype=np.int32),
        "start": np.cumsum(length) - length,
        "length": length,
        "target": np.array([0, 1, 2]),
        "row": np.arange(3),
    }


def features() -> Features:
    number = NumericFeature(
        name="x", column="x", kind="numeric", mean=2.0, std=4.0, low=1, high=6, quantiles=[1, 2, 3, 4, 6], gaps=1
    )
    sequence = SequenceFeatures(columns=SequenceParams(id="who", time="t"), n_steps=6, longest=3)
    return Features(
        task="multiclass", target="y", targets=["y"], weight=None, classes=["a", "b", "c"], numeric=[number],
        categorical=[CategoricalFeature(name="colour", levels=["green", "red"])], target_statistics=None,
        class_counts=[1, 1, 1], n_train=3, validates_on_test=False, sequence=sequence,
    )  # fmt: skip


class InMemory:
    """A file of arrays, as `StoredTensors` reads it."""

    def __init__(self, content: dict[str, np.ndarray]) -> None:
        self.content, self.names, self.n_rows, self.row_bytes = content, list(content), len(content["target"]), 1

    def read(self, blocks: list[range], names: list[str]) -> dict[str, np.ndarray]:
        return {name: np.concatenate([self.content[name][b.start : b.stop] for b in blocks]) for name in names}


def test_picked_sequences_are_padded_with_zeros_to_the_longest_of_them() -> None:
    rows = build_sequences(arrays()).pick(torch.tensor([1, 0]))
    steps, codes, lengths = rows.inputs
    assert steps.tolist() == [[[3], [0]], [[1], [2]]]
    assert codes.tolist() == [[[0], [0]], [[1], [2]]]
    assert (lengths.tolist(), rows.target.tolist()) == ([1, 2], [1, 0])


def test_a_batch_is_no_copy_of_everything() -> None:
    """One long sequence among short ones: a batch without it is short."""
    length = torch.tensor([1000, *[2] * 50])
    steps = torch.zeros(int(length.sum()), 1)
    start = length.cumsum(0) - length
    sequences = Sequences(steps, torch.zeros(len(steps), 0), start, length, torch.zeros(51, 1))
    widths = [batch.rows.inputs[0].shape[1] for batch in InMemoryBatches(sequences, 3, seed=1).epoch_batches(0)]
    assert sorted(set(widths)) == [2, 1000]
    assert widths.count(1000) == 1


def test_every_epoch_sees_every_sequence_once_with_its_target_and_weight() -> None:
    sequences = build_sequences({**arrays(), "weight": np.array([1, 2, 1], dtype=np.float32)})
    batches = list(InMemoryBatches(sequences, 2, seed=3).epoch_batches(5))
    seen = torch.cat([batch.rows.target for batch in batches])
    assert sorted(seen.tolist()) == [0, 1, 2]
    assert sum(float(batch.weight_fraction) for batch in batches) == pytest.approx(1)
    (whole,) = InMemoryBatches(sequences, "full", seed=3).epoch_batches(5)
    assert whole.rows.inputs[0].shape == (3, 3, 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("numeric", ["standardize", "quantile_normal", "none"])
def test_what_training_sees_is_what_the_saved_model_makes_of_padded_steps(name: ModelName, numeric: str) -> None:
    """The front of the flat steps, then padded; and padded, then the front: the same outputs."""
    torch.manual_seed(0)
    model = build_model(ModelParams(name=name, numeric=numeric), features(), target_scale="none")  # type: ignore[arg-type]
    assert isinstance(model, TabularModel)
    model.eval()
    raw = build_sequences(arrays())
    seen = preprocess_sequences(model, raw).whole()
    with torch.inference_mode():
        torch.testing.assert_close(model.network(*seen.inputs), model(*raw.whole().inputs))


def test_the_front_fills_gaps_and_marks_them_before_the_padding_is_added() -> None:
    model = build_model(ModelParams(name="gru", numeric="standardize"), features(), target_scale="none")
    seen = preprocess_sequences(model, build_sequences(arrays())).whole()
    gap, padding = seen.inputs[0][2], seen.inputs[0][1]
    assert gap.tolist() == [[0.5, 0], [0, 1], [1, 0]]  # (4 - 2) / 4, the mean with its mark, (6 - 2) / 4
    assert padding.tolist() == [[0.25, 0], [0, 0], [0, 0]]


class Last(nn.Module):
    """Says what it was given."""

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        assert future.shape == (len(past), 0, 0)
        assert lengths.shape == (len(past),)
        return past.flatten(1)


def test_padding_reaches_the_network_as_zeros_whatever_stands_there() -> None:
    numbers, codes = torch.full((1, 3, 1), 7.0), torch.full((1, 3, 1), 2)
    out = ConcatStepFeatures(Categories([3]), Last())(numbers, codes, torch.tensor([2]))
    assert out.tolist() == [[7, 0, 1, 7, 0, 1, 0, 0, 0]]


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_does_not_depend_on_the_others_nor_on_how_many_at_once(name: ModelName) -> None:
    model = build_model(ModelParams(name=name, numeric="standardize"), features(), target_scale="none")
    sequences = build_sequences(arrays())
    together = predict_outputs(model, sequences.inputs)
    with torch.inference_mode():
        torch.testing.assert_close(batched_outputs(model, sequences.inputs, 1), together)


def test_a_part_of_sequences_is_read_trained_on_and_validated() -> None:
    model = build_model(ModelParams(name="gru", numeric="standardize"), features(), target_scale="none", seeds=2)
    assert isinstance(model, TabularModel)
    part = load_sequences(InMemory(arrays()), [1.0, 2.0, 1.0], "the train rows", memory_gb=None)
    assert isinstance(part, Sequences)
    assert total_weight(part.weight, part.n_rows) == 4
    data, cpu = SequenceData(model, "multiclass", part, part, None), torch.device("cpu")
    assert sum(len(batch.rows.target) for batch in data.batches(cpu, 2, seed=1).epoch_batches(0)) == 3
    validation = data.validation_rows(cpu)
    assert predict_outputs(data.network(), validation.inputs).shape == (3, 2, 3)
    assert validation.weight is not None
    assert validation.weight.tolist() == [1, 2, 1]


def test_sequences_that_take_more_than_they_may_are_refused() -> None:
    with pytest.raises(InputError, match=r"train\.memory_gb: must hold the steps of sequences: the train rows take"):
        load_sequences(InMemory(arrays()), None, "the train rows", memory_gb=1e-9)


def test_models_of_tables_and_of_sequences_are_told_apart() -> None:
    rule = "must be one of auto, convolution, rnn, lstm, gru for sequences, got tabm"
    with pytest.raises(InputError, match=rule):
        assert_model_reads(ModelParams(name="tabm", numeric="none"), features())
    table = features().model_copy(update={"sequence": None})
    with pytest.raises(
        InputError, match=r"model\.name: must be a model of single rows, got lstm, which reads sequences"
    ):
        assert_model_reads(ModelParams(name="lstm", numeric="none"), table)
    for name in ("auto", *NAMES):
        assert_model_reads(ModelParams(name=name, numeric="none"), features())
