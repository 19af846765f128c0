"""The choice among forecasts: all that few errors cannot tell from the best."""

import torch
from torch import Tensor

LARGEST_ERROR = 50.0  # times the smallest mean: one window of a forecast that explodes says no more than that


def near_the_best(errors: Tensor, overlap: float = 1.0, *, most_above: float, n_deviations: float = 1.0) -> Tensor:
    """Return which forecasts have a mean error within one standard error of the smallest, (n_forecasts,) bool.

    The standard error is that of the paired difference (Breiman et al. 1984, "Classification and regression trees",
    3.4.3).

    Args:
        errors: (n_windows, n_forecasts) float64, the mean absolute errors of each window; infinite for a forecast that
            there is not, which is never chosen if there is another one.
        overlap: how many windows see the same value; so many of them count as one.
        most_above: whatever is worse by more than this share of the smallest is left out, however few the errors are.
        n_deviations: so many standard errors instead of one.
    """
    if not len(errors):
        return torch.ones(errors.shape[1], dtype=torch.bool)
    smallest = float(errors.mean(dim=0).min())
    bounded = errors.clamp(max=LARGEST_ERROR * smallest) if smallest else errors
    total = torch.where(errors.isfinite().all(dim=0), bounded.mean(dim=0), torch.inf)
    best = int(total.argmin())
    above = total - total[best]
    deviation = (bounded - bounded[:, [best]]).std(dim=0, correction=0)
    n_apart = max(len(errors) / overlap, 1.0)
    near: Tensor = (above <= n_deviations * deviation / n_apart**0.5) & (above <= most_above * total[best])
    near[best] = True
    return near
