import numpy as np
import pytest
import torch
from torch import Tensor, nn

from relight.data.features import PairFeatures
from relight.export.pairs import ExportablePairs, ExportablePairsFromColumns, NgramSums
from relight.model.build import build_model
from relight.model.networks.tower import SiameseModel
from relight.model.pairs import DistanceCalibration
from relight.model.params import ModelParams, TowerParams
from tests.saved_models import drawn_features

KNOWN = PairFeatures(left="left_", right="right_", texts=["name"], n_letters=6, n_buckets=64)
FEATURES = drawn_features("x c", "binary").model_copy(update={"task": "similarity", "pairs": KNOWN})
SCALE = DistanceCalibration(threshold=0.6, slope=5.0)


@pytest.fixture(scope="module")
def model() -> SiameseModel:
    torch.manual_seed(0)
    params = ModelParams(name="tower", numeric="standardize", tower=TowerParams(d_embedding=8))
    model = build_model(params, FEATURES, target_scale="none")
    assert isinstance(model, SiameseModel)
    return model.eval()


def side(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    letters = torch.randint(97, 123, (9, 1, 6), generator=draw, dtype=torch.int32)
    letters[0] = 0
    letters[1, 0, 3:] = 0
    codes = torch.randint(0, 5, (9, 1), generator=draw, dtype=torch.int32)
    numeric = torch.randn(9, 1, generator=draw)
    numeric[2] = torch.nan
    return numeric, codes, letters


def test_a_bag_and_its_sums_are_the_same() -> None:
    torch.manual_seed(1)
    bag = nn.EmbeddingBag(9, 4, mode="sum", padding_idx=0)
    codes = torch.tensor([[0, 0, 0], [1, 8, 0], [3, 3, 3]])
    torch.testing.assert_close(NgramSums(bag)(codes), bag(codes))


def test_distance_similarity_and_whether_they_are_alike(model: SiameseModel) -> None:
    sides = (*side(1), *side(2))
    distance, similarity, alike = ExportablePairs(model, SCALE).eval()(*sides)
    expected = model(*sides).detach().numpy()
    np.testing.assert_allclose(distance.detach(), expected[:, 0], rtol=1e-6)
    np.testing.assert_allclose(similarity.detach(), SCALE.similarity(expected), rtol=1e-5)
    assert alike.tolist() == (expected[:, 0] <= 0.6).astype(int).tolist()
    same = ExportablePairs(model, SCALE).eval()(*side(1), *side(1))
    expected = model(*side(1), *side(1)).detach().numpy()[:, 0]  # gaps of both sides are not the same value
    np.testing.assert_allclose(same[0].detach(), expected, rtol=1e-6)
    assert (expected == 0).any()


def test_the_model_stays_as_it_was(model: SiameseModel) -> None:
    ExportablePairs(model, SCALE)
    assert model.network.tower.texts is not None
    assert isinstance(model.network.tower.texts.points, nn.EmbeddingBag)


def test_columns_of_both_sides_are_the_tensors(model: SiameseModel) -> None:
    answering = ExportablePairs(model, SCALE).eval()
    left, right = side(1), side(2)
    columns = [left[0], left[1].long(), left[2], right[0], right[1].long(), right[2]]
    said, expected = ExportablePairsFromColumns(answering, FEATURES, KNOWN)(columns), answering(*left, *right)
    for found, known in zip(said, expected, strict=True):
        assert torch.equal(found, known)
