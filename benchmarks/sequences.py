"""Measure the cost of feeding the windows of a long series to a forecasting model: windows per second, and memory.

The contenders train the same small model (NLinear) on the same series with the same settings, in turn, each time in a
new process. Each round gives one ratio to the DataLoader; the median counts. Only the training loop is timed, without
imports and without making windows; on a busy machine the CPU ratio is more reliable than the clock's. Memory is the
peak above what the process held before its series was made; a short training before that does the late imports. Linux
only. A contender that is not installed is named and skipped.

    python benchmarks/sequences.py [--steps STEPS] [--rounds ROUNDS]
"""

import argparse
import json
import statistics
import subprocess
import sys
from importlib.util import find_spec

from sequence_jobs.cost import Cost

LOADER, RELIGHT = "DataLoader", "Relight"
NEEDS = {LOADER: "torch", RELIGHT: "torch", "neuralforecast": "neuralforecast"}
MIN_SPEED, MAX_MEMORY = 5, 0.1  # relative to the DataLoader


def main(n_steps: int, rounds: int) -> None:
    costs: dict[str, list[Cost]] = {name: [] for name in installed_contenders()}
    for _ in range(rounds):
        for name, of_rounds in costs.items():
            of_rounds.append(run_in_process(name, n_steps))
    report(costs, f"NLinear, {n_steps:,} steps of one channel, 336 → 24, AdamW, l1, batch 1024, 1 thread, one epoch")


def installed_contenders() -> list[str]:
    """Return the contenders that are installed; print the names of the others."""
    for name, package in NEEDS.items():
        if find_spec(package) is None:
            print(f"{name}: skipped, {package} is not installed")
    return [name for name, package in NEEDS.items() if find_spec(package) is not None]


def run_in_process(name: str, n_steps: int) -> Cost:
    """Return the cost of a contender in a new process, which inherits this one's peak: so this one imports no torch."""
    command = [sys.executable, __file__, "--steps", str(n_steps), "--only", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed\n{done.stderr}")
    return Cost(*json.loads(done.stdout.splitlines()[-1]))


def report(costs: dict[str, list[Cost]], title: str) -> None:
    print(f"\n{title}")
    print(f"{'':16}{'windows/s':>11}{'ratio':>7}{'from':>7}{'to':>7}{'CPU ratio':>11}{'peak MB':>9}{'ratio':>8}")
    for name, of_rounds in costs.items():
        middle, to_loader = Cost(*medians(of_rounds)), ratios(of_rounds, costs[LOADER])
        paces = [ratio.pace for ratio in to_loader]
        ratio = Cost(*medians(to_loader))
        spread = f"{ratio.pace:7.2f}{min(paces):7.2f}{max(paces):7.2f}{ratio.cpu_pace:11.2f}"
        print(f"{name:16}{middle.pace:11,.0f}{spread}{middle.peak:9,.0f}{ratio.peak:8.3f}")
    print(
        f"{RELIGHT}: at least {MIN_SPEED} times the windows/s of the {LOADER}, and at most {MAX_MEMORY} of its memory"
    )


def medians(costs: list[Cost]) -> list[float]:
    return [statistics.median(values) for values in zip(*costs, strict=True)]


def ratios(ours: list[Cost], loader: list[Cost]) -> list[Cost]:
    """Return the ratios of each round."""
    return [Cost(*(a / b for a, b in zip(one, other, strict=True))) for one, other in zip(ours, loader, strict=True)]


def train_one(name: str, n_steps: int) -> None:
    """Train, and print the cost as the last line."""
    from sequence_jobs.contenders import CONTENDERS
    from sequence_jobs.cost import cost_of

    print(f"\n{json.dumps(cost_of(CONTENDERS[name], n_steps))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000, help="length of the series")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(NEEDS), help=argparse.SUPPRESS)  # used by run_in_process
    arguments = parser.parse_args()
    if arguments.only is None:
        main(arguments.steps, arguments.rounds)
    else:
        train_one(arguments.only, arguments.steps)
