"""What the report page and the model card say, from the facts that the stages wrote."""

from typing import Any

from relight.domain.pair_content import pair_columns
from relight.domain.score_table import reference_table, score_table, seeds_table, threshold_table
from relight.domain.series_content import series_columns

Json = dict[str, Any]
PARTS = ("train", "validation", "test")


def common_content(known: Json, found: Json, parts: Json, scores: Json, notes: list[str], source: str) -> Json:
    """What both say.

    Args:
        known, found, parts, scores: model.json, schema.json, the split's report.json, metrics.json.
        notes: of evaluate.
    """
    features = known["features"]
    return {
        "target": features["target"],
        "model": known["model"]["name"],
        "task": features["task"],
        "rows": found["rows"],
        "source": source,
        "parts": ", ".join(f"{parts['rows'][part]} {part}" for part in PARTS if parts["rows"][part]),
        "training": f"{known['epochs']} epochs, the weights of epoch {known['best_epoch']} kept.",
        "choices": _choices(known, found),
        "scores": score_table(scores),
        "references": reference_table(scores, known["model"]["name"]),
        "baseline": _baseline(features["task"]),
        "parameters": scores.get("parameters", {}),
        "threshold": threshold_table(scores),
        "seeds": seeds_table(scores),
        "notes": [*found["notes"], *parts["notes"], *notes],
        "columns": _columns(features, found),
        "versions": known["versions"],
    }


def _choices(known: Json, found: Json) -> list[tuple[str, str]]:
    """What was chosen for the person, and what the model does not see."""
    features, choice = known["features"], known["model_choice"].removesuffix(".")
    roles = _roles(found)
    ignored = [
        column["name"]
        for column in found["columns"]
        if column["kind"] == "ignored" and column["name"] not in {*roles, found.get("query")}
    ]
    constant = [f["name"] for f in features["numeric"] if f["low"] == f["high"]]
    scales = {
        "none": "as it is",
        "standardize": "standardized while it is learned",
        "log": "its logarithm is learned",
    }
    said = {
        "model": f"{known['model']['name']} ({choice})" if choice else known["model"]["name"],
        "loss": known["loss"],
        "target": scales[known["target_scale"]] if features["task"] == "regression" else "",
        "query": features.get("query", ""),
        "numbers": known["model"]["numeric"],
        "windows": _windows(features.get("series")),
        "batch size": str(known["batch_size"]),
        "seeds": f"{known['seeds']} models, their answers averaged" if known["seeds"] > 1 else "",
        "sequences": ", ".join(f"{name} {role}" for name, role in roles.items()),
        "threshold": f"distance {known['similarity']['threshold']:.4g}" if known.get("similarity") else "",
        "ignored": ", ".join(ignored),
        "dropped": f"{', '.join(constant)}: the same value in every train row" if constant else "",
    }
    return [(name, text) for name, text in said.items() if text]


def _columns(features: Json, found: Json) -> list[Json]:
    if found.get("pairs"):
        return pair_columns(features, found)
    if found.get("series"):
        return series_columns(features, found)
    used: dict[str, list[Json]] = {}
    for feature in features["numeric"]:
        used.setdefault(feature["column"], []).append(feature)
    for feature in features["categorical"]:
        used.setdefault(feature["name"], []).append(feature)
    return [
        {
            "name": column["name"],
            "kind": column["kind"],
            "says": _role(column["name"], found) or _says(used.get(column["name"], [])),
        }
        for column in found["columns"]
    ]


def _windows(series: Json | None) -> str:
    """What a forecast sees, and what it says."""
    if series is None:
        return ""
    known = series["known"]
    waves = ", ".join(cycle["name"] for cycle in series["cycles"])
    return f"{known['length']} steps of the past, {known['horizon']} ahead" + (
        f"; {waves} by the calendar" * bool(waves)
    )


def _role(name: str, found: Json) -> str:
    """What a column is for, where it is no feature; empty for the others."""
    return "names the query" if name == found.get("query") else _roles(found).get(name, "")


def _roles(found: Json) -> dict[str, str]:
    """What columns are for, where rows make sequences."""
    roles = {"id": "names the sequence", "time": "orders its steps", "symbols": "holds a step in each character"}
    return {name: roles[key] for key, name in found.get("sequence", {}).items() if key in roles}


def _says(seen: list[Json]) -> str:
    """What the train rows say of a column, in a few words."""
    if not seen:
        return "not seen by the model"
    feature = seen[0]
    if "levels" in feature:
        listed = ", ".join(feature["levels"][:6])
        return f"{len(feature['levels'])} levels: {listed}{', ...' if len(feature['levels']) > 6 else ''}"
    if feature["kind"] == "datetime":
        gaps = f", {feature['gaps']} gaps" if feature["gaps"] else ""
        return f"as {', '.join(each['moment'] for each in seen)}{gaps}"
    if feature["std"] == 0:
        return "the same value in every row" if feature["gaps"] == 0 else "one value, or none"
    gaps = f", {feature['gaps']} gaps" if feature["gaps"] else ""
    return f"mean {feature['mean']:.4g}, std {feature['std']:.4g}{gaps}"


def _baseline(task: str) -> str:
    if task == "forecast":
        return "Baseline: the last value, said for every step ahead. A model that is not better has learned nothing."
    if task == "ranking":
        return "Baseline: what a random order scores on average. A model that is not better has learned nothing."
    what = "the mean of the train rows" if task == "regression" else "the class shares of the train rows"
    return f"Baseline: {what}, said for every row. A model that is not better has learned nothing."
