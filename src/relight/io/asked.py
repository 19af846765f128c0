"""How many processes `relight launch` asks of the train stage: it says so in the environment of its command."""

import os
from typing import NamedTuple

from relight.errors import InputError

PROCESSES, NODES, RENDEZVOUS = "RELIGHT_PROCESSES", "RELIGHT_NODES", "RELIGHT_RENDEZVOUS"
TIMEOUT = "RELIGHT_TIMEOUT"
SECONDS = 300  # that a process waits for the others


class Address(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Asked(NamedTuple):
    """
    Attributes:
        processes: on each machine.
        nodes: machines.
        rendezvous: where `relight launch` of the first machine listens; None: the train stage itself does.
    """

    processes: int
    nodes: int = 1
    rendezvous: Address | None = None

    def environment(self) -> dict[str, str]:
        met = {} if self.rendezvous is None else {RENDEZVOUS: str(self.rendezvous)}
        return {PROCESSES: str(self.processes), NODES: str(self.nodes), **met}


def asked() -> Asked | None:
    """None where one process is enough."""
    found = Asked(int(os.environ.get(PROCESSES, 1)), int(os.environ.get(NODES, 1)), _rendezvous())
    return found if found.processes * found.nodes > 1 else None


def _rendezvous() -> Address | None:
    host, _, port = os.environ.get(RENDEZVOUS, "").rpartition(":")
    return Address(host, int(port)) if port else None


def seconds_to_wait() -> int:
    return int(os.environ.get(TIMEOUT, SECONDS))


def settle_asked(processes: int, nodes: int, place: int, rendezvous: str | None, timeout: int) -> Asked:
    """The arguments of `relight launch`.

    Args:
        place: of this machine, from 0.

    Raises:
        InputError: when they make no sense.
    """
    for name, number in (("--processes", processes), ("--nodes", nodes), ("--timeout", timeout)):
        if number < 1:
            raise InputError(f"{name}: must be at least 1, however: {number}")
    if not 0 <= place < nodes:
        raise InputError(f"--node-rank: must be from 0 to {nodes - 1}, one less than --nodes, however: {place}")
    if rendezvous is None and nodes > 1:
        raise InputError("--rendezvous: is needed with --nodes; it names the first machine, as --rendezvous host:29999")
    return Asked(processes, nodes, None if rendezvous is None else _address(rendezvous))


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise InputError(f"--rendezvous: must be a host and a port, such as node1:29999, however: {text}")
    return Address(host, int(port))
