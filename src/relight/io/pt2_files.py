"""An exported program as a `.pt2` file; the same program, the same bytes.

`torch.export.load` unpickles what looks like a pickle, so nobody should load such a file from a
stranger. In what is written here there is none: weights are plain bytes, the rest is JSON.
"""

import io

import numpy as np
import torch
from torch.export import ExportedProgram

FACTS = "relight.json"  # the name of the facts inside the file


def pt2_bytes(program: ExportedProgram, facts: str) -> bytes:
    """The file of a program, with a JSON beside it that says what goes in and what comes out."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={FACTS: facts})
    return buffer.getvalue()


def run_pt2(content: bytes, *inputs: np.ndarray, **named: np.ndarray) -> list[np.ndarray]:
    """The outputs of a file that `pt2_bytes` has just made."""
    program = torch.export.load(io.BytesIO(content))
    by_name = {name: torch.from_numpy(part) for name, part in named.items()}
    with torch.inference_mode():
        found = program.module()(*(torch.from_numpy(part) for part in inputs), **by_name)
    return [output.numpy() for output in (found if isinstance(found, tuple) else (found,))]
