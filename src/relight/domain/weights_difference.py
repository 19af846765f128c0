"""How far two models are from each other."""

from collections.abc import Mapping

from torch import Tensor


def largest_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[str, float] | None:
    """The tensor with the largest difference of a value, and how much it is.

    Returns:
        None where the names, shapes or types are not the same, and nothing can be compared.
    """
    if {name: (value.shape, value.dtype) for name, value in one.items()} != {
        name: (value.shape, value.dtype) for name, value in other.items()
    }:
        return None
    filled = [name for name, value in one.items() if value.numel()]
    found = {name: float((one[name].double() - other[name].double()).abs().max()) for name in filled}
    largest = max(found, key=lambda name: found[name], default=None)
    return None if largest is None else (largest, found[largest])
