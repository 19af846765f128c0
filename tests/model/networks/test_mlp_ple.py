import torch

from relight.model.networks.categories import Categories
from relight.model.networks.tabular import MlpPle, NumericEmbeddings


def test_the_network_reads_embeddings_flat_numbers_and_categories() -> None:
    torch.manual_seed(0)
    bins = [torch.tensor([0.0, 1, 3]), torch.tensor([0.0, 1])]
    num_embeddings = NumericEmbeddings(2, bins=bins, d_embedding=3)
    model = MlpPle(num_embeddings, Categories([3]), 1, n_blocks=2, d_block=6, dropout=0.1, n_bins=2).eval()
    x_num, x_cat = torch.tensor([[0.5, 1.0]]), torch.tensor([[2]])
    embedded = model.numbers.embeddings(x_num[:, :1]).flatten(1)
    flat = torch.cat([embedded, torch.tensor([[1.0, 0, 1]])], dim=1)
    assert torch.equal(model(x_num, x_cat), model.network(flat))
    assert [block[0].weight.shape for block in model.network.blocks] == [(6, 6), (6, 6)]
