import torch

from relight.model.networks.sequences import held, last_real, masked_max, masked_mean, real_steps, turned

X = torch.tensor([[[1.0, -5], [3, -7], [99, 99]], [[-2, -1], [99, 99], [99, 99]]])  # 99 is padding
LENGTHS = torch.tensor([2, 1])
REAL = torch.tensor([[True, True, False], [True, False, False]])


def test_the_first_steps_are_the_real_ones() -> None:
    assert torch.equal(real_steps(LENGTHS, 3), REAL)
    assert real_steps(torch.tensor([5]), 3).tolist() == [[True, True, True]]


def test_mean_and_maximum_are_those_of_the_real_steps() -> None:
    assert masked_mean(X, REAL).tolist() == [[2, -6], [-2, -1]]
    assert masked_max(X, REAL).tolist() == [[3, -5], [-2, -1]]


def test_padding_feels_no_gradient() -> None:
    x = X.clone().requires_grad_()
    (masked_mean(x, REAL) + masked_max(x, REAL)).sum().backward()
    # a half for the mean, one more for the greater
    assert x.grad.tolist() == [[[0.5, 1.5], [1.5, 0.5], [0, 0]], [[2, 2], [0, 0], [0, 0]]]


def test_the_last_real_step() -> None:
    assert last_real(X, LENGTHS).tolist() == [[3, -7], [-2, -1]]


def test_the_last_real_step_is_held_to_any_length() -> None:
    assert held(X, LENGTHS, 4)[0].tolist() == [[1, -5], [3, -7], [3, -7], [3, -7]]
    assert held(X, LENGTHS, 1).tolist() == [[[1, -5]], [[-2, -1]]]


def test_the_real_steps_are_turned_and_turned_back() -> None:
    steps = turned(X, LENGTHS)
    assert steps[:, :2].tolist()[0] == [[3, -7], [1, -5]]
    assert steps[1, 0].tolist() == [-2, -1]
    assert torch.equal(turned(steps, LENGTHS)[REAL], X[REAL])
