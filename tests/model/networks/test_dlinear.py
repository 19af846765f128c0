import torch

from relight.model.networks.forecasts import DLinear, moving_average


def test_the_moving_average_holds_the_ends() -> None:
    # of 3: (0+0+3)/3, (0+3+6)/3, (3+6+0)/3, (6+0+0)/3
    assert moving_average(torch.tensor([[0.0, 3, 6, 0]]), 3).tolist() == [[1, 3, 3, 2]]
    assert moving_average(torch.tensor([[0.0, 2, 4]]), 2).tolist() == [[1, 3, 4]]
    assert moving_average(torch.tensor([[0.0, 5]]), 5).tolist() == [[2, 3]]  # longer than the series


def test_the_answer_is_the_formula_of_the_paper() -> None:
    torch.manual_seed(0)
    model = DLinear(4, 2, d_future_total=0, kernel=3)
    series = torch.tensor([[0.0, 3, 6, 0]])
    trend = torch.tensor([[1.0, 3, 3, 2]])
    state = model.state_dict()
    expected = trend @ state["trend.weight"].T + (series - trend) @ state["remainder.weight"].T
    expected = expected + state["trend.bias"] + state["remainder.bias"]
    past = torch.stack([series, torch.full((1, 4), 9.0)], dim=2)  # a second channel is not read
    torch.testing.assert_close(model(past, torch.tensor([4]), torch.zeros(1, 2, 0)), expected)


def test_a_straight_line_is_continued_once_the_trend_knows_how() -> None:
    model = DLinear(3, 1, d_future_total=0, kernel=1)
    for name, value in model.state_dict().items():
        value.copy_(torch.tensor([[0.0, -1, 2]]) if name == "trend.weight" else torch.zeros_like(value))
    past = torch.tensor([[[5.0], [7], [9]]])
    assert model(past, torch.tensor([3]), torch.zeros(1, 1, 0)).tolist() == [[11]]


def test_each_step_adds_its_covariates_by_the_same_weights() -> None:
    torch.manual_seed(0)
    model = DLinear(4, 3, d_future_total=6, kernel=25)
    past, lengths = torch.randn(2, 4, 1), torch.tensor([4, 4])
    future = torch.randn(2, 3, 2)
    added = model(past, lengths, future) - model(past, lengths, torch.zeros(2, 3, 2))
    torch.testing.assert_close(added, (future * model.covariates.weight[0]).sum(dim=2))
