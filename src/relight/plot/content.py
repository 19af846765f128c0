"""Text content of page and card.

What the page and the card say of the columns of pairs.

What the page and the card say of the columns of series.

What the report page and the model card say, from the facts that the stages wrote.
"""

from typing import Any

from relight.data.schema import Frequency
from relight.plot.score_tables import reference_table, score_table, seeds_table, threshold_table
from relight.runtime.messages import pluralize

Json = dict[str, Any]
PART_NAMES = ("train", "validation", "test")


def describe_pair_columns(features: Json, schema: Json) -> list[Json]:
    """A line for what stands on both sides, then one for each column that is not seen."""
    pairs, ignored = schema["pairs"], [column["name"] for column in schema["columns"] if column["kind"] == "ignored"]
    shared = [
        {
            "name": f"{pairs['left']}{column['name']}, {pairs['right']}{column['name']}",
            "kind": "text" if column["is_text"] and column["kind"] == "categorical" else column["kind"],
            "says": _describe_pair_column(column, features),
        }
        for column in pairs["columns"]
    ]
    return [*shared, *({"name": name, "kind": "ignored", "says": "not seen by the model"} for name in ignored)]


def _describe_pair_column(column: Json, features: Json) -> str:
    """What both sides of the train rows say, in a few words."""
    texts = [_number_text(number) for number in features["numeric"] if number["column"] == column["name"]][:1]
    texts += [
        _levels_text(feature["levels"]) for feature in features["categorical"] if feature["name"] == column["name"]
    ]
    return ", and ".join([*texts, *(["compared by its letters"] if column["is_text"] else [])])


def _number_text(number: Json) -> str:
    gaps = f", {number['gaps']} gaps" if number["gaps"] else ""
    if number["date_part"] is not None:
        return f"as numbers of a date{gaps}"
    return f"mean {number['mean']:.4g}, std {number['std']:.4g}{gaps}"


def _levels_text(levels: list[str]) -> str:
    return f"{len(levels)} levels: {', '.join(levels[:6])}{', ...' if len(levels) > 6 else ''}"


def describe_series_columns(features: Json, schema: Json) -> list[Json]:
    """A line for the time, the series where there are several, and the target; then one for each other column."""
    series = features["series"]
    settings, step = series["series_schema"], Frequency.model_validate(series["series_schema"]["frequency"])
    kind = "numeric" if step.unit == "number" else "datetime"
    names = [{"name": settings["series"], "kind": "ignored", "says": "names the series"}] if settings["series"] else []
    return [
        {"name": settings["time"], "kind": kind, "says": f"orders the steps, {step} apart"},
        *names,
        {"name": features["target"], "kind": "numeric", "says": f"is foretold; mean {series['mean']:.4g}"},
        *(_describe_covariate(column, series["covariates"]) for column in schema["columns"]),
    ]


def _describe_covariate(column: Json, covariates: list[Json]) -> Json:
    seen = [one for one in covariates if one.get("column", one["name"]) == column["name"]]
    if not seen:
        return {**column, "says": "not seen by the model"}
    when = "known ahead" if seen[0]["known"] else "seen in the past"
    return {**column, "says": f"{_describe_series_column(seen)}; {when}"}


def _describe_series_column(seen: list[Json]) -> str:
    """What the train rows say, in a few words."""
    if "level" in seen[0]:
        listed = ", ".join(one["level"] for one in seen[:6])
        return f"{pluralize(len(seen), 'level')}: {listed}{', ...' if len(seen) > 6 else ''}"
    number = seen[0]
    if number["std"] == 0:
        return "one value, or none"
    return f"mean {number['mean']:.4g}, std {number['std']:.4g}"


def shared_content(description: Json, schema: Json, parts: Json, scores: Json, notes: list[str], source: str) -> Json:
    """What both say.

    Args:
        known, found, parts, scores: model.json, schema.json, the split's report.json, metrics.json.
        notes: of evaluate.
    """
    features = description["features"]
    return {
        "target": features["target"],
        "model": description["model"]["name"],
        "task": features["task"],
        "rows": schema["rows"],
        "source": source,
        "parts": ", ".join(f"{parts['rows'][part]} {part}" for part in PART_NAMES if parts["rows"][part]),
        "training": f"{description['epochs']} epochs, the weights of epoch {description['best_epoch']} kept.",
        "choices": _automatic_choices(description, schema),
        "scores": score_table(scores),
        "references": reference_table(scores, description["model"]["name"]),
        "baseline": _baseline(features["task"]),
        "parameters": scores.get("parameters", {}),
        "threshold": threshold_table(scores),
        "seeds": seeds_table(scores),
        "notes": [*schema["notes"], *parts["notes"], *notes],
        "columns": _column_rows(features, schema),
        "versions": description["versions"],
    }


def _automatic_choices(description: Json, schema: Json) -> list[tuple[str, str]]:
    """What was chosen for the person, and what the model does not see."""
    features, choice = description["features"], description["model_choice"].removesuffix(".")
    roles = _roles(schema)
    ignored = [
        column["name"]
        for column in schema["columns"]
        if column["kind"] == "ignored" and column["name"] not in {*roles, schema.get("query")}
    ]
    constant = [f["name"] for f in features["numeric"] if f["low"] == f["high"]]
    scales = {
        "none": "as it is",
        "standardize": "standardized while it is learned",
        "log": "its logarithm is learned",
    }
    choices = {
        "model": f"{description['model']['name']} ({choice})" if choice else description["model"]["name"],
        "loss": description["loss"],
        "target": scales[description["target_scale"]] if features["task"] == "regression" else "",
        "query": features.get("query", ""),
        "numbers": description["model"]["numeric"],
        "windows": _windows_text(features.get("series")),
        "batch size": str(description["batch_size"]),
        "seeds": f"{description['seeds']} models, their answers averaged" if description["seeds"] > 1 else "",
        "sequences": ", ".join(f"{name} {role}" for name, role in roles.items()),
        "threshold": f"distance {description['distance_calibration']['threshold']:.4g}"
        if description.get("distance_calibration")
        else "",
        "ignored": ", ".join(ignored),
        "dropped": f"{', '.join(constant)}: the same value in every train row" if constant else "",
    }
    return [(name, text) for name, text in choices.items() if text]


def _column_rows(features: Json, schema: Json) -> list[Json]:
    if schema.get("pairs"):
        return describe_pair_columns(features, schema)
    if schema.get("series"):
        return describe_series_columns(features, schema)
    used: dict[str, list[Json]] = {}
    for feature in features["numeric"]:
        used.setdefault(feature["column"], []).append(feature)
    for feature in features["categorical"]:
        used.setdefault(feature["name"], []).append(feature)
    return [
        {
            "name": column["name"],
            "kind": column["kind"],
            "says": _role(column["name"], schema) or _describe_column(used.get(column["name"], [])),
        }
        for column in schema["columns"]
    ]


def _windows_text(series: Json | None) -> str:
    """What a forecast sees, and what it says."""
    if series is None:
        return ""
    schema = series["series_schema"]
    waves = ", ".join(cycle["name"] for cycle in series["cycles"])
    return f"{schema['length']} steps of the past, {schema['horizon']} ahead" + (
        f"; {waves} by the calendar" * bool(waves)
    )


def _role(name: str, schema: Json) -> str:
    """What a column is for, where it is no feature; empty for the others."""
    return "names the query" if name == schema.get("query") else _roles(schema).get(name, "")


def _roles(schema: Json) -> dict[str, str]:
    """What columns are for, where rows make sequences."""
    roles = {"id": "names the sequence", "time": "orders its steps", "symbols": "holds a step in each character"}
    return {name: roles[key] for key, name in schema.get("sequence", {}).items() if key in roles}


def _describe_column(seen: list[Json]) -> str:
    """What the train rows say of a column, in a few words."""
    if not seen:
        return "not seen by the model"
    feature = seen[0]
    if "levels" in feature:
        listed = ", ".join(feature["levels"][:6])
        return f"{len(feature['levels'])} levels: {listed}{', ...' if len(feature['levels']) > 6 else ''}"
    if feature["kind"] == "datetime":
        gaps = f", {feature['gaps']} gaps" if feature["gaps"] else ""
        return f"as {', '.join(each['date_part'] for each in seen)}{gaps}"
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
