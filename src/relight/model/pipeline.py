"""A network with its preprocessor and its target transform: raw columns in, predictions out."""

import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.model.checks import TargetScale
from relight.model.preprocessing import Preprocessor

MAX_LOG_TARGET = 80.0  # float32 ends at exp(88.7), and members are summed
MIN_LOG_ARGUMENT = 1e-37


class TargetTransform(nn.Module):
    """The train rows' mean and deviation of the target (or of its logarithm), as buffers.

    The network learns numbers around 0 with deviation 1, whatever the target's unit is: losses are on that scale,
    predictions in the target's own unit, without its offset, which float32 would round; `predictions_from_outputs`
    adds it.

    **Shape**: any in and out.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: Features, target_scale: TargetScale) -> None:
        super().__init__()
        self.is_log = target_scale == "log"
        statistics = features.target_statistics
        assert statistics is not None
        self.offset = statistics.offset
        mean, std = (statistics.log_mean, statistics.log_std) if self.is_log else (statistics.mean, statistics.std)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(std or 1.0, dtype=torch.float32))

    def forward(self, outputs: Tensor) -> Tensor:
        numbers = outputs * self.scale + self.mean
        return _minus(numbers.clamp(max=MAX_LOG_TARGET).exp(), self.offset) if self.is_log else numbers

    def transform(self, target: Tensor) -> Tensor:
        """Return the target on the network's scale."""
        # Validation rows may lie at 0 or below, where train rows never do.
        numbers = _minus(target, -self.offset).clamp(min=MIN_LOG_ARGUMENT).log() if self.is_log else target
        return (numbers - self.mean) / self.scale


class RateTransform(nn.Module):
    """The mean of the train rows' counts, as a buffer: the network learns log(rate / mean), predictions are rates.

    The Poisson loss of counts / mean is that of the counts, divided by the mean, up to what depends only on the counts.

    **Shape**: any in and out.
    """

    mean: Tensor

    def __init__(self, features: Features) -> None:
        super().__init__()
        statistics = features.target_statistics
        assert statistics is not None
        self.offset = statistics.offset
        self.register_buffer("mean", torch.tensor(statistics.mean + self.offset or 1.0, dtype=torch.float32))

    def forward(self, outputs: Tensor) -> Tensor:
        return _minus((outputs + self.mean.log()).clamp(max=MAX_LOG_TARGET).exp(), self.offset)

    def transform(self, target: Tensor) -> Tensor:
        """Return the counts in units of their mean."""
        return _minus(target, -self.offset) / self.mean


def _minus(numbers: Tensor, offset: float) -> Tensor:
    return numbers - offset if offset else numbers


class TabularModel(nn.Module):
    """Preprocessor, then network, then target transform.

    **Shape**
        - numeric, categories: as `Preprocessor`; for sequences (n, length, ...), each step of which it reads by itself
        - lengths: (n,) int64, of sequences only
        - output: as of the network
    """

    def __init__(self, preprocessor: Preprocessor, network: nn.Module, target_transform: nn.Module) -> None:
        super().__init__()
        self.preprocessor = preprocessor
        self.network = network
        self.target_transform = target_transform

    def forward(self, numeric: Tensor, categories: Tensor, *lengths: Tensor) -> Tensor:
        if lengths:
            numbers, codes = self.preprocessor(numeric.flatten(0, 1), categories.flatten(0, 1))
            numbers, codes = (part.unflatten(0, numeric.shape[:2]) for part in (numbers, codes))
        else:
            numbers, codes = self.preprocessor(numeric, categories)
        outputs: Tensor = self.target_transform(self.network(numbers, codes, *lengths))
        return outputs

    def scale_target(self, target: Tensor) -> Tensor:
        """Return the target on the network's scale; classes and relevances stay as they are."""
        transform = self.target_transform
        return transform.transform(target) if isinstance(transform, TargetTransform | RateTransform) else target


class DeepEnsemble(nn.Module):
    """A deep ensemble (Lakshminarayanan et al. 2017): networks of different seeds, trained as one model.

    Their predictions are averaged, never their outputs.

    **Shape**
        - inputs: the same as of each network
        - output: (n_rows, n_networks * k, d_out), k is 1 for a network whose output is (n_rows, d_out)
    """

    def __init__(self, networks: list[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs = [network(*inputs) for network in self.networks]
        return torch.cat([output if output.dim() == 3 else output.unsqueeze(1) for output in outputs], dim=1)


class Temperature(nn.Module):
    """Logits divided by a temperature, 1 until it is fitted. **Shape**: any in and out."""

    temperature: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("temperature", torch.tensor(1.0))

    def forward(self, logits: Tensor) -> Tensor:
        return logits / self.temperature
