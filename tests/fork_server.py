"""A process that has imported packages once, and forks for every command that would import them again.

What runs in a fork is the command's own code, in its own folder, with its own environment, its own standard files and
its own exit status: nothing of Relight is imported here. `tests/fork_client.py` asks.
"""

import array
import builtins
import copy
import gc
import importlib
import marshal
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import NamedTuple, TextIO

PARAMS = (
    "pydantic.main", "pydantic.fields", "pydantic.types", "pydantic.json_schema", "pydantic.functional_serializers",
    "yaml",
)  # fmt: skip
ROWS = (
    "numpy.random", "numpy.ma", "polars", "polars._utils.parquet", *PARAMS, "encodings.utf_8_sig",
)  # fmt: skip
TORCH = (*ROWS, "torch", "torch.utils.serialization", "safetensors.torch", "tqdm", "rtdl_num_embeddings")
PACKAGES = {
    "plain": (*ROWS, "safetensors.numpy", "matplotlib.figure", "matplotlib.backends.backend_agg", "PIL", "jinja2"),
    "torch": TORCH,
    "several": (*TORCH, "torch._inductor.compile_fx"),  # with torch._dynamo, which DistributedDataParallel imports
    "dvc": (
        "dvc_s3", "s3fs", "aiobotocore.session", "aiobotocore.httpsession", "dvc_ssh", "sshfs", *PARAMS,
        "dvc.cli.parser", "dvc.repo.reproduce", "dvc.repo.experiments.show", "dvc.repo.index", "dvc.repo.plots",
        "dvc.repo.stage", "dvc.repo.datasets", "dvc.repo.artifacts", "dvc.repo.open_repo", "dvc.stage.run",
        "dvc.data_cloud", "dvc.cachemgr", "dvc.output", "dvc.dependency", "dvc.dirs", "dvc.utils.strictyaml",
        "dvc_render", "dvc_data.index", "dvc_data.hashfile.status", "networkx", "dulwich.porcelain", "pygit2",
        "ruamel.yaml", "pyparsing", "configobj", "fsspec.implementations.memory",
        "dvc.repo.experiments.queue.celery", "dvc.utils.hydra", "hydra", "dvc_studio_client.post_live_metrics",
    ),
}  # fmt: skip
# May differ from the environment in which the packages were imported; with anything else different a fork is refused.
FREE = {
    "PATH", "PYTHONPATH", "PWD", "OLDPWD", "SHLVL", "_", "PS1", "PYTEST_CURRENT_TEST", "_RJEM_MALLOC_CONF",
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "GLOO_SOCKET_IFNAME",
    "SLURM_NODEID", "JOB_COMPLETION_INDEX", "CUBLAS_WORKSPACE_CONFIG", "TORCHINDUCTOR_CACHE_DIR",
}  # fmt: skip
FREE_STARTS = ("DVC_", "GIT_", "AWS_", "SSH_", "RELIGHT_", "TORCHELASTIC_")


class Request(NamedTuple):
    """
    Attributes:
        command: the arguments of `python`, or the name of a script and its arguments.
        program: the path by which the client was called.
    """

    command: list[str]
    program: str
    folder: str
    environment: dict[str, str]
    umask: int


def receive(connection: socket.socket) -> tuple[Request, list[int]]:
    """A request and the client's standard files."""
    size, ancillary, *_ = connection.recvmsg(4, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    files = array.array("i")
    files.frombytes(ancillary[0][2])
    content = connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    return Request(*marshal.loads(content)), list(files)


def peer_of(connection: socket.socket) -> int:
    """The pid of the process at the other end."""
    return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])


def parent_of(pid: int) -> int:
    """The pid of the parent; 1 when the process itself is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 1


class Server:
    """Forks for whoever connects, and tells each client how its process ended.

    Args:
        place: of its socket.
        begun_with: the environment before anything was imported.
    """

    def __init__(self, place: str, begun_with: dict[str, str]) -> None:
        self.set_by_imports = dict(os.environ.items() - begun_with.items())
        self.begun_with = self.that_counts(begun_with)
        self.clients: dict[int, socket.socket] = {}  # by the pid of the process
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(place)
        self.listener.listen(64)
        self.pipe = os.pipe()  # a byte for each child that ends
        os.set_blocking(self.pipe[1], False)
        signal.set_wakeup_fd(self.pipe[1])
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for file, handler in ((0, self.stop), (self.listener, self.accept), (self.pipe[0], self.reap)):
            self.selector.register(file, selectors.EVENT_READ, handler)

    def serve(self) -> Request:
        """Returns in the forked processes only."""
        while True:
            for key, _ in self.selector.select():
                request = key.data()
                if request is not None:
                    return request

    def that_counts(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables that may have steered an import."""
        free = FREE | set(self.set_by_imports)
        return {name: environment[name] for name in environment.keys() - free if not name.startswith(FREE_STARTS)}

    def accept(self) -> Request | None:
        connection, _ = self.listener.accept()
        try:
            request, files = receive(connection)
        except (ConnectionError, IndexError, EOFError):  # the client was killed before it had asked
            connection.close()
            return None
        if self.that_counts(request.environment) != self.begun_with:
            connection.close()
        elif (pid := os.fork()) == 0:
            self.become(request, files, peer_of(connection))
            return request
        else:
            with suppress(ConnectionError):  # the client was killed, as is seen below
                connection.send(b"y")
            self.clients[pid] = connection
            self.selector.register(connection, selectors.EVENT_READ, self.passing_on(pid))
        for file in files:
            os.close(file)
        return None

    def become(self, request: Request, files: list[int], client: int) -> None:
        """Make the fork a process of the client: nothing of the server is left, all of the client is there."""
        os.getppid = lambda: parent_of(client)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for resource in (self.selector, self.listener, *self.clients.values()):
            resource.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
        for file in (*files, *self.pipe):
            os.close(file)
        os.umask(request.umask)
        os.chdir(request.folder)
        os.environ.clear()
        os.environ.update(self.set_by_imports | request.environment)

    def passing_on(self, pid: int) -> Callable[[], None]:
        def pass_on() -> None:
            if pid not in self.clients:
                return
            signals = b""
            with suppress(ConnectionError):
                signals = self.clients[pid].recv(16)
            if not signals:  # the client was killed
                self.selector.unregister(self.clients[pid])
                signals = bytes([signal.SIGKILL])
            for number in signals:
                os.kill(pid, number)

        return pass_on

    def reap(self) -> None:
        os.read(self.pipe[0], 1024)
        while self.clients:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            connection = self.clients.pop(pid)
            if connection.fileno() in self.selector.get_map():
                self.selector.unregister(connection)
            with suppress(ConnectionError):  # the client was killed
                connection.send(status.to_bytes(4, "big"))
            connection.close()

    def stop(self) -> None:
        """Whoever started the server is gone."""
        for pid in self.clients:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)


def standard_file(number: int, mode: str, errors: str) -> TextIO:
    line_by_line = number == 2 or os.isatty(number)
    return open(number, mode, 1 if line_by_line else -1, "utf-8", errors, closefd=False)


def start_anew(request: Request) -> ModuleType:
    """Do what an interpreter does at its start; returns an empty `__main__`."""
    sys.stdin = sys.__stdin__ = standard_file(0, "r", sys.stdin.errors)
    sys.stdout = sys.__stdout__ = standard_file(1, "w", sys.stdout.errors)
    sys.stderr = sys.__stderr__ = standard_file(2, "w", sys.stderr.errors)
    sys.path[:0] = [os.path.abspath(path) for path in request.environment.get("PYTHONPATH", "").split(":") if path]
    sys.executable = os.path.join(os.path.dirname(request.program), "python")
    sys.orig_argv = [sys.executable, *request.command]
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    sys.modules["__main__"] = ModuleType("__main__")
    sys.modules["__main__"].__dict__["__builtins__"] = builtins
    return sys.modules["__main__"]


def run(request: Request, main: ModuleType) -> None:
    """The command, as the interpreter runs it."""
    kind, *arguments = request.command
    if kind == "-c":
        sys.path.insert(0, "")
        sys.argv = ["-c", *arguments[1:]]
        exec(compile(arguments[0], "<string>", "exec"), main.__dict__)
    elif kind == "-m":
        sys.path.insert(0, request.folder)
        sys.argv = ["-m", *arguments[1:]]
        runpy._run_module_as_main(arguments[0])  # type: ignore[attr-defined]
    else:
        sys.argv = [request.program, *arguments]
        script = os.path.join(os.path.dirname(sys.argv[0]), "bin", kind)  # as pip wrote it
        with open(script, encoding="utf-8") as file:
            code = compile(file.read(), script, "exec")
        exec(code, main.__dict__)


def parse_once() -> None:
    """Let DVC, which reads the same YAML some fifty times in a command, parse each text once in a process.

    Its parser is pure Python, and takes more than half of a command. The values are the same, and new at each reading.
    """
    from ruamel.yaml import YAML

    parse, parsed = YAML.load, {}

    def load(self: YAML, stream: object) -> object:
        if self.typ != ["safe"] or not isinstance(stream, str):
            return parse(self, stream)
        if stream not in parsed:
            parsed[stream] = parse(self, stream)
        return copy.deepcopy(parsed[stream])

    YAML.load = load  # type: ignore[method-assign]


def main() -> Request:
    (name, place), begun_with = sys.argv[1:], dict(os.environ)
    sys.path.pop(0)  # the folder of this file
    gc.disable()
    for package in PACKAGES[name]:
        importlib.import_module(package)
    if name == "dvc":
        parse_once()
    gc.freeze()
    gc.enable()
    server = Server(place, begun_with)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    return server.serve()


if __name__ == "__main__":
    asked = main()
    run(asked, start_anew(asked))
