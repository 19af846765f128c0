"""`relight launch`: run a command whose train stage is several processes, on one machine or on several."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import FrameType
from typing import NoReturn

from relight.errors import InputError
from relight.runtime.lifetime import end_with_parent
from relight.runtime.messages import notify
from relight.runtime.processes import SECRET_VARIABLE, TIMEOUT_VARIABLE, Address, LaunchRequest, parse_launch_arguments

NODE_RANK_VARIABLES = ("SLURM_NODEID", "JOB_COMPLETION_INDEX")  # set by Slurm and by Kubernetes


def exec_command(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by the command: signals and exit codes are those of the command then.

    Raises:
        InputError: if the command cannot be run.
    """
    try:
        os.execvpe(command[0], command, {**os.environ, **environment})
    except OSError as error:
        raise InputError(_start_problem(command, error)) from error


def run_command(command: list[str], environment: Mapping[str, str]) -> int:
    """Run the command to its end; return its exit code, 128 + n if signal n ended it.

    Raises:
        InputError: if the command cannot be run.
    """
    try:
        child = subprocess.Popen(command, env={**os.environ, **environment})
    except OSError as error:
        raise InputError(_start_problem(command, error)) from error

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command as well
    code = child.wait()
    return code if code >= 0 else 128 - code


def _start_problem(command: list[str], error: OSError) -> str:
    return f"relight launch: {command[0]}: cannot be run: {error.strerror}"


def launch(
    command: list[str], *, processes: int, nodes: int, node_rank: int | None, rendezvous: str | None, timeout: int
) -> str:
    """Run the command on the first machine; lend processes to its train stage on every other one.

    Args:
        processes: on each machine.
        nodes: machines.
        node_rank: the number of this machine, from 0; None: as Slurm or Kubernetes sets it.
        rendezvous: HOST:PORT where the first machine listens, if there are several.
        timeout: seconds that a process waits for the others.

    Raises:
        InputError: if the arguments are wrong, or the command cannot be run.
        RunError: if a lent process, or the first machine, is lost.
    """
    resolved_rank = _resolve_node_rank(node_rank, nodes)
    request = parse_launch_arguments(processes, nodes, resolved_rank, rendezvous, timeout)
    if not command:
        raise InputError("relight launch: needs a command, such as: relight launch --processes 2 dvc repro")
    _warn_if_oversubscribed(processes)
    os.environ[TIMEOUT_VARIABLE] = str(timeout)
    if request.rendezvous is None:
        exec_command(command, request.environment())
    elif resolved_rank == 0:
        _run_first(command, request, request.rendezvous)
    else:
        _serve(request, request.rendezvous, resolved_rank)
    return ""


def _resolve_node_rank(node_rank: int | None, nodes: int) -> int:
    if node_rank is not None or nodes == 1:
        return node_rank or 0
    for name in NODE_RANK_VARIABLES:
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    raise InputError(
        f"--node-rank: is needed because neither of {', '.join(NODE_RANK_VARIABLES)} is set; 0 is the first machine"
    )


def _warn_if_oversubscribed(processes: int) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if processes > cores:
        notify(f"relight launch: {processes} processes share {cores} cores and wait for one another")


def _run_first(command: list[str], request: LaunchRequest, address: Address) -> NoReturn:
    from relight.train.distributed.lending import release_workers
    from relight.train.distributed.rendezvous import listen
    from relight.train.distributed.secret import shared_secret
    from relight.train.distributed.store import StoreServer

    listening, address = listen(address)
    with shared_secret(address.port) as secret:
        server = StoreServer(listening, secret)
        environment = request._replace(rendezvous=address).environment()
        code = run_command(command, {**environment, SECRET_VARIABLE: secret})
        release_workers(server, n_others=request.nodes - 1)
    sys.exit(code)  # the command has printed its own messages


def _serve(request: LaunchRequest, address: Address, node_rank: int) -> None:
    from relight.train.distributed.lending import serve_workers

    end_with_parent()
    serve_workers(request, address, node_rank)
