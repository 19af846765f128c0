"""All processes stop, and keep a checkpoint, after the same step: now and then they tell each other."""

import time

import torch
import torch.distributed as dist

SECONDS = 0.2  # about so long between two words


class Agreement:
    """Of what each process wants: a stop that was asked for, a checkpoint that is due.

    The first process says how many steps are left until the next word, by the time that the last ones took; that
    changes nothing about the result.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._steps = self._left = 1
        self._since = time.monotonic()

    def on(self, *wishes: bool) -> list[bool]:
        """What at least one process wants; nothing in the steps between."""
        self._left -= 1
        if self._left > 0:
            return [False] * len(wishes)
        said = torch.tensor([*wishes, self._next()], dtype=torch.int64, device=self._device)
        dist.all_reduce(said, op=dist.ReduceOp.MAX)
        *wanted, self._steps = said.tolist()
        self._left, self._since = self._steps, time.monotonic()
        return [bool(wish) for wish in wanted]

    def all(self, wish: bool) -> bool:
        """Whether every process wants it; each must ask."""
        said = torch.tensor(int(wish), device=self._device)
        dist.all_reduce(said, op=dist.ReduceOp.MIN)
        return bool(said)

    def _next(self) -> int:
        if dist.get_rank() != 0:
            return 0
        seconds = (time.monotonic() - self._since) / self._steps
        return max(1, min(2 * self._steps, int(SECONDS / max(seconds, 1e-9))))
