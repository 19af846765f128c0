"""Gradients cut to a length, so that one odd batch cannot throw the weights away."""

from torch import Tensor
from torch.nn.utils import clip_grad_norm_


def clip_gradients(groups: list[list[Tensor]], longest: float) -> None:
    """Scale the gradients of each group down to the length `longest`, where they are longer (Pascanu et al. 2013).

    A group is what has a loss of its own: a model, or one of several copies.
    """
    for weights in groups:
        clip_grad_norm_(weights, longest)
