"""Which of several processes this one is, by the names that torchrun gives them in the environment."""

import os
from typing import NamedTuple

NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class Rank(NamedTuple):
    """
    Attributes:
        rank: among all processes, from 0; the first one writes, the others help.
        local_rank: among those of this machine.
        processes: how many there are.
        local_processes: on this machine.
    """

    rank: int
    local_rank: int
    processes: int
    local_processes: int

    def environment(self, address: str, port: int) -> dict[str, str]:
        """What torchrun would set."""
        return {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "WORLD_SIZE": str(self.processes),
            "LOCAL_WORLD_SIZE": str(self.local_processes),
            "MASTER_ADDR": address,
            "MASTER_PORT": str(port),
        }


def rank_here() -> Rank | None:
    """None where this process trains alone."""
    if not all(os.environ.get(name) for name in NAMES) or os.environ["WORLD_SIZE"] == "1":
        return None
    processes = int(os.environ["WORLD_SIZE"])
    local = int(os.environ.get("LOCAL_WORLD_SIZE", processes))
    return Rank(int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"]), processes, local)
