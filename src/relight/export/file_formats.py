"""An exported program as an ONNX file, which reads texts and returns labels, or as a `.pt2` file.

The same program gives the same bytes. `torch.export.load` unpickles what looks like a pickle, so a `.pt2` file of a
stranger should not be loaded. The files written here hold no pickle: weights are plain bytes, the rest is JSON.
"""

import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.export import ExportedProgram

from relight.errors import InputError

InputLevels = Mapping[str, Sequence[str] | None]  # the name of each input, and for a category its levels
MAX_MODEL_BYTES = 2**31 - 2**20  # bytes: a protobuf message ends at 2 GB
LABELS_DOMAIN = "ai.onnx.ml"  # the operators that map texts
LABELS_VERSION = 2
ROWS_DIMENSION = "n_rows"  # the name of the first dimension
STEPS_DIMENSION = "length"  # the name of the second dimension of sequences, if it is free
RANK_WITH_STEPS = 3  # rows, steps, channels
TORCHVISION_LOGGER = "torch.onnx._internal.exporter._registration"
METADATA_NAME = "relight.json"  # the name of the metadata inside a .pt2 file


def onnx_bytes(
    program: ExportedProgram,
    columns: InputLevels,
    classes: Sequence[str] | None,
    metadata: Mapping[str, str],
    outputs: Sequence[str] = (),
) -> bytes:
    """Return the ONNX file of a program that takes one tensor for each column.

    Args:
        columns: the name of each input, and for a category its levels: they become the codes 1, 2, ...
        classes: with them the outputs are `probabilities` and `label`, else `prediction`.
        metadata: of the file.
        outputs: the names of the outputs of a program whose last output is the index of the class.

    Raises:
        InputError: if the weights do not fit into one file.
    """
    if sum(tensor.numel() * tensor.element_size() for tensor in program.state_dict.values()) > MAX_MODEL_BYTES:
        raise InputError("an ONNX file holds at most 2 GB of weights; export with --format pt2")
    model = _to_onnx(program, len(columns), outputs)
    _strip_trace(model)
    prefix = _prefix(columns)
    _rename(model.graph, prefix)
    _read_columns(model.graph, columns)
    _write_outputs(model.graph, columns, classes, outputs, prefix)
    model.opset_import.append(helper.make_opsetid(LABELS_DOMAIN, LABELS_VERSION))
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def run_onnx(content: bytes, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the outputs of an ONNX file, by their names."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def _to_onnx(program: ExportedProgram, n_columns: int, outputs: Sequence[str]) -> onnx.ModelProto:
    with _quiet_exporter():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            input_names=[f"column_{index}" for index in range(n_columns)],
            output_names=[*outputs, "answers"],
        )
    assert exported is not None
    return exported.model_proto


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence what torch 2.13 says to its own developers: torchvision is missing, a test of a type is deprecated."""
    log = logging.getLogger(TORCHVISION_LOGGER)
    before = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
        try:
            yield
        finally:
            log.setLevel(before)


def _strip_trace(model: onnx.ModelProto) -> None:
    """Remove notes of the exporter: places in its source, inner shapes, its own name for the number of rows."""
    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for value in (*graph.input, *graph.output):
        sizes = value.type.tensor_type.shape.dim
        sizes[0].dim_param = ROWS_DIMENSION
        if len(sizes) == RANK_WITH_STEPS and sizes[1].dim_param:
            sizes[1].dim_param = STEPS_DIMENSION


def _prefix(columns: Iterable[str]) -> str:
    """Return a prefix for inner names: a graph has one namespace, and no column may begin with the prefix."""
    prefix = "/"
    while any(name.startswith(prefix) for name in columns):
        prefix += "/"
    return prefix


def _rename(graph: onnx.GraphProto, prefix: str) -> None:
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = prefix + value.name
    for node in graph.node:
        node.name = prefix + node.name
        node.input[:] = [name and prefix + name for name in node.input]  # "" is an omitted input
        node.output[:] = [name and prefix + name for name in node.output]


def _read_columns(graph: onnx.GraphProto, columns: InputLevels) -> None:
    """Give each input the name of its column; a category is read as text, and becomes a code."""
    readers = []
    for value, (name, levels) in zip(graph.input, columns.items(), strict=True):
        if levels is None:
            readers.append(helper.make_node("Identity", [name], [value.name]))
        else:
            readers.append(_coder(name, value.name, levels))
            value.type.tensor_type.elem_type = TensorProto.STRING
        value.name = name
    nodes = [*readers, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _coder(name: str, code: str, levels: Sequence[str]) -> onnx.NodeProto:
    """Return the node that codes a category; a gap that is no level is listed, too: a table must not be empty."""
    codes = {"": 0} | {level: code for code, level in enumerate(levels, 1)}
    return helper.make_node(
        "LabelEncoder",
        [name],
        [code],
        domain=LABELS_DOMAIN,
        keys_strings=list(codes),
        values_int64s=list(codes.values()),
        default_int64=0,
    )


def _write_outputs(
    graph: onnx.GraphProto, columns: InputLevels, classes: Sequence[str] | None, outputs: Sequence[str], prefix: str
) -> None:
    most_probable = graph.output.pop().name if outputs else prefix + "most_probable"
    for answers, name in zip(
        graph.output, outputs or ["prediction" if classes is None else "probabilities"], strict=True
    ):
        output = _free_name(name, columns)
        graph.node.append(helper.make_node("Identity", [answers.name], [output]))
        answers.name = output
    if classes is None:
        return
    labels, label = prefix + "classes", _free_name("label", columns)
    graph.initializer.append(numpy_helper.from_array(np.array(classes, dtype=np.object_), labels))
    if not outputs:
        graph.node.append(helper.make_node("ArgMax", [graph.output[0].name], [most_probable], axis=1, keepdims=0))
    graph.node.append(helper.make_node("Gather", [labels, most_probable], [label]))
    graph.output.append(helper.make_tensor_value_info(label, TensorProto.STRING, [ROWS_DIMENSION]))


def _free_name(name: str, columns: InputLevels) -> str:
    """Return the name of an output, with a `_` at the end while there is a column of that name."""
    while name in columns:
        name += "_"
    return name


def pt2_bytes(program: ExportedProgram, metadata: str) -> bytes:
    """Return the `.pt2` file of a program, with a JSON in it that describes inputs and outputs."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={METADATA_NAME: metadata})
    return buffer.getvalue()


def run_pt2(content: bytes, *inputs: np.ndarray, **named: np.ndarray) -> list[np.ndarray]:
    """Return the outputs of a file that `pt2_bytes` has just made."""
    program = torch.export.load(io.BytesIO(content))
    by_name = {name: torch.from_numpy(part) for name, part in named.items()}
    with torch.inference_mode():
        outputs = program.module()(*(torch.from_numpy(part) for part in inputs), **by_name)
    return [output.numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]
