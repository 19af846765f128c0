"""Several processes that train one model: DistributedDataParallel, sums and broadcasts, and stopping together."""

import io
import time
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from relight.data.torch_archive import load_archive
from relight.model.inference import ChunkedInputs, batched_outputs
from relight.model.rows import Rows, StoredRows

SECONDS_BETWEEN_POLLS = 0.2  # about


class DistributedGroup:
    """The group of torch.distributed that this process belongs to.

    Args:
        device: of this process.
    """

    def __init__(self, device: torch.device) -> None:
        self.rank, self.size, self._device = dist.get_rank(), dist.get_world_size(), device

    def wrap_model(self, model: nn.Module, rows: Rows | StoredRows) -> nn.Module:
        """Return a wrapper whose gradients are the mean over the processes.

        After its first step it sorts the gradients again, for speed, and then adds three or more of them in another
        order. A step without effect comes before the training, so that a training that continues after a checkpoint
        adds in the order of one that never stopped.
        """
        device_ids = [self._device] if self._device.type == "cuda" else None
        network = DistributedDataParallel(model, device_ids=device_ids)
        network.broadcast_buffers = False  # they are fitted before the training, and stay
        model.train()
        with torch.random.fork_rng([self._device] if device_ids else []):
            network(*_first_rows(rows.inputs)).sum().backward()
        for weight in model.parameters():
            weight.grad = None
        return network

    def predict(self, model: nn.Module, inputs: tuple[Tensor, ...] | ChunkedInputs, at_once: int) -> Tensor:
        """Predict a part in each process, of equal length by repeating the last row; all rows if they are in a file."""
        if not isinstance(inputs, tuple):
            return batched_outputs(model, inputs, at_once)
        n_rows = len(inputs[0])
        length = -(-n_rows // self.size)
        indices = torch.arange(self.rank * length, (self.rank + 1) * length, device=inputs[0].device)
        indices.clamp_(max=n_rows - 1)
        part = batched_outputs(model, tuple(values.index_select(0, indices) for values in inputs), at_once)
        return torch.cat(self._gather(part))[:n_rows]

    def all_reduce(self, value: Tensor) -> Tensor:
        dist.all_reduce(value)
        return value

    def broadcast_numbers(self, numbers: Sequence[float]) -> list[float]:
        values = torch.tensor(numbers, dtype=torch.float64, device=self._device)
        dist.broadcast(values, src=0)
        return list(values.tolist())

    def gather_state(self, saved: dict[str, Any]) -> dict[str, Any]:
        """Gather the random states and the sums of losses of all processes, a row for each."""
        random = {kind: torch.stack(self._gather(value)).cpu() for kind, value in saved["random"].items()}
        return {**saved, "random": random, "loss": torch.stack(self._gather(saved["loss"]))}

    def broadcast_state(self, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        """Send the bytes of a checkpoint, and read them as one, so that no pickle of another machine is run."""
        buffer = io.BytesIO()
        torch.save(saved if self.rank == 0 else None, buffer)
        content = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
        received = io.BytesIO(self._broadcast(content).numpy().tobytes())
        shared = load_archive(received)
        if shared is None:
            return None
        random = {kind: states[self.rank].clone() for kind, states in shared["random"].items()}
        return {**shared, "random": random, "loss": shared["loss"][self.rank].clone()}

    def broadcast_text(self, text: str) -> str:
        """Return the text of the first process."""
        content = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)
        return self._broadcast(content).numpy().tobytes().decode()

    def _broadcast(self, content: Tensor) -> Tensor:
        """Return the bytes of the first process, on the CPU."""
        length = torch.tensor(len(content), device=self._device)
        dist.broadcast(length, src=0)
        received = functional.pad(content, (0, max(0, int(length) - len(content))))[: int(length)].to(self._device)
        dist.broadcast(received, src=0)
        return received.cpu()

    def _gather(self, value: Tensor) -> list[Tensor]:
        """Return the value of each process; all have one shape."""
        value = value.to(self._device).contiguous()
        gathered = [torch.empty_like(value) for _ in range(self.size)]
        dist.all_gather(gathered, value)
        return gathered


def _first_rows(inputs: tuple[Tensor, ...] | ChunkedInputs) -> tuple[Tensor, ...]:
    """Return the inputs of two rows, or of one."""
    return tuple(part[:2] for part in inputs) if isinstance(inputs, tuple) else next(iter(inputs.chunks(2)))


class StopConsensus:
    """Agrees across processes on requested stops and due checkpoints, some steps at a time.

    The first process decides after how many steps the next vote is, by the time that the last steps took; that does
    not change the result.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._steps = self._left = 1
        self._since = time.monotonic()

    def poll_any(self, *wishes: bool) -> list[bool]:
        """Return which of the wishes at least one process has; none in the steps between two votes."""
        self._left -= 1
        if self._left > 0:
            return [False] * len(wishes)
        votes = torch.tensor([*wishes, self._next()], dtype=torch.int64, device=self._device)
        dist.all_reduce(votes, op=dist.ReduceOp.MAX)
        *agreed, self._steps = votes.tolist()
        self._left, self._since = self._steps, time.monotonic()
        return [bool(wish) for wish in agreed]

    def all(self, wish: bool) -> bool:
        """Return whether every process has the wish; each must call it."""
        vote = torch.tensor(int(wish), device=self._device)
        dist.all_reduce(vote, op=dist.ReduceOp.MIN)
        return bool(vote)

    def _next(self) -> int:
        if dist.get_rank() != 0:
            return 0
        seconds = (time.monotonic() - self._since) / self._steps
        return max(1, min(2 * self._steps, int(SECONDS_BETWEEN_POLLS / max(seconds, 1e-9))))
