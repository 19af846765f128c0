"""What the train stage may see: the train and the validation rows, each with its weight in the loss."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from relight.domain.class_weights import settle_class_weights
from relight.domain.features import Features
from relight.domain.part import Part, Store, read_part
from relight.params.train import TrainParams


class Parts(NamedTuple):
    """
    Attributes:
        sample_weight: (n_rows,) of the validation rows, without the weights of the classes; None: all count the same.
    """

    train: Part
    validation: Part
    sample_weight: Tensor | None


def read_parts(model: nn.Module, params: TrainParams, features: Features, train: Store, validation: Store) -> Parts:
    """
    Raises:
        InputError: when no row counts, or a model without a front would have to read a gap.
    """
    class_weights = settle_class_weights(params, features)
    has_weight = "weight" in validation.names
    sample = validation.read([range(validation.n_rows)], ["weight"])["weight"] if has_weight else None
    return Parts(
        read_part(model, train, class_weights, "the train rows", params.memory_gb),
        read_part(model, validation, class_weights, "the validation rows", params.memory_gb),
        None if sample is None else torch.from_numpy(sample),
    )
