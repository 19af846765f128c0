import torch

from relight.model.networks.mlp import Mlp


def test_blocks_of_linear_relu_and_dropout_then_a_linear_output() -> None:
    shapes = {
        name: tuple(value.shape) for name, value in Mlp(5, 2, n_blocks=2, d_block=4, dropout=0.1).state_dict().items()
    }
    assert shapes == {
        "blocks.0.0.weight": (4, 5),
        "blocks.0.0.bias": (4,),
        "blocks.1.0.weight": (4, 4),
        "blocks.1.0.bias": (4,),
        "output.weight": (2, 4),
        "output.bias": (2,),
    }


def test_the_output_is_the_formula_of_the_paper() -> None:
    torch.manual_seed(0)
    model = Mlp(3, 2, n_blocks=2, d_block=4, dropout=0.1).eval()
    state, x = model.state_dict(), torch.randn(6, 3)
    hidden = x
    for block in (0, 1):
        hidden = (hidden @ state[f"blocks.{block}.0.weight"].T + state[f"blocks.{block}.0.bias"]).clamp(min=0)
    expected = hidden @ state["output.weight"].T + state["output.bias"]
    torch.testing.assert_close(model(x), expected)


def test_dropout_silences_its_share_while_training_and_nothing_afterwards() -> None:
    torch.manual_seed(0)
    model = Mlp(1, 1, n_blocks=1, d_block=10_000, dropout=0.25)
    x = torch.full((1, 1), 100.0)
    kept = model.blocks(x)
    lit = model.eval().blocks(x) > 0  # ReLU silences about half, dropout a quarter of the rest
    assert torch.equal(model.blocks(x), model.blocks(x))
    assert abs((kept[lit] == 0).float().mean().item() - 0.25) < 0.03  # 5000 draws: 0.03 is 5 standard deviations


def test_batch_normalisation_stands_between_layer_and_activation() -> None:
    torch.manual_seed(0)
    model = Mlp(3, 1, n_blocks=1, d_block=4, dropout=0.0, batch_norm=True, activation="tanh")
    x = torch.randn(50, 3) * 7
    linear = x @ model.blocks[0][0].weight.T + model.blocks[0][0].bias
    expected = torch.tanh((linear - linear.mean(dim=0)) / torch.sqrt(linear.var(dim=0, correction=0) + 1e-5))
    torch.testing.assert_close(model.blocks(x), expected)
