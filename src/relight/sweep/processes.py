"""The worker processes of a sweep on this machine: their GPUs, their start and end, their slots.

GPUs are found without torch: the process that starts the workers must neither wait for its import nor hold a GPU.
A worker that is killed is started again, and none outlives the sweep. Each holds the lock of a slot, which the kernel
frees: by it the other processes see whether a worker is alive.
"""

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from relight.errors import RunError
from relight.runtime.lifetime import PARENT_VARIABLE, is_locked, try_lock
from relight.runtime.messages import notify

VISIBLE_DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
POLL_SECONDS = 0.2
MAX_STARTS = 5  # of one worker; after so many kills something is wrong with the machine
TERMINATION_SECONDS = 20  # until a worker that was asked to end is killed
Liveness = Literal["alive", "dead", "unknown"]


def visible_gpus() -> list[str]:
    """Return the names of the GPUs, as CUDA_VISIBLE_DEVICES takes them."""
    if VISIBLE_DEVICES_VARIABLE in os.environ:
        return [name.strip() for name in os.environ[VISIBLE_DEVICES_VARIABLE].split(",") if name.strip()]
    try:
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    return done.stdout.split() if done.returncode == 0 else []


def gpu_environment(job: int, gpus: list[str]) -> dict[str, str]:
    """Return the variable that gives a job its GPU; jobs share GPUs in turn if there are more jobs than GPUs."""
    return {VISIBLE_DEVICES_VARIABLE: gpus[job % len(gpus)]} if gpus else {}


class SweepJobs:
    """The jobs of a sweep, one process each.

    Args:
        module: that each process runs, with its order as a JSON argument.
        orders: one for each job.
        environments: variables added to the environment of this process, one mapping for each job.
    """

    def __init__(self, module: str, orders: list[dict[str, Any]], environments: list[Mapping[str, str]]) -> None:
        self._module, self._orders, self._environments = module, orders, environments
        self._running: dict[int, subprocess.Popen] = {}

    def run(self) -> None:
        """Run all jobs to their end.

        Raises:
            RunError: if a job ends with an error that is not that of a trial, or is killed again and again.
        """
        starts = dict.fromkeys(range(len(self._orders)), 0)
        try:
            for job in starts:
                self._start(job, starts)
            while self._running:
                time.sleep(POLL_SECONDS)
                for job, child in list(self._running.items()):
                    if child.poll() is not None:
                        self._end(job, child.returncode, starts)
        finally:
            self._stop()

    def _start(self, job: int, starts: dict[int, int]) -> None:
        starts[job] += 1
        self._running[job] = subprocess.Popen(
            [sys.executable, "-P", "-m", self._module, json.dumps(self._orders[job])],
            env={**os.environ, **self._environments[job], PARENT_VARIABLE: str(os.getpid())},
            stdin=subprocess.DEVNULL,
        )

    def _end(self, job: int, code: int, starts: dict[int, int]) -> None:
        del self._running[job]
        if code == 0:
            return
        if code > 0:
            raise RunError(f"relight sweep: job {job} ended with code {code}; its message is above")
        if starts[job] >= MAX_STARTS:
            raise RunError(
                f"relight sweep: job {job} was killed {MAX_STARTS} times (signal {-code}); if memory is short, use "
                "fewer --jobs; the same command goes on"
            )
        notify(f"relight sweep: job {job} was killed (signal {-code}); it starts again")
        self._start(job, starts)

    def _stop(self) -> None:
        for child in self._running.values():
            child.terminate()
        until = time.monotonic() + TERMINATION_SECONDS
        for child in self._running.values():
            try:
                child.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


class Slot(NamedTuple):
    """A place among the processes of a sweep on this machine.

    Attributes:
        number: from 0; no other process on this machine has it.
        holder: unique id of the process that holds the slot.
        path: of the lock.
    """

    number: int
    holder: str
    path: Path

    def owner(self) -> dict[str, str]:
        return {"host": socket.gethostname(), "slot": str(self.path), "holder": self.holder}


@contextmanager
def acquire_slot(folder: Path) -> Iterator[Slot]:
    """Hold the first free slot for the block; the kernel frees it when the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while (file := try_lock(folder.resolve() / f"{number}.lock")) is None:
        number += 1
    try:
        holder = uuid.uuid4().hex
        os.ftruncate(file, 0)
        os.pwrite(file, holder.encode(), 0)
        yield Slot(number, holder, folder.resolve() / f"{number}.lock")
    finally:
        os.close(file)


def owner_liveness(owner: dict[str, str]) -> Liveness:
    """Return whether the process that held a slot is alive; for another machine it is unknown."""
    path = Path(owner["slot"])
    if owner["host"] != socket.gethostname() or not path.exists():
        return "unknown"
    if path.read_text(encoding="utf-8") != owner["holder"]:
        return "dead"
    return "alive" if is_locked(path) else "dead"
