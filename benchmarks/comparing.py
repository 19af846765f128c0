"""Measure `relight compare` of many experiments against `dvc exp show --json`.

Runs the penguins once in a copy of the repository, in a temporary folder, and makes experiments of it as DVC does: one
commit each on a reference `refs/exps/BASELINE/NAME`, with params, scores, predictions and curves of its own in Git and
in the cache. `dvc exp list` must name them all. Then runs both commands in turn; prints CPU seconds and the median of
the paired ratios.

    python benchmarks/comparing.py [EXPERIMENTS] [ROUNDS]
"""

import hashlib
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from tests.repositories import Repository, clean_environment, make_repository  # noqa: E402  (the repository is no package)

MAX_RATIO = 2.0
START = "import sys; from relight.cli import main; sys.exit(main(sys.argv[1:]))"


def main(n_experiments: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = finished(Path(folder) / "repository")
        many_experiments(repository, n_experiments)
        listed = repository.run("dvc", "exp", "list", "--name-only").stdout.split()
        assert len(listed) == n_experiments, f"dvc exp list names {len(listed)}"
        page = ["-o", str(Path(folder) / "compare.html")]
        show(repository)  # the first one takes minutes; DVC remembers what it read
        rounds_of = [(show(repository), compare(repository), compare(repository, *page)) for _ in range(rounds)]
    print(f"{n_experiments} experiments           CPU seconds (median)    against dvc, pair by pair")
    for k, name in enumerate(("dvc exp show --json", "relight compare", "relight compare -o")):
        spent = statistics.median(each[k] for each in rounds_of)
        ratios = [each[k] / each[0] for each in rounds_of]
        print(f"{name:<22} {spent:18.2f} {statistics.median(ratios):15.2f}   ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"at most {MAX_RATIO}; {rounds} rounds")


def finished(root: Path) -> Repository:
    """Return a repository with one run of the penguins, committed."""
    root.mkdir()
    repository = make_repository(root)
    shutil.copy(root / "recipes/penguins.yaml", root / "params.yaml")
    repository.edit("params.yaml", "epochs: 200", "epochs: 40")
    repository.edit("params.yaml", "evaluate: {}", "evaluate: {bootstrap: 200}")
    repository.repro()
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "penguins")
    return repository


def many_experiments(repository: Repository, n: int) -> None:
    """Make n experiments as `dvc exp run -S train.seed=...` would leave them, without the training."""
    baseline = git(repository, "rev-parse", "HEAD")
    before = {
        path: (repository.root / path).read_text() for path in ("params.yaml", "dvc.lock", "reports/metrics.json")
    }
    lock, parts = before["dvc.lock"], {}
    for path in ("reports/evaluate", "reports/train/curves.csv", "reports/metrics.json"):
        at = lock.rindex(f"- path: {path}\n")
        parts[path] = lock[lock.index("md5: ", lock.index("hash: md5", at) + 9) + 5 :].split("\n")[0]
    generator = random.Random(0)
    for k in range(n):
        metrics = json.loads(before["reports/metrics.json"])
        metrics["test"]["log_loss"] *= 1 + generator.random()
        scores = json.dumps(metrics, sort_keys=True, indent=1) + "\n"
        new = {
            "reports/evaluate": moved_predictions(repository, parts["reports/evaluate"], generator),
            "reports/train/curves.csv": other_curves(repository, parts["reports/train/curves.csv"], k),
            "reports/metrics.json": hashlib.md5(scores.encode()).hexdigest(),
        }
        text = lock
        for path, md5 in new.items():
            text = text.replace(parts[path], md5)
        files = {
            "params.yaml": before["params.yaml"].replace("seed: 42\n  epochs", f"seed: {k}\n  epochs"),
            "dvc.lock": text,
            "reports/metrics.json": scores,
        }
        commit = commit_of(repository, baseline, files)
        git(repository, "update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/trial-{k:03}", commit)


def moved_predictions(repository: Repository, folder: str, generator: random.Random) -> str:
    """Put a folder of reports with other probabilities into the cache, and return its hash."""
    listed = json.loads(object_at(repository, folder).read_text())
    at = next(entry for entry in listed if entry["relpath"] == "predictions.csv")
    head, *rows = object_at(repository, at["md5"]).read_text().splitlines()
    lines = []
    for row in rows:
        *names, first, second, _third = row.split(",")
        low = float(first) * generator.uniform(0.9, 1), float(second) * generator.uniform(0.9, 1)
        lines.append(",".join([*names, f"{low[0]:.7g}", f"{low[1]:.7g}", f"{1 - sum(low):.7g}"]))
    at["md5"] = put(repository, "\n".join([head, *lines, ""]).encode())
    return put(repository, json.dumps(listed).encode()) + ".dir"


def other_curves(repository: Repository, md5: str, k: int) -> str:
    return put(repository, object_at(repository, md5).read_bytes() + f"{1000 + k},1.0,1.0,1.0,0.001\n".encode())


def object_at(repository: Repository, md5: str) -> Path:
    return repository.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def put(repository: Repository, content: bytes) -> str:
    md5 = hashlib.md5(content).hexdigest()
    name = f"{md5}.dir" if content.startswith(b"[") else md5
    path = object_at(repository, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


def commit_of(repository: Repository, parent: str, files: dict[str, str]) -> str:
    """Commit the parent's tree with these files, in a separate index, and return the commit."""
    index = {"GIT_INDEX_FILE": str(repository.root / ".git/benchmark-index")}
    git(repository, "read-tree", parent, env=index)
    for path, content in files.items():
        blob = git(repository, "hash-object", "-w", "--stdin", content=content)
        git(repository, "update-index", "--cacheinfo", f"100644,{blob},{path}", env=index)
    tree = git(repository, "write-tree", env=index)
    return git(repository, "commit-tree", tree, "-p", parent, "-m", "dvc: commit experiment")


def git(repository: Repository, *words: str, content: str = "", env: dict[str, str] | None = None) -> str:
    environment = {**clean_environment(), **(env or {})}
    command = ["git", *words]
    done = subprocess.run(
        command, cwd=repository.root, env=environment, input=content, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def show(repository: Repository) -> float:
    return cpu_seconds(repository, "dvc", "exp", "show", "--json")


def compare(repository: Repository, *words: str) -> float:
    return cpu_seconds(repository, sys.executable, "-c", START, "compare", *words, PYTHONPATH="src")


def cpu_seconds(repository: Repository, *command: str, **env: str) -> float:
    """Return user and system seconds of a command, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=repository.root, env={**clean_environment(), **env}, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [200, 5][len(given) :]))
