from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """A workflow sets threads and determinism for its whole process."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)
