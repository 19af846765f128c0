"""Three processes of gloo on this machine, started once; what each test looks at, all of them computed then."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.three_processes import FAMILIES

pytestmark = pytest.mark.xdist_group("several_processes")  # one worker: what the fixture makes is dear

HERE = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    store = tmp_path_factory.mktemp("store") / "store"
    path = os.pathsep.join([str(HERE), str(HERE / "src")])
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.three_processes", str(store), str(rank)],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(3)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    return dict(json.loads(said[0]))


@pytest.mark.parametrize("family", [*FAMILIES, "copies", "weighted", "full", "two rows", "rmsprop", "own loss"])
def test_three_processes_and_one_give_the_same_curve(found: dict[str, Any], family: str) -> None:
    one, three = np.array(found[family]["one"]), np.array(found[family]["three"])
    assert one.shape == (4, 5)
    assert len(np.unique(one[:, 1])) == 4  # it learns
    np.testing.assert_allclose(three, one, rtol=2e-4)


@pytest.mark.parametrize("where", ["resumed in the middle", "resumed at the start", "resumed with rmsprop"])
def test_a_run_that_goes_on_gives_the_bits_of_one_that_never_stopped(found: dict[str, Any], where: str) -> None:
    """Each process with its own dropout. DistributedDataParallel adds in another order after its first step."""
    assert found[where]["again"] == found[where]["never"]
