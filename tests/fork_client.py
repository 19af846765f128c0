"""`python`, `dvc` and `relight` on the PATH of the tests' repositories: they ask a server for a process.

It has its imports already. This runs without site-packages, because it must start at once. Whatever a server would
not do exactly as a new interpreter is left to a new interpreter.
"""

import array
import marshal
import os
import signal
import socket
import sys

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))
WITH_TORCH = {"stages.train", "stages.evaluate", "predict", "export", "embed", "--rendezvous", "pytest"}
SEVERAL = ("RELIGHT_PROCESSES", "RELIGHT_NODES", "WORLD_SIZE")  # more than one, in one of them: torch's DDP


def server_for(command: list[str]) -> str:
    """The name of the server that has what the command imports; "" where it takes a new interpreter."""
    words = set(command)
    if words >= {"relight", "pull"} or (command[:1] == ["-c"] and command[2:3] in (["pull"], ["trace"])):
        return "dvc"  # it asks DVC in its own process
    if command[:1] == ["dvc"] or command[:2] == ["-m", "dvc"]:
        return "" if words >= {"queue", "start"} else "dvc"  # the workers of a queue outlive whoever starts them
    if command[:1] in (["relight"], ["-c"]) or (command[:1] == ["-m"] and command[1].startswith(("stages.", "pytest"))):
        several = any(os.environ.get(name, "1") != "1" for name in SEVERAL)
        return "several" if several and "stages.train" in words else "torch" if words & WITH_TORCH else "plain"
    return ""


def ask(server: str, command: list[str]) -> socket.socket | None:
    """The connection of a process that runs the command; None where the server declines."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(os.path.join(HERE, f"{server}.socket"))
    except OSError:
        return None
    umask = os.umask(0o77)
    os.umask(umask)
    request = marshal.dumps((command, sys.argv[0], os.getcwd(), dict(os.environ), umask))
    standard = array.array("i", [0, 1, 2])
    connection.sendmsg([len(request).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, standard)])
    connection.sendall(request)
    return connection if connection.recv(1) == b"y" else None


def follow(connection: socket.socket) -> int:
    """Pass signals on until the process has ended; returns its status as `os.waitpid` gives it."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: connection.send(bytes([number])))
    return int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")


def end_as(status: int) -> None:
    if os.WIFSIGNALED(status):
        if (number := os.WTERMSIG(status)) != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def main() -> None:
    name = os.path.basename(sys.argv[0])
    words = sys.argv[2:] if sys.argv[1:2] == ["-P"] else sys.argv[1:]  # a server has what it imports already
    command = words if name == "python" else [name, *words]
    server = server_for(command)
    if server and (connection := ask(server, command)):
        end_as(follow(connection))
    program = os.path.join(os.readlink(os.path.join(HERE, "bin")), name)
    os.execv(program, [program, *sys.argv[1:]])


main()
