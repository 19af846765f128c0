import torch
from rtdl_revisiting_models import FTTransformer

from relight.model.networks.tabular import FtTransformer
from relight.model.params import FtTransformerParams

SMALL = dict(FtTransformerParams(n_blocks=1, d_block=8))


def test_the_default_is_the_authors_default_of_three_blocks() -> None:
    theirs = FTTransformer(n_cont_features=4, cat_cardinalities=[3], d_out=2, **FTTransformer.get_default_kwargs())
    ours = FtTransformer(4, [3], 2, **dict(FtTransformerParams())).transformer
    shapes = {name: value.shape for name, value in theirs.state_dict().items()}
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes
    assert str(ours) == str(theirs)  # dropout rates and activations, too


def test_numbers_and_codes_are_tokens() -> None:
    torch.manual_seed(0)
    model = FtTransformer(2, [4], 1, **SMALL | {"n_blocks": 2}).eval()
    x_num, x_cat = torch.randn(5, 2), torch.tensor([[0], [1], [2], [3], [1]])
    assert torch.equal(model(x_num, x_cat), model.transformer(x_num, x_cat))


def test_an_unknown_level_starts_at_zero() -> None:
    model = FtTransformer(1, [4, 5], 1, **SMALL)
    for embedding in model.transformer.cat_embeddings.embeddings:
        assert embedding.weight[0].eq(0).all()
        assert embedding.weight[1:].ne(0).all()


def test_a_table_may_lack_numbers_or_categories() -> None:
    no_codes = torch.zeros(5, 0, dtype=torch.int64)
    assert FtTransformer(2, [], 1, **SMALL)(torch.randn(5, 2), no_codes).shape == (5, 1)
    assert FtTransformer(0, [4], 1, **SMALL)(torch.empty(5, 0), torch.ones(5, 1, dtype=torch.int64)).shape == (5, 1)
