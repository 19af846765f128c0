import torch

from relight.model.networks.mlp import Linear, LinearParameters


def test_the_keys_are_the_tutorials() -> None:
    assert list(LinearParameters().state_dict()) == ["weights", "bias"]
    assert list(Linear(1, 1).state_dict()) == ["linear_layer.weight", "linear_layer.bias"]


def test_two_parameters_are_a_line() -> None:
    model = LinearParameters()
    model.load_state_dict({"weights": torch.tensor([2.0]), "bias": torch.tensor([-1.0])})
    # 2 * 0 - 1, 2 * 3 - 1
    assert model(torch.tensor([[0.0], [3.0]])).tolist() == [[-1], [5]]


def test_a_linear_layer_weighs_each_column_for_each_output() -> None:
    model = Linear(2, 2)
    weights = torch.tensor([[1.0, 10.0], [0.0, -1.0]])
    model.load_state_dict({"linear_layer.weight": weights, "linear_layer.bias": torch.tensor([100.0, 0.5])})
    # 1 * 2 + 10 * 3 + 100, 0 * 2 - 1 * 3 + 0.5
    assert model(torch.tensor([[2.0, 3.0]])).tolist() == [[132, -2.5]]


def test_the_same_seed_draws_the_tutorials_weights() -> None:
    torch.manual_seed(42)
    model = LinearParameters()
    assert (round(model.weights.item(), 4), round(model.bias.item(), 4)) == (0.3367, 0.1288)
