"""Projects with own code, for tests. What a test imports of one is forgotten after it (conftest.py)."""

import re
from pathlib import Path

import pytest

from tests.closure import REPOSITORY

# The beginning of a module of optimizers: a step in the direction of each gradient's sign, for others to change.
SIGNS = """\
import collections
import random

import numpy
import torch
from torch.optim import SGD, AdamW, LBFGS, Optimizer, Rprop


class Signs(Optimizer):
    def __init__(self, params, lr, powers=(1, 1)):
        super().__init__(params, {"lr": lr, "powers": powers})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                self.move(weight, group["lr"])

    def move(self, weight, lr):
        weight.sub_(lr * weight.grad.sign())


class Counts(Signs):
    k = 0

    def move(self, weight, lr):
        self.k += 1
        weight.sub_(lr / self.k * weight.grad)


class Deque(Signs):
    def move(self, weight, lr):
        last = self.state[weight].setdefault("last", collections.deque(maxlen=3))
        last.append(weight.grad)
        weight.sub_(lr * sum(last))


class Falls(Signs):
    def step(self):
        super().step()
        for group in self.param_groups:
            group["lr"] *= 0.9


def decayed(params, lr, decay=0.1):
    return AdamW(params, lr=lr, weight_decay=decay)
"""
# A network that reads numbers and codes apart.
CODES = """

class Codes(nn.Module):
    def __init__(self, d_in, d_out, cat_cardinalities):
        super().__init__()
        self.numbers = nn.Linear(d_in, d_out)
        self.levels = nn.ModuleList(nn.Embedding(n, d_out) for n in cat_cardinalities)

    def forward(self, x_num, x_cat):
        return self.numbers(x_num) + sum(level(x_cat[:, i]) for i, level in enumerate(self.levels))
"""


def make(root: Path, **files: str) -> None:
    """Write files: `houses__nets` is houses/nets.py."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def enter(root: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> Path:
    """Write files, and make their folder the current one, which is the project."""
    make(root, **files)
    monkeypatch.chdir(root)
    return root


def line_of(text: str, pattern: str) -> int:
    """The line of the first match in the user's code; 0 if there is none."""
    return next((number for number, line in enumerate(text.splitlines(), 1) if re.search(pattern, line)), 0)


def copy_houses(root: Path) -> None:
    """Write the own code of docs/own-code.md."""
    for path in (REPOSITORY / "examples/own_code/houses").glob("*.py"):
        make(root, **{f"houses__{path.stem}": path.read_text(encoding="utf-8")})
