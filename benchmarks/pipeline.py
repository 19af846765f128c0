"""What the pipeline costs beyond its imports.

Runs, in turn, the default pipeline through `dvc repro --force` and five scripts that do nothing but
import what these stages need, namely each import statement of the stage's code that leads out of
Relight; prints CPU seconds (user + system, children included) of both, and the median of the paired
ratios. Both run in a copy of the repository, in a temporary folder.

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

from tests.closure import code_in, import_closure  # noqa: E402  (the repository is no package)

STAGES = ("prepare", "split", "train", "evaluate", "plot")
AT_MOST = 1.5


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_repository(Path(folder))
        pairs = [(pipeline(copy), imports(copy)) for _ in range(rounds + 1)][1:]  # the first warms the disk
    ratios = [whole / bare for whole, bare in pairs]
    print("                     CPU seconds (median)")
    print(f"dvc repro --force    {statistics.median(whole for whole, _ in pairs):8.2f}")
    print(f"five bare scripts    {statistics.median(bare for _, bare in pairs):8.2f}")
    print(f"ratio                {statistics.median(ratios):8.2f}   (at most {AT_MOST}; {rounds} pairs, ", end="")
    print(f"{min(ratios):.2f} to {max(ratios):.2f})")


def copy_of_repository(folder: Path) -> Path:
    """The working tree as Git knows it, with a cache of its own."""
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
    """The import statements of all code that a stage runs, but for those of Relight itself."""
    trees = (ast.parse((REPOSITORY / path).read_text()) for path in code_of(stage))
    found = {ast.unparse(node) for tree in trees for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)}
    return "\n".join(sorted(line for line in found if "relight" not in line))


def code_of(stage: str) -> list[Path]:
    paths = [path for path in import_closure(stage) if not path.endswith(".jinja")]
    return [file for path in paths for file in (code_in(path) if (REPOSITORY / path).is_dir() else [Path(path)])]


def cpu_seconds(command: list[str], folder: Path) -> float:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
