"""Several copies of a network side by side, each drawn from a seed of its own, trained as one model."""

import torch
from torch import Tensor, nn


class Members(nn.Module):
    """A deep ensemble (Lakshminarayanan et al. 2017). The answers of its copies are averaged, never their outputs.

    **Shape**: as each copy in; (n_rows, n_copies * n_members of a copy, d_out) out.
    """

    def __init__(self, copies: list[nn.Module]) -> None:
        super().__init__()
        self.copies = nn.ModuleList(copies)

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs = [copy(*inputs) for copy in self.copies]
        return torch.cat([one if one.dim() == 3 else one.unsqueeze(1) for one in outputs], dim=1)
