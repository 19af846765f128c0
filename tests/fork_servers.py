"""Processes that have torch, or dvc, or the rest imported, for the repositories of the tests."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = ("plain", "torch", "dvc")
SEVERAL = "several"  # for processes that train together: it takes some seconds, and only tests of those start it


class ForkServers:
    """A folder for PATH, of a `python`, a `dvc` and a `relight` that fork from a server: tests/fork_client.py.

    Started when first asked for. They end when this object is closed, or this process dies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._servers: dict[str, subprocess.Popen] = {}

    def path(self, environment: dict[str, str]) -> str:
        """The environment's PATH with that folder first."""
        if not self._servers:
            self._write_clients()
        self.start(environment, *NAMES)
        return f"{self.folder}{os.pathsep}{environment['PATH']}"

    def start(self, environment: dict[str, str], *names: str) -> None:
        """Start those that do not run yet, and wait for them."""
        started = {name: self._start(name, environment) for name in names if name not in self._servers}
        self._servers |= started
        for server in started.values():
            assert server.stdout
            assert server.stdout.readline() == "ready\n"

    def close(self) -> None:
        """Raises: AssertionError: when a server has died, because its clients were new interpreters from then on."""
        ended = [server.poll() for server in self._servers.values()]
        assert ended.count(None) == len(ended), f"a server has died: {ended}"
        for server in self._servers.values():
            server.communicate()  # closes its stdin, by which it knows

    def _write_clients(self) -> None:
        (self.folder / "bin").symlink_to(Path(sys.executable).parent)
        client = f"#!{sys.executable} -ISs\n" + (HERE / "fork_client.py").read_text(encoding="utf-8")
        for name in ("python", "dvc", "relight"):
            (self.folder / name).write_text(client, encoding="utf-8")
            (self.folder / name).chmod(0o755)

    def _start(self, name: str, environment: dict[str, str]) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, HERE / "fork_server.py", name, self.folder / f"{name}.socket"],
            env=environment, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
