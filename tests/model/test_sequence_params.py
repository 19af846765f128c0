import pytest
from pydantic import ValidationError

from relight.model.params import ConvolutionParams, PatchTransformerParams


def test_dilated_blocks_keep_every_step() -> None:
    with pytest.raises(ValidationError, match="pool must be 1 if dilated is true, got 2"):
        ConvolutionParams(dilated=True, pool=2)


def test_heads_share_the_width() -> None:
    with pytest.raises(ValidationError, match="d_block is 10, n_heads 4"):
        PatchTransformerParams(d_block=10, n_heads=4)


def test_patches_leave_no_gap() -> None:
    with pytest.raises(ValidationError, match="stride is 9, patch 8"):
        PatchTransformerParams(patch=8, stride=9)
