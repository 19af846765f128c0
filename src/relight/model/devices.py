"""The device that computes, and how it computes the same each time."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from relight.errors import InputError


def choose_device(name: str) -> torch.device:
    """Return the named device; `auto` is CUDA, then MPS, then the CPU.

    Raises:
        InputError: if the named device is not available.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, is_available in available.items() if is_available))
    if not available[name]:
        raise InputError(f"train.device: {name} is not available on this machine; set train.device to auto")
    return torch.device(name)


def device_for_process(device: torch.device, local_rank: int, n_processes: int) -> torch.device:
    """Return the device of one of several processes on this machine; each gets a GPU of its own, and uses it from now.

    Args:
        local_rank: of the process on this machine, from 0.

    Raises:
        InputError: if there are fewer GPUs than processes.
    """
    if device.type == "cpu":
        return device
    n_devices = torch.cuda.device_count() if device.type == "cuda" else 1
    if n_devices < n_processes:
        raise InputError(
            f"train.device: {n_processes} processes want a GPU each, and {n_devices} {device.type} are here; "
            f"start {n_devices}, or set train.device to cpu"
        )
    torch.cuda.set_device(local_rank)
    return torch.device(device.type, local_rank)


def describe_device(device: torch.device) -> dict[str, str]:
    """Return the type and the name of the device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {"device": device.type, "device_name": name}


def make_deterministic(threads: int) -> None:
    """Fix the number of threads (one and two may differ in the last bits), and allow only deterministic operations.

    `torch.use_deterministic_algorithms` does the same, but imports torch._inductor, 2 CPU seconds. New memory is not
    filled with a fixed value, which would cost a tenth of a small step: nothing here reads what it did not write.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Like `make_deterministic`, and afterwards all is as it was: a notebook has settings of its own."""
    before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    make_deterministic(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_deterministic_debug_mode(before[1])
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
