"""plot: draw the reports, and put everything on one page. Needs no model and no torch."""

import base64
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from matplotlib.figure import Figure

from relight.domain import figures
from relight.domain.score_table import score_table
from relight.io.artifacts import read_json
from relight.io.page import write_page
from relight.io.pictures import png_bytes, write_png
from relight.params.plot import PlotParams

Json = dict[str, Any]
PARTS = ("train", "validation", "test")


def plot(
    params: PlotParams,
    *,
    all_params: dict[str, object],
    schema: Path,
    split_report: Path,
    description: Path,
    curves: Path,
    metrics: Path,
    reports: Path,
    plots: Path,
    page: Path,
) -> None:
    """Write one PNG for each picture that suits the task, and the report page."""
    known, found, scores = read_json(description), read_json(schema), read_json(metrics)
    parts = read_json(split_report)
    drawn = _figures(known, scores, pl.read_csv(curves), reports)
    pictures = {name: png_bytes(figure, params.dpi) for name, figure in drawn.items()}
    plots.mkdir()
    for name, picture in pictures.items():
        write_png(plots / f"{name}.png", picture)
    write_page(page, _page(known, found, parts, scores, pictures, all_params))


def _figures(known: Json, scores: Json, curves: pl.DataFrame, reports: Path) -> dict[str, Figure]:
    features = known["features"]
    validation = "test" if features["test_rows_validate"] else "validation"
    drawn = {"loss": figures.loss_curves(curves, validation, known["best_epoch"])}
    if features["classes"] is None:
        return {**_line_figures(reports), **drawn, **_regression_figures(reports)}
    return {**drawn, **_class_figures(reports, features["classes"], scores["test"].get("auc"))}


def _line_figures(reports: Path) -> dict[str, Figure]:
    points = pl.read_csv(reports / "line.csv")
    if points.is_empty():
        return {}
    return {f"line_{when}": figures.line(points, when) for when in ("before", "after")}


def _regression_figures(reports: Path) -> dict[str, Figure]:
    return {
        "predicted": figures.predicted_against_true(pl.read_csv(reports / "predictions.csv")),
        "residuals": figures.residuals(pl.read_csv(reports / "residuals.csv")),
    }


def _class_figures(reports: Path, classes: list[str], auc: float | None) -> dict[str, Figure]:
    labels = {"target": pl.String, "prediction": pl.String}
    predictions = pl.read_csv(reports / "predictions.csv", schema_overrides=labels)
    return {
        "confusion": figures.confusion(predictions, classes),
        "roc": figures.roc(pl.read_csv(reports / "roc.csv"), auc, averaged=len(classes) > 2),
        "calibration": figures.calibration(pl.read_csv(reports / "calibration.csv")),
    }


def _page(
    known: Json, found: Json, parts: Json, scores: Json, pictures: dict[str, bytes], all_params: dict[str, object]
) -> dict[str, object]:
    features, source = known["features"], all_params["prepare"]["source"]  # type: ignore[index]
    used = {f["name"]: f for f in (*features["numeric"], *features["categorical"])}
    return {
        "target": features["target"],
        "model": known["model"]["name"],
        "task": features["task"],
        "rows": found["rows"],
        "source": source,
        "parts": ", ".join(f"{parts['rows'][part]} {part}" for part in PARTS if parts["rows"][part]),
        "training": f"{known['epochs']} epochs, the weights of epoch {known['best_epoch']} kept.",
        "scores": score_table(scores),
        "baseline": _baseline(features["task"]),
        "parameters": scores.get("parameters", {}),
        "notes": [*found["notes"], *parts["notes"]],
        "pictures": [
            {"name": name, "base64": base64.b64encode(picture).decode()} for name, picture in pictures.items()
        ],
        "columns": [
            {"name": c["name"], "kind": c["kind"], "says": _says(used.get(c["name"]))} for c in found["columns"]
        ],
        "versions": known["versions"],
        "params": yaml.safe_dump(all_params, sort_keys=False, allow_unicode=True, width=100),
    }


def _says(feature: Json | None) -> str:
    """What the train rows say of a column, in a few words."""
    if feature is None:
        return "not seen by the model"
    if "levels" in feature:
        shown = ", ".join(feature["levels"][:6])
        return f"{len(feature['levels'])} levels: {shown}{', ...' if len(feature['levels']) > 6 else ''}"
    if feature["std"] == 0:
        return "the same value in every row" if feature["gaps"] == 0 else "one value, or none"
    gaps = f", {feature['gaps']} gaps" if feature["gaps"] else ""
    return f"mean {feature['mean']:.4g}, std {feature['std']:.4g}{gaps}"


def _baseline(task: str) -> str:
    what = "the mean of the train rows" if task == "regression" else "the class shares of the train rows"
    return f"Baseline: {what}, said for every row. A model that is not better has learned nothing."
