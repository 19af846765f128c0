import torch
from tabm import TabM
from torch import nn

from relight.model.networks.categories import Categories
from relight.model.networks.tabular import NumericEmbeddings, Tabm

BINS = [torch.tensor([0.0, 1, 3, 5]), torch.tensor([-1.0, 0, 1, 2])]


def tabm(bins: list[torch.Tensor], cat_cardinalities: list[int], d_out: int) -> Tabm:
    torch.manual_seed(1)
    num_embeddings = NumericEmbeddings(len(bins), bins=bins, d_embedding=4)
    categories = Categories(cat_cardinalities)
    return Tabm(num_embeddings, categories, d_out, k=3, n_blocks=2, d_block=8, dropout=0.1, n_bins=3).eval()


def test_the_parts_say_what_the_authors_own_model_says() -> None:
    model = tabm(BINS, [], 2)
    theirs = TabM.make(
        n_num_features=2,
        d_out=2,
        num_embeddings=model.numbers.embeddings,
        k=3,
        n_blocks=2,
        d_block=8,
        dropout=0.1,
        start_scaling_init="normal",
    ).eval()
    theirs.backbone.load_state_dict(model.backbone.state_dict())
    theirs.output.load_state_dict(model.output.state_dict())
    x_num = torch.randn(7, 2)
    assert torch.equal(model(x_num, torch.zeros(7, 0, dtype=torch.int64)), theirs(x_num))


def test_members_start_with_one_scale_for_each_column() -> None:
    model = tabm(BINS, [4, 41], 2)
    scale = model.backbone.blocks[0][0].r  # (k, d_in): two embeddings of 4, three levels, a vector of 13
    chunks = scale.split([4, 4, 3, 13], dim=1)
    assert scale.shape == (3, 24)
    assert all((chunk == chunk[:, :1]).all() for chunk in chunks)
    assert len({chunk[member, 0].item() for chunk in chunks for member in range(3)}) == 12


def test_every_member_says_something_of_its_own() -> None:
    outputs = tabm(BINS, [3], 2)(torch.randn(5, 2), torch.ones(5, 1, dtype=torch.int64))
    assert outputs.shape == (5, 3, 2)
    assert not torch.equal(outputs[:, 0], outputs[:, 1])


def test_a_table_in_which_nothing_is_embedded_is_read_flat() -> None:
    model = tabm([torch.tensor([0.0, 1])], [], 1)
    assert model(torch.randn(5, 1), torch.zeros(5, 0, dtype=torch.int64)).shape == (5, 3, 1)
    assert isinstance(model.backbone, nn.Module)
