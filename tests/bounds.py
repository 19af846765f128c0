"""The time and the memory that reading any file of a stranger may take."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_SECONDS, MAX_KILOBYTES = 20, 1_000_000


@contextmanager
def bounded() -> Iterator[None]:
    """A block that ends in time and takes less than 1 GB more than there was."""

    def too_slow(_number: int, _frame: object) -> None:
        raise TimeoutError(f"took more than {MAX_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, too_slow)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that of the block
    start = memory("VmRSS")
    signal.alarm(MAX_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert memory("VmHWM") - start < MAX_KILOBYTES


def memory(name: str) -> int:
    """What the system counts for this process, in kilobytes."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))
