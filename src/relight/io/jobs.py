"""The processes of a sweep: started, started again when they are killed, and never left behind."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from relight.errors import RunError
from relight.io.runner.lifetime import PARENT

LOOKS = 0.2  # seconds between two looks
MOST_STARTS = 5  # of one process; after so many kills something is wrong with the machine
SECONDS_TO_END = 20


class Jobs:
    """
    Args:
        module: what each of them runs, with its order as JSON.
        orders: one for each.
        environments: what is set beside the environment of this process, one for each.
    """

    def __init__(self, module: str, orders: list[dict[str, Any]], environments: list[Mapping[str, str]]) -> None:
        self._module, self._orders, self._environments = module, orders, environments
        self._running: dict[int, subprocess.Popen] = {}

    def run(self) -> None:
        """Until all have come to their end.

        Raises:
            RunError: when one ends with an error that is not that of a trial, or is killed again and again.
        """
        starts = dict.fromkeys(range(len(self._orders)), 0)
        try:
            for job in starts:
                self._start(job, starts)
            while self._running:
                time.sleep(LOOKS)
                for job, child in list(self._running.items()):
                    if child.poll() is not None:
                        self._end(job, child.returncode, starts)
        finally:
            self._stop()

    def _start(self, job: int, starts: dict[int, int]) -> None:
        starts[job] += 1
        self._running[job] = subprocess.Popen(
            [sys.executable, "-m", self._module, json.dumps(self._orders[job])],
            env={**os.environ, **self._environments[job], PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
        )

    def _end(self, job: int, code: int, starts: dict[int, int]) -> None:
        del self._running[job]
        if code == 0:
            return
        if code > 0:
            raise RunError(f"relight sweep: job {job} ended with code {code}; what it said stands above")
        if starts[job] >= MOST_STARTS:
            raise RunError(
                f"relight sweep: job {job} was killed {MOST_STARTS} times (signal {-code}); when memory is short, use "
                "fewer --jobs; the same command goes on"
            )
        sys.stderr.write(f"relight sweep: job {job} was killed (signal {-code}); it starts again\n")
        self._start(job, starts)

    def _stop(self) -> None:
        for child in self._running.values():
            child.terminate()
        until = time.monotonic() + SECONDS_TO_END
        for child in self._running.values():
            try:
                child.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
