import pytest
from pydantic import ValidationError

from relight.params.model import MlpParams, ModelParams


def test_an_mlp_needs_its_own_section_and_the_others_do_not() -> None:
    assert ModelParams(name="linear", numeric="none").mlp is None
    with pytest.raises(ValidationError, match=r"mlp is missing; add for example `mlp: {n_blocks: 3"):
        ModelParams(name="mlp", numeric="none")


def test_a_section_of_another_model_may_stay() -> None:
    mlp = MlpParams(n_blocks=1, d_block=2, dropout=0.0)
    assert ModelParams(name="linear", numeric="none", mlp=mlp).mlp == mlp


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_is_at_least_0_and_below_1(dropout: float) -> None:
    with pytest.raises(ValidationError, match="dropout"):
        MlpParams(n_blocks=1, d_block=2, dropout=dropout)
