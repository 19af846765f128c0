"""What it costs to feed the windows of a long series to a forecasting model: windows per second, and memory.

The contenders train the same small model (NLinear) on the same series with the same settings, in turn, each time in a
process of its own. Each round is one ratio to the DataLoader: the median of these counts. Timed is the training loop
alone, without imports and without the making of windows; where something else runs, the seconds of the processor (CPU
ratio) say more than those of the clock. Memory is the peak above what the process held before its series was made; a
short training before that brings what is imported and kept once. Linux alone tells it. A contender that is not
installed is named and skipped.

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
FASTER, SMALLER = 5, 0.1  # times the windows per second of the DataLoader, and its memory


def main(n_steps: int, rounds: int) -> None:
    costs: dict[str, list[Cost]] = {name: [] for name in those_there()}
    for _ in range(rounds):
        for name, of_rounds in costs.items():
            of_rounds.append(in_a_process(name, n_steps))
    report(costs, f"NLinear, {n_steps:,} steps of one channel, 336 → 24, AdamW, l1, batch 1024, 1 thread, one epoch")


def those_there() -> list[str]:
    """The contenders that are installed; the others are named."""
    for name, package in NEEDS.items():
        if find_spec(package) is None:
            print(f"{name}: skipped, {package} is not installed")
    return [name for name, package in NEEDS.items() if find_spec(package) is not None]


def in_a_process(name: str, n_steps: int) -> Cost:
    """This process imports no torch: one that starts another hands down its own peak."""
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
    print(f"{RELIGHT}: at least {FASTER} times the windows/s of the {LOADER}, and at most {SMALLER} of its memory")


def medians(costs: list[Cost]) -> list[float]:
    return [statistics.median(values) for values in zip(*costs, strict=True)]


def ratios(ours: list[Cost], loader: list[Cost]) -> list[Cost]:
    """Round by round."""
    return [Cost(*(a / b for a, b in zip(one, other, strict=True))) for one, other in zip(ours, loader, strict=True)]


def train_one(name: str, n_steps: int) -> None:
    """The last line that it prints is the cost."""
    from sequence_jobs.contenders import CONTENDERS
    from sequence_jobs.cost import cost_of

    print(f"\n{json.dumps(cost_of(CONTENDERS[name], n_steps))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1_000_000, help="of the series")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(NEEDS), help=argparse.SUPPRESS)  # in a process of its own
    asked = parser.parse_args()
    if asked.only is None:
        main(asked.steps, asked.rounds)
    else:
        train_one(asked.only, asked.steps)
