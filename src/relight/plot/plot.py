"""The plot stage: draw the reports, write the report page and the model card. Needs no model and no torch."""

import base64
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from matplotlib.figure import Figure

from relight.plot import figures, task_figures
from relight.plot.canvas import png_bytes, write_png
from relight.plot.content import shared_content
from relight.plot.extra import read_extra
from relight.plot.pages import write_card, write_page
from relight.plot.params import PlotParams
from relight.runtime.files import read_json

Json = dict[str, Any]

TEXT_COLUMNS = {  # names, labels and values stay texts, even if they look like numbers
    "predictions": ("target", "prediction"),
    "classes": ("class",),
    "importance": ("column",),
    "slices": ("column", "value"),
    "residuals_by_feature": ("feature",),
    "queries": ("query",),
}


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
    extra: dict[str, Path],
    plots: Path,
    page: Path,
    card: Path,
) -> None:
    """Write one PNG for each picture that suits the task, the report page, and the model card.

    Args:
        extra: files that stages of the user's own wrote for the end of the page, by their names.
    """
    model_description, table_schema, scores = read_json(description), read_json(schema), read_json(metrics)
    notes, source = read_json(reports / "notes.json")["notes"], all_params["prepare"]["source"]  # type: ignore[index]
    content = shared_content(model_description, table_schema, read_json(split_report), scores, notes, source)
    drawn = _all_figures(model_description, scores, pl.read_csv(curves), reports)
    pictures = {name: png_bytes(figure, params.dpi) for name, figure in drawn.items()}
    plots.mkdir()
    for name, picture in pictures.items():
        write_png(plots / f"{name}.png", picture)
    shown = {name: base64.b64encode(picture).decode() for name, picture in pictures.items()}
    write_page(
        page,
        {
            **content,
            "pictures": [{"name": name, "base64": encoded} for name, encoded in shown.items()],
            "classes": _read_table(reports, "classes").to_dicts(),
            "extra": read_extra(extra),
            "params": yaml.safe_dump(all_params, sort_keys=False, allow_unicode=True, width=100),
        },
    )
    write_card(card, content)


def _read_table(reports: Path, name: str) -> pl.DataFrame:
    texts = dict.fromkeys(TEXT_COLUMNS.get(name, ()), pl.String)
    return pl.read_csv(reports / f"{name}.csv", schema_overrides=texts, infer_schema_length=None)


def _all_figures(description: Json, scores: Json, curves: pl.DataFrame, reports: Path) -> dict[str, Figure]:
    """Return the figures that suit the task, by the names of their files."""
    features, best_epoch = description["features"], description["best_epoch"]
    validation = "test" if features["validates_on_test"] else "validation"
    drawn = {"loss": figures.plot_loss_curves(curves, validation, best_epoch)}
    if "validation_score" in curves.columns and not _is_the_loss(curves):
        monitor = description.get("monitor") or {"name": "score", "better": "lower"}
        score = monitor["name"], monitor["better"]
        drawn["score"] = figures.plot_score_curve(curves, validation, best_epoch, *score)
    if features["task"] == "forecast":
        return {**drawn, **_forecast_figures(reports)}
    columns = _column_figures(reports, scores)
    if features["task"] == "ranking":
        return {**drawn, "ndcg_by_size": task_figures.plot_ndcg_by_size(_read_table(reports, "queries")), **columns}
    if features["classes"] is None:
        return {**_line_figures(reports), **drawn, **_regression_figures(reports), **columns}
    if features.get("pairs"):
        table = pl.read_csv(reports / "distances.csv")
        drawn["distances"] = task_figures.plot_distances(table, description["distance_calibration"]["threshold"])
    return {**drawn, **_class_figures(reports, features["classes"], scores["test"].get("auc")), **columns}


def _is_the_loss(curves: pl.DataFrame) -> bool:
    """Return whether score and loss are equal in every epoch, up to rounding."""
    gap = (curves["validation_score"] - curves["validation_loss"]).abs()
    return bool((gap <= 1e-5 * curves["validation_loss"].abs()).all())


def _line_figures(reports: Path) -> dict[str, Figure]:
    points = _read_table(reports, "line")
    if points.is_empty():
        return {}
    return {f"line_{when}": figures.plot_line(points, when) for when in ("before", "after")}


def _regression_figures(reports: Path) -> dict[str, Figure]:
    return {
        "predicted": figures.plot_predicted_against_true(pl.read_csv(reports / "predictions.csv")),
        "residuals": figures.plot_residuals(_read_table(reports, "residuals")),
    }


def _forecast_figures(reports: Path) -> dict[str, Figure]:
    predictions = pl.read_csv(reports / "predictions.csv", try_parse_dates=True)
    steps, series = pl.read_csv(reports / "steps.csv"), pl.read_csv(reports / "series.csv")
    drawn = {"forecasts": task_figures.plot_forecasts(predictions)}
    if steps["ahead"].n_unique() > 1:
        drawn["error_by_step"] = task_figures.plot_error_by_step(steps)
    if series.height > 1:
        drawn["error_by_series"] = task_figures.plot_error_by_series(series)
    return drawn


def _class_figures(reports: Path, classes: list[str], auc: float | None) -> dict[str, Figure]:
    drawn = {"confusion": figures.plot_confusion_matrix(_read_table(reports, "predictions"), classes)}
    roc, calibration = _read_table(reports, "roc"), _read_table(reports, "calibration")
    if not roc.is_empty():
        drawn["roc"] = figures.plot_roc_curve(roc, auc, averaged=len(classes) > 2)
    if not calibration.is_empty():
        drawn["calibration"] = figures.plot_reliability(calibration)
    return drawn


def _column_figures(reports: Path, scores: Json) -> dict[str, Figure]:
    """Return the figures of columns and their values; none for an empty table."""
    drawn = {}
    importance, by_feature = _read_table(reports, "importance"), _read_table(reports, "residuals_by_feature")
    if not importance.is_empty():
        drawn["importance"] = figures.plot_importance(importance)
    if not by_feature.is_empty():
        drawn["residuals_by_feature"] = figures.plot_residuals_by_feature(by_feature)
    for number, table in enumerate(_slice_tables(_read_table(reports, "slices")), start=1):
        whole = scores["test"][table["score"][0]]
        drawn[f"slices_{number}"] = figures.plot_slices(table, whole)
    return drawn


def _slice_tables(table: pl.DataFrame) -> list[pl.DataFrame]:
    """Return one table per column, of the task's primary metric: the first score of each value."""
    return table.filter(pl.col("score") == pl.col("score").first()).partition_by("column", maintain_order=True)
