"""Torch.compile and CUDA graphs.

A model compiled for its training by torch.compile; imports torch._dynamo, some seconds.

A training step recorded as a CUDA graph: one launch for all its kernels, where each alone waits for Python.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from relight.errors import InputError
from relight.model.rows import Rows
from relight.train.loop import TrainStep
from relight.train.optimizers import Optimizer

Shapes = tuple[torch.Size, ...]
Replay = Callable[[], Tensor]
Capture = Callable[[Callable[[], Tensor]], Replay]


def compile_model(model: nn.Module) -> nn.Module:
    """Calls like the model, on the very same weights; the first calls take many seconds.

    Raises:
        InputError: where there is no C++ compiler.
    """
    import torch
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise InputError(
            "train.compile: true needs a C++ compiler, and none is found (CXX names one); "
            "install g++ or clang, or set train.compile to false"
        ) from error
    return torch.compile(model)  # type: ignore[return-value]  # of a module it makes a module


def capture_cuda_graph(work: Callable[[], Tensor]) -> Replay:
    """The kernels of `work`, none of which runs yet; each replay runs all of them, and writes the same result anew.

    Other threads may go on copying rows to the device ("thread_local").
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
    """As a step must run before it is recorded: PyTorch's notes on CUDA graphs, "Whole-network capture"."""
    here, beside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(here)
    with torch.cuda.stream(beside):
        yield
    here.wait_stream(beside)


class CapturedGraph(NamedTuple):
    """
    Attributes:
        source: the rows that `rows` were copied from last.
        rows: where the kernels read.
    """

    source: Rows
    rows: Rows
    replay: Replay


class GraphedStep:
    """Does what the step does, from a recording where it can.

    A shape of batch is recorded when it comes for the second time at one learning rate: the first time shows all that
    a recording must not contain (memory that is taken once, momenta that begin), and a rate stands in the kernels as a
    number. What comes once is not worth it.
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
            first: within which a step that will be recorded runs before.
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
    """With these rows where its kernels read."""
    if rows is graph.source:  # a full batch is the same in each step
        return graph
    for static, part in zip(_row_tensors(graph.rows), _row_tensors(rows), strict=True):
        static.copy_(part)
    return graph._replace(source=rows)


def _row_tensors(rows: Rows) -> list[Tensor]:
    return [*rows.inputs, rows.target, *([] if rows.weight is None else [rows.weight])]
