"""The worker processes of a training on this machine: started, watched, and never left behind."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from relight.errors import RelightError, RunError
from relight.runtime.lifetime import PARENT_VARIABLE, Terminated
from relight.runtime.messages import notify

RESUME_HINT = "the same command goes on from the last checkpoint"
_POLL_SECONDS = 0.2
_KILL_SECONDS = 5  # from a lost connection until its process is gone
_TERMINATION_SECONDS = 10
_NOTICE_SECONDS = 20  # for the main thread to notice that a worker is gone
_STOP_CODES = (130, 143)  # by Ctrl-C and SIGTERM


class Workers:
    """Processes that run for the block; afterwards none is left.

    Args:
        command: of each process.
        environments: by rank, variables that are added to the environment of this process.
    """

    def __init__(self, command: list[str], environments: Mapping[int, Mapping[str, str]], folder: Path) -> None:
        self._command, self._environments, self._folder = command, environments, folder
        self._running: dict[int, subprocess.Popen] = {}
        self._outputs: dict[int, IO[str]] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._reading = threading.Lock()

    def __enter__(self) -> Self:
        for rank, environment in self._environments.items():
            self._outputs[rank] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
            self._running[rank] = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env={**os.environ, **environment, PARENT_VARIABLE: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=self._outputs[rank],
                stderr=subprocess.STDOUT,
            )
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End all workers.

        Raises:
            RunError: instead of a lost connection, with the worker that was lost.
        """
        self._over.set()
        self._watcher.join()  # it reads what is closed below
        # The error of torch for a lost connection has no class of its own.
        failure = self._failure_within(_KILL_SECONDS) if isinstance(error, RuntimeError) else None
        stops = kind is None or issubclass(kind, Terminated | KeyboardInterrupt)
        self._end(_TERMINATION_SECONDS if stops else 0)
        if failure is not None:
            raise RunError(failure) from error

    def wait(self) -> None:
        """Wait until all are done.

        Raises:
            RunError: if one of them has failed.
            Terminated: if they were told to stop.
        """
        while self._alive() and self.failure() is None:
            time.sleep(_POLL_SECONDS)
        if (failure := self.failure()) is not None:
            raise RunError(failure)
        if any(worker.returncode for worker in self._running.values()):
            raise Terminated(RESUME_HINT)

    def failure(self) -> str | None:
        """Say how a worker failed; first one that was killed, because then the others fail, too."""
        ended = {rank: worker.poll() for rank, worker in self._running.items()}
        killed = [(rank, -code) for rank, code in ended.items() if code is not None and code < 0]
        failed = [
            rank for rank, code in ended.items() if code is not None and code not in (0, *_STOP_CODES) and code > 0
        ]
        if killed:
            rank, number = killed[0]
            why = " (out of memory?)" if number == 9 else ""
            return f"worker {rank} was killed by signal {number}{why}; {RESUME_HINT}"
        return self._last_word(failed[0]) if failed else None

    def _last_word(self, rank: int) -> str:
        with self._reading:  # two threads read, and a file has one position
            self._outputs[rank].seek(0)
            output = self._outputs[rank].read()
        lines = [line for line in output.splitlines() if line.strip()]
        last = lines[-1].removeprefix("error: ") if lines else f"ended with code {self._running[rank].returncode}"
        return f"worker {rank}: {last}"

    def _failure_within(self, seconds: float) -> str | None:
        until = time.monotonic() + seconds
        while self._running and time.monotonic() < until:
            if (failure := self.failure()) is not None:
                return failure
            time.sleep(_POLL_SECONDS)
        return None

    def _watch(self) -> None:
        """End the process if a worker is gone and the main thread, waiting in native code, does not notice."""
        while not self._over.wait(_POLL_SECONDS):
            if (failure := self.failure()) is not None:
                if not self._over.wait(_NOTICE_SECONDS):
                    notify(f"error: {failure}")
                    self._end(0)
                    os._exit(RelightError.exit_code)
                return

    def _alive(self) -> bool:
        return any(worker.poll() is None for worker in self._running.values())

    def _end(self, seconds: float) -> None:
        """Kill those that are left after some seconds; they hold nothing that could be lost."""
        until = time.monotonic() + seconds
        while self._alive() and time.monotonic() < until:
            time.sleep(_POLL_SECONDS / 4)
        for worker in self._running.values():
            worker.kill()
            worker.wait()
        for output in self._outputs.values():
            output.close()
