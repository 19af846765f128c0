import torch

from relight.model.weights import largest_weight_difference


def test_the_largest_difference_is_found_with_its_tensor() -> None:
    one = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[5]]), "c": torch.empty(0)}
    other = {"a": torch.tensor([1.5, 2.0]), "b": torch.tensor([[2]]), "c": torch.empty(0)}
    assert largest_weight_difference(one, other) == ("b", 3.0)
    assert largest_weight_difference(one, one) == ("a", 0.0)


def test_other_names_shapes_or_types_cannot_be_compared() -> None:
    one = {"a": torch.zeros(2)}
    for other in ({"b": torch.zeros(2)}, {"a": torch.zeros(2, 1)}, {"a": torch.zeros(2, dtype=torch.float64)}, {}):
        assert largest_weight_difference(one, other) is None
    assert largest_weight_difference({}, {}) is None
