"""Measure the cost of the pipeline beyond its imports.

Runs, in turn, the default pipeline through `dvc repro --force` and five scripts that only import what these stages
need: each import statement of the stage's code that leads out of Relight. Prints CPU seconds (user + system, children
included) of both, and the median of the paired ratios. Both run in a copy of the repository, in a temporary folder.

    python benchmarks/pipeline.py [ROUNDS]
"""

import ast
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.closure import import_closure  # noqa: E402  (the repository is no package)

STAGES = ("prepare", "split", "train", "evaluate", "plot")
MAX_RATIO = 1.5


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_repository(Path(folder))
        pairs = [(pipeline(copy), imports(copy)) for _ in range(rounds + 1)][1:]  # the first warms the disk
    ratios = [whole / bare for whole, bare in pairs]
    print("                     CPU seconds (median)")
    print(f"dvc repro --force    {statistics.median(whole for whole, _ in pairs):8.2f}")
    print(f"five bare scripts    {statistics.median(bare for _, bare in pairs):8.2f}")
    print(f"ratio                {statistics.median(ratios):8.2f}   (at most {MAX_RATIO}; {rounds} pairs, ", end="")
    print(f"{min(ratios):.2f} to {max(ratios):.2f})")


def copy_of_repository(folder: Path) -> Path:
    """Return a clone with the code of the working tree and its own cache."""
    copy = folder / "relight"
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(copy)], check=True)
    for name in ("src", "stages"):
        shutil.copytree(REPOSITORY / name, copy / name, dirs_exist_ok=True)
    shutil.copy(REPOSITORY / "dvc.yaml", copy / "dvc.yaml")
    return copy


def pipeline(copy: Path) -> float:
    return cpu_seconds(["dvc", "repro", "--force", "--quiet"], copy)


def imports(copy: Path) -> float:
    return sum(cpu_seconds([sys.executable, "-c", bare_script(stage)], copy) for stage in STAGES)


@cache
def bare_script(stage: str) -> str:
    """Return the import statements of all code that a stage runs, except those of Relight itself."""
    paths = [path for path in import_closure(stage) if path.endswith(".py")]
    nodes = (node for path in paths for node in ast.parse((REPOSITORY / path).read_text()).body)
    imports = {ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)}
    return "\n".join(sorted(line for line in imports if "relight" not in line))


def cpu_seconds(command: list[str], folder: Path) -> float:
    """Return user and system seconds of a command, children included."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
