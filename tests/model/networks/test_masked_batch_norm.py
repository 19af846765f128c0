import copy

import torch
from torch import nn

from relight.model.networks.masking import MaskedBatchNorm


def test_without_padding_it_is_batch_norm() -> None:
    torch.manual_seed(0)
    ours, theirs = MaskedBatchNorm(3), nn.BatchNorm1d(3)
    for norm in (ours, theirs):
        nn.init.constant_(norm.weight, 2.0)
        nn.init.constant_(norm.bias, -1.0)
    x = torch.randn(4, 3, 5) * 3 + 1
    torch.testing.assert_close(ours(x, torch.ones(4, 1, 5)), theirs(x))
    torch.testing.assert_close(dict(ours.state_dict()), dict(theirs.state_dict()))
    assert torch.equal(ours.eval()(x, torch.ones(4, 1, 5)), ours(x, torch.zeros(4, 1, 5)))
    torch.testing.assert_close(ours(x, torch.ones(4, 1, 5)), theirs.eval()(x))


def test_padding_is_not_counted() -> None:
    torch.manual_seed(0)
    norm = MaskedBatchNorm(2)
    plain = copy.deepcopy(norm)
    x = torch.randn(2, 2, 4)
    mask = torch.tensor([[[1.0, 1, 1, 0]], [[1, 1, 0, 0]]])
    out = norm(x, mask)
    together = torch.cat([x[0, :, :3], x[1, :, :2]], dim=1).unsqueeze(0)  # (1, 2, 5): five valid steps
    expected = plain(together, torch.ones(1, 1, 5))[0]
    torch.testing.assert_close(torch.cat([out[0, :, :3], out[1, :, :2]], dim=1), expected)
    torch.testing.assert_close(norm.state_dict(), plain.state_dict())


def test_one_valid_step_in_all_is_still_a_number() -> None:
    norm = MaskedBatchNorm(1)
    out = norm(torch.full((1, 1, 3), 7.0), torch.tensor([[[1.0, 0, 0]]]))
    assert out.isfinite().all()
    assert norm.running_var.isfinite().all()
