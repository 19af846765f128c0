"""A seed for each of several processes."""

import numpy as np


def seed_of(seed: int, rank: int) -> int:
    """For the dropout of one process; the first has that of a process alone."""
    return seed if rank == 0 else int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])
