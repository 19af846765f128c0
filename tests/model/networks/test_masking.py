import torch

from relight.model.networks.masking import (
    last_valid_step,
    masked_max,
    masked_mean,
    pad_with_last,
    reverse_steps,
    step_mask,
)

X = torch.tensor([[[1.0, -5], [3, -7], [99, 99]], [[-2, -1], [99, 99], [99, 99]]])  # 99 is padding
LENGTHS = torch.tensor([2, 1])
MASK = torch.tensor([[True, True, False], [True, False, False]])


def test_the_first_steps_are_the_valid_ones() -> None:
    assert torch.equal(step_mask(LENGTHS, 3), MASK)
    assert step_mask(torch.tensor([5]), 3).tolist() == [[True, True, True]]


def test_mean_and_maximum_are_those_of_the_valid_steps() -> None:
    assert masked_mean(X, MASK).tolist() == [[2, -6], [-2, -1]]
    assert masked_max(X, MASK).tolist() == [[3, -5], [-2, -1]]


def test_padding_feels_no_gradient() -> None:
    x = X.clone().requires_grad_()
    (masked_mean(x, MASK) + masked_max(x, MASK)).sum().backward()
    # a half for the mean, one more for the greater
    assert x.grad.tolist() == [[[0.5, 1.5], [1.5, 0.5], [0, 0]], [[2, 2], [0, 0], [0, 0]]]


def test_the_last_valid_step() -> None:
    assert last_valid_step(X, LENGTHS).tolist() == [[3, -7], [-2, -1]]


def test_the_last_valid_step_is_repeated_up_to_any_length() -> None:
    assert pad_with_last(X, LENGTHS, 4)[0].tolist() == [[1, -5], [3, -7], [3, -7], [3, -7]]
    assert pad_with_last(X, LENGTHS, 1).tolist() == [[[1, -5]], [[-2, -1]]]


def test_the_valid_steps_are_reversed_and_reversed_back() -> None:
    steps = reverse_steps(X, LENGTHS)
    assert steps[:, :2].tolist()[0] == [[3, -7], [1, -5]]
    assert steps[1, 0].tolist() == [-2, -1]
    assert torch.equal(reverse_steps(steps, LENGTHS)[MASK], X[MASK])
