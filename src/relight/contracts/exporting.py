"""The contract of an exported network: its files answer as it does, for another number of rows than it was traced."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from relight.contracts.facts import SkippedError
from relight.errors import InputError
from relight.extras import require_extra

N_TRACED_ROWS, N_COMPARED_ROWS = 2, 5
MAX_RELATIVE_DIFFERENCE = 1e-4  # of the largest output, as `relight export` has it

Draw = Callable[[int], tuple[Tensor, ...]]  # n_rows → the inputs


def pt2_problem(network: nn.Module, draw: Draw) -> str:
    """Return why the file of torch.export does not answer as the network does; "" if it does."""
    _assert_packages()
    from relight.export.file_formats import pt2_bytes, run_pt2

    inputs = [part.numpy() for part in draw(N_COMPARED_ROWS)]
    return _difference(run_pt2(pt2_bytes(_program(network, draw), "{}"), *inputs)[0], network, draw)


def onnx_problem(network: nn.Module, draw: Draw) -> str:
    """Return why the ONNX file does not answer as the network does; "" if it does."""
    _assert_packages()
    from relight.export.file_formats import onnx_bytes, run_onnx

    inputs = {f"input_{index}": part.numpy() for index, part in enumerate(draw(N_COMPARED_ROWS))}
    content = onnx_bytes(_program(network, draw), dict.fromkeys(inputs), None, {})
    return _difference(next(iter(run_onnx(content, inputs).values())), network, draw)


def _assert_packages() -> None:
    try:
        require_extra("export")
    except InputError as error:
        raise SkippedError(str(error)) from error


def _program(network: nn.Module, draw: Draw) -> ExportedProgram:
    from relight.export.programs import export_program

    example = draw(N_TRACED_ROWS)
    return export_program(network, example, tuple({0: Dim("n_rows")} for _ in example))


def _difference(answers: np.ndarray, network: nn.Module, draw: Draw) -> str:
    with torch.no_grad():
        expected = network.eval()(*draw(N_COMPARED_ROWS)).numpy()
    if answers.shape != expected.shape:
        return f"the file returns {answers.shape}, the network {expected.shape}"
    difference = float(np.abs(answers - expected).max() / (np.abs(expected).max() or 1.0))
    if difference <= MAX_RELATIVE_DIFFERENCE:
        return ""
    return f"the file's answers differ by {difference:.2g} of the largest"
