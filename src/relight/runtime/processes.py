"""Several processes that train together, as environment variables.

`relight launch` tells the train stage in them how many processes to start; each process finds its own rank in those
that torchrun sets.
"""

import os
from typing import NamedTuple

from relight.errors import InputError

PROCESSES_VARIABLE, NODES_VARIABLE, RENDEZVOUS_VARIABLE = "RELIGHT_PROCESSES", "RELIGHT_NODES", "RELIGHT_RENDEZVOUS"
TIMEOUT_VARIABLE = "RELIGHT_TIMEOUT"
SECRET_VARIABLE = "RELIGHT_LAUNCH_SECRET"
TRAINING_VARIABLE = "RELIGHT_TRAINING"  # the number of the training at the store of the launch
DEFAULT_TIMEOUT_SECONDS = 300  # for which a process waits for the others
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class Address(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class LaunchRequest(NamedTuple):
    """The processes that `relight launch` asks for.

    Attributes:
        processes: on each machine.
        nodes: number of machines.
        rendezvous: where `relight launch` of the first machine listens; None if the train stage itself does.
    """

    processes: int
    nodes: int = 1
    rendezvous: Address | None = None

    def environment(self) -> dict[str, str]:
        rendezvous = {} if self.rendezvous is None else {RENDEZVOUS_VARIABLE: str(self.rendezvous)}
        return {PROCESSES_VARIABLE: str(self.processes), NODES_VARIABLE: str(self.nodes), **rendezvous}


def requested_processes() -> LaunchRequest | None:
    """Return the request in the environment; None if one process is enough."""
    request = LaunchRequest(
        int(os.environ.get(PROCESSES_VARIABLE, 1)), int(os.environ.get(NODES_VARIABLE, 1)), _rendezvous()
    )
    return request if request.processes * request.nodes > 1 else None


def _rendezvous() -> Address | None:
    host, _, port = os.environ.get(RENDEZVOUS_VARIABLE, "").rpartition(":")
    return Address(host, int(port)) if port else None


def timeout_seconds() -> int:
    return int(os.environ.get(TIMEOUT_VARIABLE, DEFAULT_TIMEOUT_SECONDS))


def parse_launch_arguments(
    processes: int, nodes: int, node_rank: int, rendezvous: str | None, timeout: int
) -> LaunchRequest:
    """Check the arguments of `relight launch`.

    Args:
        node_rank: of this machine, from 0.

    Raises:
        InputError: if one is out of range, or `--rendezvous` is missing or no address.
    """
    for name, number in (("--processes", processes), ("--nodes", nodes), ("--timeout", timeout)):
        if number < 1:
            raise InputError(f"{name}: must be at least 1, got {number}")
    if not 0 <= node_rank < nodes:
        raise InputError(f"--node-rank: must be from 0 to {nodes - 1}, one less than --nodes, got {node_rank}")
    if rendezvous is None and nodes > 1:
        raise InputError("--rendezvous: is needed with --nodes; it names the first machine, as --rendezvous host:29999")
    return LaunchRequest(processes, nodes, None if rendezvous is None else _parse_address(rendezvous))


def _parse_address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise InputError(f"--rendezvous: must be a host and a port, such as node1:29999, got {text}")
    return Address(host, int(port))


class Rank(NamedTuple):
    """One of several processes.

    Attributes:
        rank: among all processes, from 0; only the first one writes.
        local_rank: among those of this machine.
        processes: number of all processes.
        local_processes: number of those on this machine.
    """

    rank: int
    local_rank: int
    processes: int
    local_processes: int

    def environment(self, address: str, port: int) -> dict[str, str]:
        """Return the variables that torchrun would set."""
        return {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "WORLD_SIZE": str(self.processes),
            "LOCAL_WORLD_SIZE": str(self.local_processes),
            "MASTER_ADDR": address,
            "MASTER_PORT": str(port),
        }


def current_rank() -> Rank | None:
    """Return the rank in the environment; None if this process trains by itself."""
    if not all(os.environ.get(name) for name in RANK_VARIABLES) or os.environ["WORLD_SIZE"] == "1":
        return None
    processes = int(os.environ["WORLD_SIZE"])
    local = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
    return Rank(int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"]), processes, local)
