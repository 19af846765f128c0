import torch

from relight.model.networks.categories import Categories
from relight.model.networks.tabular import MlpPle, NumericEmbeddings
from relight.model.params import MlpPleParams


def test_the_network_reads_embeddings_flat_numbers_and_categories() -> None:
    torch.manual_seed(0)
    params = MlpPleParams(n_blocks=2, d_block=6, n_bins=2, d_embedding=3)
    bins = [torch.tensor([0.0, 1, 3]), torch.tensor([0.0, 1])]
    model = MlpPle(NumericEmbeddings(bins, 2, 3), Categories([2]), 1, params).eval()
    numbers, codes = torch.tensor([[0.5, 1.0]]), torch.tensor([[2]])
    embedded = model.numbers.embeddings(numbers[:, :1]).flatten(1)
    flat = torch.cat([embedded, torch.tensor([[1.0, 0, 1]])], dim=1)
    assert torch.equal(model(numbers, codes), model.network(flat))
    assert [block[0].weight.shape for block in model.network.blocks] == [(6, 6), (6, 6)]
