import pytest
from pydantic import ValidationError

from relight.model.params import (
    SEQUENCE_SECTIONS,
    FtTransformerParams,
    MlpParams,
    ModelParams,
    RecurrentParams,
    TabmParams,
    TabmSmallParams,
)


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


def test_the_heads_of_attention_share_the_width() -> None:
    assert FtTransformerParams(d_block=24, n_heads=8).d_block == 24
    with pytest.raises(ValidationError, match="d_block must be a multiple of n_heads, got d_block is 20, n_heads 8"):
        FtTransformerParams(d_block=20, n_heads=8)


def test_tabm_is_the_recipe_that_tabarena_and_autogluon_share_and_the_small_one_is_narrower() -> None:
    shared = {"n_blocks": 2, "dropout": 0.1, "n_bins": 48}
    assert TabmParams().model_dump() == {**shared, "k": 32, "d_block": 512, "d_embedding": 16}
    assert TabmSmallParams().model_dump() == {**shared, "k": 16, "d_block": 192, "d_embedding": 8}


def test_sections_of_sequences_are_written_where_they_are_of_use_or_were_changed() -> None:
    """A model of a table is described as before there were any."""
    assert not set(SEQUENCE_SECTIONS) & set(ModelParams(name="linear", numeric="none").model_dump())
    assert set(SEQUENCE_SECTIONS) <= set(ModelParams(name="gru", numeric="none").model_dump())
    changed = ModelParams(name="auto", numeric="none", gru=RecurrentParams(d_hidden=8))
    assert set(SEQUENCE_SECTIONS) & set(changed.model_dump()) == {"gru"}
    for params in (changed, ModelParams(name="lstm", numeric="none", lstm=RecurrentParams(n_layers=2))):
        assert ModelParams.model_validate_json(params.model_dump_json()) == params
