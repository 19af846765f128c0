"""The most common fault of a loss: (n, 1) and (n,) broadcast to (n, n), and every row is compared with all the others.

PyTorch only warns of it, and only in its own losses: the training goes on, and learns the mean of the targets.
"""

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode


class RefuseRowPairs(TorchFunctionMode):
    """Raise an error if a column of rows and a vector of the same rows are combined, as long as this mode is active."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call a function of PyTorch.

        Raises:
            RowPairsError: if it broadcasts (n, 1) and (n,) to (n, n).
        """
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.dim() == 2 and result.shape[0] == result.shape[1] > 1:
            _assert_same_rows([arg for arg in args if isinstance(arg, Tensor)], len(result))
        return result


def _assert_same_rows(factors: list[Tensor], n_rows: int) -> None:
    """Check what was combined to (n_rows, n_rows); views of one tensor are meant, as `x[:, None] > x`."""
    columns = [factor for factor in factors if factor.shape == (n_rows, 1)]
    vectors = [factor for factor in factors if factor.shape == (n_rows,)]
    memory = {factor.untyped_storage().data_ptr() for factor in (*columns, *vectors)}
    if columns and vectors and len(memory) > 1:
        raise RowPairsError(n_rows)


class RowPairsError(Exception):
    """A column and a vector of the same rows were combined."""

    def __init__(self, n_rows: int) -> None:
        super().__init__(
            f"must not combine shapes ({n_rows}, 1) and ({n_rows},): the result is ({n_rows}, {n_rows}), every row "
            "with all the others; give both the same shape, as x.squeeze(1), or write x.T if pairs of rows are meant"
        )
