"""The holder of a slot is alive, and the kernel says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from relight.sweep.processes import acquire_slot, gpu_environment, owner_liveness, visible_gpus


def test_two_holders_have_two_numbers_and_who_is_gone_is_dead(tmp_path: Path) -> None:
    with acquire_slot(tmp_path) as one, acquire_slot(tmp_path) as other:
        assert (one.number, other.number) == (0, 1)
        assert [owner_liveness(one.owner()), owner_liveness(other.owner())] == ["alive", "alive"]
    assert [owner_liveness(one.owner()), owner_liveness(other.owner())] == ["dead", "dead"]
    with acquire_slot(tmp_path) as again:  # the same number, another holder
        assert again.number == 0
        assert [owner_liveness(one.owner()), owner_liveness(again.owner())] == ["dead", "alive"]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from relight.sweep.processes import acquire_slot\n"
    code += f"with acquire_slot(Path({str(tmp_path)!r})) as held: print(held.holder, flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert child.stdout
    assert child.stdin
    with acquire_slot(tmp_path / "mine") as mine:
        owner = {**mine.owner(), "slot": str(tmp_path / "0.lock"), "holder": child.stdout.readline().strip()}
    assert owner_liveness(owner) == "alive"
    child.kill()
    child.communicate()
    assert owner_liveness(owner) == "dead"


def test_of_another_machine_nothing_is_known(tmp_path: Path) -> None:
    with acquire_slot(tmp_path) as held:
        assert owner_liveness({**held.owner(), "host": "another"}) == "unknown"
        assert owner_liveness({**held.owner(), "slot": "/not/here"}) == "unknown"


def test_jobs_take_turns_with_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    gpus = visible_gpus()
    assert [gpu_environment(job, gpus) for job in range(3)] == [
        {"CUDA_VISIBLE_DEVICES": name} for name in ("3", "5", "3")
    ]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu_environment(0, visible_gpus()) == {}
