import pytest
import torch

from relight.runtime.messages import run_for_exit_code


def test_a_gpu_that_is_full_is_one_sentence_with_ways_out(capsys: pytest.CaptureFixture[str]) -> None:
    def fills_the_gpu() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has ...")

    assert run_for_exit_code(fills_the_gpu, "train") == 1
    assert capsys.readouterr().err == (
        "error: train: not enough memory on the GPU; use a smaller train.batch_size or model, a train.memory_gb below "
        "the size of the train rows, or train.device: cpu\n"
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU is here")
def test_a_real_gpu_that_is_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_for_exit_code(lambda: torch.empty(2**50, device="cuda").sum().item() and None, "train") == 1
    assert "not enough memory on the GPU" in capsys.readouterr().err
