"""Compare the recipe for your own table with other tools, on real tables with fixed parts.

For each table of `benchmarks/tables/` (or of another folder with the same layout) this copies the repository, sets only
`prepare.source`, `prepare.target` and the seed in `recipes/table.yaml`, runs `dvc repro`, and takes the score of the
test rows from reports/metrics.json: RMSE for numbers, log loss for classes; the median of the seeds. `baselines.csv`
has the scores of other tools on the same rows. If catboost is installed it runs as well, for its time. The licence of
each table is in its meta.json.

    python benchmarks/accuracy.py [--tables FOLDER] [--seeds N] [--only NAME ...]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

REPOSITORY = Path(__file__).resolve().parent.parent
CLONED = ("recipes", "src", "stages", "dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore")
NOT_CLONED = shutil.ignore_patterns("__pycache__", "*.egg-info")
US = "relight"
SCORE_OF = {"regression": "rmse", "binary": "log_loss", "multiclass": "log_loss"}
COLUMN_OF = {"rmse": "rmse", "log_loss": "logloss"}  # in baselines.csv
NOT_WORSE_THAN_HGB = 1.03
HEAD = ("table", "score", "Relight: median (range)", "rank", "best other", "HistGradientBoosting", "s", "CatBoost, s")


class Result(NamedTuple):
    """The scores of each seed on one table, the seconds of each run of the pipeline, and the model that was chosen."""

    scores: list[float]
    seconds: list[float]
    choice: str


def main(tables: Path, seeds: int, only: list[str]) -> None:
    others = pl.read_csv(tables / "baselines.csv")
    cases = [path.parent for path in sorted(tables.glob("*/meta.json")) if not only or path.parent.name in only]
    ranks: dict[str, list[float]] = {}
    print_row(*HEAD)
    print_row(*["---"] * len(HEAD))
    choices = []
    for case in cases:
        meta = json.loads((case / "meta.json").read_text(encoding="utf-8"))
        result = run_recipe(case, meta, seeds)
        scores = {US: statistics.median(result.scores), **scores_of_others(others, case.name, SCORE_OF[meta["task"]])}
        for rank, name in enumerate(sorted(scores, key=lambda name: scores[name]), start=1):
            ranks.setdefault(name, []).append(rank)
        print_row(case.name, SCORE_OF[meta["task"]], *cells(result, scores), catboost_seconds(case, meta))
        choices.append(f"{case.name}: {result.choice}")
    print("", *choices, "", sep="\n")
    print_ranks(ranks)


def print_ranks(ranks: dict[str, list[float]]) -> None:
    print_row("model", "mean rank", "tables")
    print_row("---", "---", "---")
    for name in sorted(ranks, key=lambda name: statistics.mean(ranks[name])):
        print_row(name, f"{statistics.mean(ranks[name]):.2f}", str(len(ranks[name])))


def print_row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def cells(result: Result, scores: dict[str, float]) -> tuple[str, ...]:
    """Return score, rank, the best of the others, HistGradientBoosting and seconds as texts."""
    best = min((name for name in scores if name != US), key=lambda name: scores[name])
    rank = sorted(scores.values()).index(scores[US]) + 1
    ratio = scores[US] / scores["hgb"]
    verdict = "" if ratio <= NOT_WORSE_THAN_HGB else f", more than {NOT_WORSE_THAN_HGB}"
    spread = f"{shown(min(result.scores))} to {shown(max(result.scores))}"
    return (
        f"{shown(scores[US])} ({spread})",
        f"{rank} of {len(scores)}",
        f"{best} {shown(scores[best])}",
        f"{shown(scores['hgb'])} (ratio {ratio:.3f}{verdict})",
        f"{statistics.median(result.seconds):.0f}",
    )


def shown(score: float) -> str:
    return f"{score:.1f}" if score > 10 else f"{score:.4f}"


def run_recipe(case: Path, meta: dict[str, Any], seeds: int) -> Result:
    """Run the real pipeline once for each seed; only the first run prepares and splits."""
    scores, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        make_repository(root, case / meta["file"])
        for seed in range(1, seeds + 1):
            write_params(root, f"data/raw/{meta['file']}", meta["target"], seed)
            start = time.perf_counter()
            run(["dvc", "repro", "--quiet"], root)
            seconds.append(time.perf_counter() - start)
            metrics = json.loads((root / "reports/metrics.json").read_text(encoding="utf-8"))
            scores.append(metrics["test"][SCORE_OF[meta["task"]]])
        choice = json.loads((root / "models/model.json").read_text(encoding="utf-8"))["model_choice"]
    return Result(scores, seconds, choice)


def make_repository(root: Path, table: Path) -> None:
    for name in CLONED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, root / name, ignore=NOT_CLONED)
        else:
            shutil.copy(REPOSITORY / name, root / name)
    (root / "data/raw").mkdir(parents=True)
    shutil.copy(table, root / "data/raw" / table.name)
    run(["git", "init", "--quiet"], root)


def write_params(root: Path, source: str, target: str, seed: int) -> None:
    """Write the recipe as params.yaml, with a table, a target and a seed; nothing else is set."""
    values = {"prepare.source": source, "prepare.target": target, "train.seed": seed}
    lines, section = [], ""
    for text in (REPOSITORY / "recipes/table.yaml").read_text(encoding="utf-8").splitlines():
        section = text.partition(":")[0] if text and not text.startswith((" ", "#")) else section
        key = text.strip().partition(":")[0]
        value = values.get(f"{section}.{key}")
        lines.append(text if value is None else f"  {key}: {json.dumps(value)}")
    (root / "params.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(command: list[str], root: Path) -> str:
    """Return the command's output; exit if it fails."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def scores_of_others(others: pl.DataFrame, case: str, score: str) -> dict[str, float]:
    rows = others.filter((pl.col("case") == case) & pl.col(COLUMN_OF[score]).is_not_null())
    return dict(rows.select("model", COLUMN_OF[score]).iter_rows())


def catboost_seconds(case: Path, meta: dict[str, Any]) -> str:
    """Return the seconds of a fit with defaults and early stopping, on all cores; "–" if CatBoost is not installed."""
    if find_spec("catboost") is None:
        return "–"
    from catboost import CatBoostClassifier, CatBoostRegressor

    train, validation = (catboost_rows(case / meta["file"], meta["target"], part) for part in ("train", "val"))
    kind = CatBoostRegressor if meta["task"] == "regression" else CatBoostClassifier
    model = kind(thread_count=os.cpu_count(), random_seed=0, verbose=False, allow_writing_files=False)
    start = time.perf_counter()
    model.fit(train, eval_set=validation, early_stopping_rounds=50)
    return f"{time.perf_counter() - start:.0f}"


def catboost_rows(path: Path, target: str, part: str) -> Any:
    from catboost import Pool

    table = pl.read_csv(path, infer_schema_length=None) if path.suffix == ".csv" else pl.read_parquet(path)
    rows = table.filter(pl.col("split") == part)
    inputs = rows.drop("split", target)
    texts = [name for name in inputs.columns if not inputs[name].dtype.is_numeric()]
    inputs = inputs.with_columns(pl.col(texts).fill_null("missing"))
    return Pool(inputs.rows(), rows[target].to_list(), cat_features=[inputs.columns.index(name) for name in texts])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=REPOSITORY / "benchmarks/tables")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    main(arguments.tables, arguments.seeds, arguments.only)
