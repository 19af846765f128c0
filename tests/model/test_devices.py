import subprocess
import sys

import pytest
import torch

from relight.errors import InputError
from relight.model.devices import choose_device

SETTINGS = """
import os, sys
import torch
from relight.model.devices import make_deterministic

make_deterministic(threads=2)
print(torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
print(torch.is_deterministic_algorithms_warn_only_enabled(), os.environ["CUBLAS_WORKSPACE_CONFIG"])
print("torch._inductor" in sys.modules, torch.utils.deterministic.fill_uninitialized_memory)
"""


def machine(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_is_cuda_then_mps_then_the_cpu(
    cuda: bool, mps: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, cuda=cuda, mps=mps)
    assert choose_device("auto") == torch.device(chosen)


@pytest.mark.parametrize("name", ["cpu", "cuda", "mps"])
def test_a_named_device_that_is_there_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, cuda=True, mps=True)
    assert choose_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_named_device_that_is_missing_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, cuda=False, mps=False)
    with pytest.raises(
        InputError, match=f"train.device: {name} is not available on this machine; set train.device to auto"
    ):
        choose_device(name)


def test_the_same_each_time_means_fixed_threads_and_an_error_for_what_is_not_deterministic() -> None:
    done = subprocess.run([sys.executable, "-c", SETTINGS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2 True", "False :4096:8", "False False"]
