from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.errors import InputError
from relight.prepare.params import LineParams
from relight.prepare.source import generate_line


def line(**changed: Any) -> LineParams:
    tutorial = {"weight": 0.7, "bias": 0.3, "start": 0.0, "stop": 1.0, "step": 0.02, "noise": 0.0, "seed": 42}
    return LineParams(kind="line", **{**tutorial, **changed})


def test_the_tutorials_points_are_those_of_torch_bit_for_bit() -> None:
    x = torch.arange(0, 1, 0.02)
    table = generate_line(line(), "y")
    assert table["x"].to_numpy().tobytes() == x.numpy().tobytes()
    assert table["y"].to_numpy().tobytes() == (0.7 * x + 0.3).numpy().tobytes()


def test_the_tutorials_first_points() -> None:
    table = generate_line(line(), "y")
    assert table.height == 50
    np.testing.assert_allclose(table["x"].to_numpy()[:3], [0, 0.02, 0.04], rtol=1e-7)
    np.testing.assert_allclose(table["y"].to_numpy()[:3], [0.3, 0.314, 0.328], rtol=1e-7)


@pytest.mark.parametrize("step", [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3, 0.7])
@pytest.mark.parametrize("start", [-6.0, -5.8, -5.4, -3.0, -1.0, -0.1, 0.0, 0.3, 2.5])
@pytest.mark.parametrize("n_points", [2, 16, 19, 48, 333])
def test_other_ranges_are_those_of_torch_bit_for_bit(start: float, step: float, n_points: int) -> None:
    # From -5.8 by 0.2 the point at 0 is 5.6e-17, for PyTorch does not round the product of index and step.
    stop = start + step * n_points
    x = torch.arange(start, stop, step)
    table = generate_line(line(start=start, stop=stop, step=step, weight=-1.3, bias=11.0), "y")
    assert table["x"].to_numpy().tobytes() == x.numpy().tobytes()
    assert table["y"].to_numpy().tobytes() == (-1.3 * x + 11.0).numpy().tobytes()


@settings(deadline=None)
@given(start=st.integers(-9999, 9999), step=st.integers(1, 9999), n_points=st.floats(2, 200))
def test_any_range_in_thousandths_is_that_of_torch_bit_for_bit(start: int, step: int, n_points: float) -> None:
    first, by = start / 1000, step / 1000
    stop = first + by * n_points
    expected = torch.arange(first, stop, by).numpy()
    assert generate_line(line(start=first, stop=stop, step=by), "y")["x"].to_numpy().tobytes() == expected.tobytes()


def test_noise_has_its_spread_and_depends_on_the_seed_alone() -> None:
    plain = generate_line(line(step=1e-4), "y")["y"].to_numpy()
    first, again, other = (
        generate_line(line(step=1e-4, noise=0.5, seed=seed), "y")["y"].to_numpy() for seed in (1, 1, 2)
    )
    assert first.dtype == np.float32
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert abs(float((first - plain).mean())) < 0.02  # 10 000 draws: the mean's own spread is 0.005
    assert abs(float((first - plain).std()) - 0.5) < 0.02


def test_noise_leaves_the_inputs_where_they_are() -> None:
    assert generate_line(line(noise=0.5), "y")["x"].equals(generate_line(line(), "y")["x"])


def test_the_target_has_the_name_that_was_asked_for() -> None:
    assert generate_line(line(), "height").columns == ["x", "height"]


def test_a_target_called_x_is_refused() -> None:
    with pytest.raises(InputError, match=r"prepare\.target: x is the input of a line; name the target y"):
        generate_line(line(), "x")
