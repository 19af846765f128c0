"""A network between its front and its back: raw columns in, answers out."""

from torch import Tensor, nn

from relight.domain.front import Front


class Fitted(nn.Module):
    """Front, then body, then back. **Shape**: as `Front` in, as the body out."""

    def __init__(self, front: Front, body: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.front = front
        self.body = body
        self.back = back

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        numbers, codes = self.front(numeric, categories)
        outputs: Tensor = self.back(self.body(numbers, codes))
        return outputs
