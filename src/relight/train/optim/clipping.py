"""Gradient clipping: the gradients of each network are scaled down to a largest norm."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from relight.model.pipeline import DeepEnsemble


@dataclass(frozen=True)
class GradientClip:
    """Scales the gradients of each group down to `max_norm`, if they are longer (Pascanu et al. 2013).

    Attributes:
        groups: a group has a loss of its own: it is a model, or one of several copies.
    """

    groups: list[list[Tensor]]
    max_norm: float

    def __call__(self) -> None:
        for weights in self.groups:
            clip_grad_norm_(weights, self.max_norm)


def weights_by_network(model: nn.Module) -> list[list[Tensor]]:
    """Return the weights of each of several copies, or of the only model."""
    networks = list(model.networks) if isinstance(model, DeepEnsemble) else [model]
    return [[weight for weight in network.parameters() if weight.requires_grad] for network in networks]
