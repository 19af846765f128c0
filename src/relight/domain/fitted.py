"""A network between its front and its back: raw columns in, answers out."""

from torch import Tensor, nn

from relight.domain.front import Front


class Fitted(nn.Module):
    """Front, then body, then back. **Shape**: as `Front` in, as the body out.

    Of sequences the front sees each step by itself: (n, length, ...) in, and lengths (n,) that the body reads.
    """

    def __init__(self, front: Front, body: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.front = front
        self.body = body
        self.back = back

    def forward(self, numeric: Tensor, categories: Tensor, *lengths: Tensor) -> Tensor:
        if lengths:
            numbers, codes = self.front(numeric.flatten(0, 1), categories.flatten(0, 1))
            numbers, codes = (part.unflatten(0, numeric.shape[:2]) for part in (numbers, codes))
        else:
            numbers, codes = self.front(numeric, categories)
        outputs: Tensor = self.back(self.body(numbers, codes, *lengths))
        return outputs
