"""Optimizers that params.yaml names."""

import torch


class SignSgd(torch.optim.Optimizer):
    """Steps of equal size in the direction of each gradient's sign (Bernstein et al. 2018)."""

    def __init__(self, params, lr: float = 0.001) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    weight -= group["lr"] * weight.grad.sign()
