import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.train.compilation import compile_model

COMPILER = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")

# In a process of its own: torch.compile warns, and leaves threads and a cache behind.
TRAINING = """
import torch
import torch._inductor.config
from torch import nn
from relight.train.batches import InMemoryBatches
from relight.train.compilation import compile_model
from relight.model.devices import make_deterministic
from relight.train.losses.losses import mse
from relight.model.networks.mlp import Mlp
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.schedules import Schedule
from relight.model.rows import Rows
from relight.train.loop import Validation, fit
from relight.train.state import TrainingState
from relight.train.scores import build_validation_score
from relight.train.params import OptimizerParams

def trained(is_compiled):
    torch.manual_seed(0)
    model = Mlp(5, 1, n_blocks=1, d_block=8, dropout=0.0)  # it has no length, as an nn.Sequential has
    rows = Rows((torch.randn(40, 5),), torch.randn(40, 1))
    params = OptimizerParams(name="adamw", learning_rate=0.01, weight_decay=0, momentum=0)
    state = TrainingState(model, build_optimizer(params, model))
    if is_compiled:
        state.forward_model = compile_model(model)
    score_fn = build_validation_score("regression", "mse", nn.Identity(), rows.target, None)
    fit(state, InMemoryBatches(rows, 20, seed=0), Validation(rows, score_fn), loss_fn=mse,
        schedule=Schedule(5, lambda _epoch, _step: 0.01))
    return state

make_deterministic(threads=1)
torch._inductor.config.cpp_cache_precompile_headers = False  # they would serve many models; here is one
plain, fast = trained(False), trained(True)
from torch._dynamo.utils import counters
assert counters["frames"]["ok"] >= 1, counters  # it was compiled
torch.testing.assert_close(torch.tensor(fast.history), torch.tensor(plain.history), rtol=1e-4, atol=1e-5)
print(list(fast.model.state_dict()))
"""


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is here")
def test_a_compiled_model_trains_to_the_same_losses_and_its_weights_keep_their_names(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRAINING],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "src:.", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)},
    )
    names = ["blocks.0.0.weight", "blocks.0.0.bias", "output.weight", "output.bias"]
    assert done.stdout.splitlines()[-1:] == [str(names)], done.stderr


def test_without_a_compiler_the_person_learns_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def none() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    with pytest.raises(InputError, match=r"train.compile: true needs a C\+\+ compiler.* or set train.compile to false"):
        compile_model(None)  # type: ignore[arg-type]
