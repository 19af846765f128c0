"""Faster steps: bfloat16, torch.compile, and CUDA graphs.

torch.compile fuses the kernels of a model; it imports torch._dynamo, some seconds. A CUDA graph launches all kernels of
a step at once, which otherwise wait for Python one by one.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from relight.errors import InputError
from relight.model.rows import Rows
from relight.train.loop import TrainStep
from relight.train.optim.optimizers import Optimizer

Precision = Literal["fp32", "bf16"]
Shapes = tuple[torch.Size, ...]
Replay = Callable[[], Tensor]
Capture = Callable[[Callable[[], Tensor]], Replay]


def autocast_for(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context of a step: all in float32, or matrix products in bfloat16 and losses in float32.

    The weights, their gradients and the validation stay in float32: so does the model that is saved. bfloat16 has
    the range of float32, so no loss needs scaling (Micikevicius et al. 2018, "Mixed Precision Training").
    """
    match precision:
        case "fp32":
            return nullcontext()
        case "bf16":
            return torch.autocast(device.type, torch.bfloat16)


def compile_model(model: nn.Module) -> nn.Module:
    """Return a module that is called like the model, on the same weights; the first calls take many seconds.

    Raises:
        InputError: if there is no C++ compiler.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise InputError(
            "train.compile: true needs a C++ compiler, and none is found (CXX names one); "
            "install g++ or clang, or set train.compile to false"
        ) from error
    return torch.compile(model)  # type: ignore[return-value]  # it returns a module for a module


def capture_cuda_graph(work: Callable[[], Tensor]) -> Replay:
    """Record the kernels of `work`, without running them; each replay runs all of them, and writes the result again.

    Other threads may copy rows to the device meanwhile ("thread_local").
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = work()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


@contextmanager
def side_stream() -> Iterator[None]:
    """Run a step on another stream, as one must before it is recorded (PyTorch, "Whole-network capture")."""
    current, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(current)
    with torch.cuda.stream(side):
        yield
    current.wait_stream(side)


class CapturedGraph(NamedTuple):
    """A recorded step.

    Attributes:
        source: the rows that `rows` were copied from last.
        rows: where the kernels read.
    """

    source: Rows
    rows: Rows
    replay: Replay


class GraphedStep:
    """Does what the step does, by replaying a recording if there is one.

    A shape of batch is recorded when it comes for the second time at one learning rate: the first time does all that a
    recording must not contain (memory that is allocated once, momenta that begin), and the rate is a constant in the
    kernels. A shape that comes once is not worth a recording.
    """

    def __init__(
        self,
        step: TrainStep,
        optimizer: Optimizer,
        capture: Capture = capture_cuda_graph,
        warm_up: Callable[[], AbstractContextManager[None]] = side_stream,
    ) -> None:
        """
        Args:
            warm_up: the context of the step before a recording.
        """
        self._step, self._optimizer, self._capture, self._warm_up = step, optimizer, capture, warm_up
        self._rate = optimizer.learning_rate
        self._graphs: dict[Shapes, CapturedGraph | None] = {}

    def __call__(self, rows: Rows, grad_scale: Tensor | None) -> Tensor:
        if self._rate != self._optimizer.learning_rate:
            self._rate = self._optimizer.learning_rate
            self._graphs.clear()
        shapes = tuple(part.shape for part in _row_tensors(rows))
        if shapes not in self._graphs:
            self._graphs[shapes] = None
            with self._warm_up():
                return self._step(rows, grad_scale)
        graph = _with_rows_copied(self._graphs[shapes] or self._capture_graph(rows, grad_scale), rows)
        self._graphs[shapes] = graph
        return graph.replay()

    def _capture_graph(self, rows: Rows, grad_scale: Tensor | None) -> CapturedGraph:
        static_rows = Rows(
            tuple(part.clone() for part in rows.inputs),
            rows.target.clone(),
            None if rows.weight is None else rows.weight.clone(),
        )
        return CapturedGraph(rows, static_rows, self._capture(lambda: self._step(static_rows, grad_scale)))


def _with_rows_copied(graph: CapturedGraph, rows: Rows) -> CapturedGraph:
    """Copy the rows to where the kernels of the graph read."""
    if rows is graph.source:  # a full batch is the same in each step
        return graph
    for static, part in zip(_row_tensors(graph.rows), _row_tensors(rows), strict=True):
        static.copy_(part)
    return graph._replace(source=rows)


def _row_tensors(rows: Rows) -> list[Tensor]:
    return [*rows.inputs, rows.target, *([] if rows.weight is None else [rows.weight])]
