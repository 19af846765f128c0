"""Measure a training against hand-written loops, other trainers, and other ways to run it.

The contenders of a job train the same network on the same rows with the same settings, in turn, from this process.
Each round gives one ratio to the first contender of the job; the median counts. Ratios are speeds: 1 is as fast, 2 is
twice as fast. If Relight takes part, the last column is its speed relative to that line's: for the bare matrix
products it is their share of Relight's time. A contender that is not installed is named and skipped.

    python benchmarks/training.py [JOB ...] [--rounds ROUNDS] [--rows ROWS]

The jobs; a name without its batch size (`processes`) selects all of them:

    tutorial                        the tutorial's loop
    mlp-256, mlp-1024               loops by hand, Lightning, skorch, Keras, bare matrix products; by batch size
    tabm                            the loop of TabM's authors
    mapped                          rows in their file against rows in memory
    processes-1024, processes-8192  two processes against one; by batch size
    cuda-graph                      a CUDA graph against eager, on a GPU
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial

import torch
from training_jobs.cuda_graph import cuda_graph
from training_jobs.mapped import mapped
from training_jobs.measuring import Job, measure, report
from training_jobs.mlp import mlp
from training_jobs.processes import processes
from training_jobs.tabm import tabm
from training_jobs.tutorial import tutorial

JOBS: dict[str, Callable[[int], Job | None]] = {
    "tutorial": tutorial,
    "mlp-256": partial(mlp, batch=256),
    "mlp-1024": partial(mlp, batch=1024),
    "tabm": tabm,
    "mapped": mapped,
    "processes-1024": partial(processes, batch=1024),
    "processes-8192": partial(processes, batch=8192),
    "cuda-graph": cuda_graph,
}


def main(jobs: list[str], rounds: int, n_rows: int) -> None:
    torch.set_num_threads(1)
    for name in jobs:
        job = JOBS[name](n_rows)
        if job is not None:
            report(job, measure(job, rounds))


def named(name: str) -> list[str]:
    """Return the job of that name, or all whose name it is without the batch size."""
    return [job for job in JOBS if job == name or job.startswith(f"{name}-")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"one or more of {', '.join(JOBS)}; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000)
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.jobs if not named(name)]:
        sys.exit(f"jobs must be among {', '.join(JOBS)}, got {', '.join(unknown)}")
    main([job for name in arguments.jobs for job in named(name)] or list(JOBS), arguments.rounds, arguments.rows)
