"""The content of the report page and the model card, taken from the facts that the stages wrote.

`features` is model.json's part of that name, `schema` is data/prepared/schema.json, both as read from JSON.
"""

from typing import Any

from relight.data.pair_names import side_column
from relight.data.schema import GAP_LEVEL, Frequency
from relight.plot.score_tables import (
    direction_text,
    positive_text,
    reference_table,
    score_table,
    seeds_table,
    threshold_table,
)
from relight.runtime.messages import pluralize, shorten_notes

Json = dict[str, Any]
PART_NAMES = ("train", "validation", "test")
TARGET_TEXTS = {
    "none": "as it is",
    "standardize": "standardized while it is learned",
    "log": "its logarithm is learned",
    "log_rate": "the logarithm of its rate is learned",
}
MAX_LEVELS = 6  # named of a column


def shared_content(description: Json, schema: Json, parts: Json, scores: Json, notes: list[str], source: str) -> Json:
    """Return what both the page and the card say.

    Args:
        description, schema, parts, scores: model.json, schema.json, the split's report.json, metrics.json.
        notes: of evaluate.
        source: `prepare.source`.
    """
    features, monitor = description["features"], description.get("monitor") or {}
    return {
        "target": features["target"],
        "model": model_name(description["model"]),
        "task": features["task"],
        "rows": schema["rows"],
        "source": source,
        "parts": ", ".join(f"{parts['rows'][part]} {part}" for part in PART_NAMES if parts["rows"][part]),
        "training": f"{description['epochs']} epochs, the weights of epoch {description['best_epoch']} kept.",
        "choices": _choices(description, schema),
        "scores": score_table(scores),
        "references": reference_table(scores, model_name(description["model"])),
        "baseline": _baseline_text(features["task"]),
        "positive": positive_text(scores),
        "parameters": scores.get("parameters", {}),
        "threshold": threshold_table(scores),
        "seeds": seeds_table(scores),
        "notes": shorten_notes([*schema["notes"], *parts["notes"], *filter(None, [monitor.get("note")]), *notes]),
        "columns": _column_rows(features, schema),
        "versions": description["versions"],
    }


def model_name(model: Json) -> str:
    """Return the name of the network, of one of the user's own as `module:Class`."""
    name = model["name"]
    return str(name["call"]) if isinstance(name, dict) else str(name)


def _choices(description: Json, schema: Json) -> list[tuple[str, str]]:
    """Return name and text of each choice that was made; choices without a text are left out."""
    features, model, seeds = description["features"], description["model"], description["seeds"]
    choice, calibration = description["model_choice"].removesuffix("."), description.get("distance_calibration")
    choices = {
        "model": f"{model_name(model)} ({choice})" if choice else model_name(model),
        "loss": description["loss"],
        "target": TARGET_TEXTS[description["target_scale"]] if features["task"] == "regression" else "",
        "query": features.get("query", ""),
        "numbers": model["numeric"],
        "windows": _windows_text(features.get("series")),
        "validation score": _monitor_text(description.get("monitor")),
        "batch size": str(description["batch_size"]),
        "seeds": f"{seeds} models, their predictions averaged" if seeds > 1 else "",
        "sequences": ", ".join(f"{name} {role}" for name, role in _sequence_roles(schema).items()),
        "threshold": f"distance {calibration['threshold']:.4g}" if calibration else "",
        **_unused_columns(features, schema),
    }
    return [(name, text) for name, text in choices.items() if text]


def _monitor_text(monitor: Json | None) -> str:
    """Return the score of the validation rows and which way it is better; "" for the usual one."""
    if not monitor:
        return ""
    return f"{monitor['name']} ({direction_text(monitor['better'])})"


def _unused_columns(features: Json, schema: Json) -> dict[str, str]:
    """Return the columns that the model does not see: ignored ones, and those dropped for being constant."""
    roles = {**_query_role(schema), **_sequence_roles(schema)}
    ignored = [c["name"] for c in schema["columns"] if c["kind"] == "ignored" and c["name"] not in roles]
    constant = [feature["name"] for feature in features["numeric"] if feature["low"] == feature["high"]]
    dropped = f"{', '.join(constant)}: the same value in every train row" if constant else ""
    return {"ignored": ", ".join(ignored), "dropped": dropped}


def _baseline_text(task: str) -> str:
    baselines = {
        "forecast": "the last value, predicted for every step ahead",
        "ranking": "what a random order scores on average",
        "regression": "the mean of the train rows, predicted for every row",
    }
    baseline = baselines.get(task, "the class shares of the train rows, predicted for every row")
    return f"Baseline: {baseline}. A model that is not better has learned nothing."


def _column_rows(features: Json, schema: Json) -> list[Json]:
    """Return name, kind and description of each column."""
    if schema.get("pairs"):
        return describe_pair_columns(features, schema)
    if schema.get("series"):
        return describe_series_columns(features, schema)
    return _describe_table_columns(features, schema)


# Tables and sequences


def _describe_table_columns(features: Json, schema: Json) -> list[Json]:
    inputs: dict[str, list[Json]] = {}
    for feature in features["numeric"]:
        inputs.setdefault(feature["column"], []).append(feature)
    for feature in features["categorical"]:
        inputs.setdefault(feature["name"], []).append(feature)
    roles = {**_query_role(schema), **_sequence_roles(schema)}
    return [
        {
            "name": column["name"],
            "kind": column["kind"],
            "says": roles.get(column["name"]) or _describe_column(inputs.get(column["name"], [])),
        }
        for column in schema["columns"]
    ]


def _query_role(schema: Json) -> dict[str, str]:
    return {schema["query"]: "names the query"} if schema.get("query") else {}


def _sequence_roles(schema: Json) -> dict[str, str]:
    """Return the role of each column that arranges rows into sequences; empty for other tables."""
    roles = {"id": "names the sequence", "time": "orders its steps", "symbols": "holds a step in each character"}
    return {name: roles[key] for key, name in schema.get("sequence", {}).items() if key in roles}


def _describe_column(inputs: list[Json]) -> str:
    """Return the train statistics of a column in a few words.

    Args:
        inputs: the column's entries in features.json; several for the numbers of a date, none if it is not used.
    """
    if not inputs:
        return "not seen by the model"
    feature = inputs[0]
    if "levels" in feature:
        return _levels_text(feature["levels"])
    if feature["kind"] == "datetime":
        return f"as {', '.join(each['date_part'] for each in inputs)}{_gaps_text(feature)}"
    if feature["std"] == 0:
        return "the same value in every row" if feature["gaps"] == 0 else "one value, or none"
    return _number_text(feature)


def _number_text(number: Json) -> str:
    """Return mean and standard deviation; of a large number with all digits, because the first ones are all alike."""
    offset = number.get("offset", 0)
    mean = f"{number['mean'] + offset:.12g}" if offset else f"{number['mean']:.4g}"
    return f"mean {mean}, std {number['std']:.4g}{_gaps_text(number)}"


def _gaps_text(number: Json) -> str:
    return f", {pluralize(number['gaps'], 'gap')}" if number["gaps"] else ""


def _levels_text(levels: list[str]) -> str:
    names = [level for level in levels if level != GAP_LEVEL]
    more = ", ..." if len(names) > MAX_LEVELS else ""
    gaps = ", and gaps" if len(names) < len(levels) else ""
    return f"{pluralize(len(names), 'level')}: {', '.join(names[:MAX_LEVELS])}{more}{gaps}"


# Series


def describe_series_columns(features: Json, schema: Json) -> list[Json]:
    """Return a row for the time, for the series if there are several, and for the target; then one per other column."""
    series = features["series"]
    settings, step = series["series_schema"], Frequency.model_validate(series["series_schema"]["frequency"])
    kind = "numeric" if step.unit == "number" else "datetime"
    names = [{"name": settings["series"], "kind": "ignored", "says": "names the series"}] if settings["series"] else []
    return [
        {"name": settings["time"], "kind": kind, "says": f"orders the steps, {step} apart"},
        *names,
        {"name": features["target"], "kind": "numeric", "says": f"is predicted; mean {series['mean']:.4g}"},
        *(_describe_covariate(column, series["covariates"]) for column in schema["columns"]),
    ]


def _describe_covariate(column: Json, covariates: list[Json]) -> Json:
    inputs = [covariate for covariate in covariates if covariate.get("column", covariate["name"]) == column["name"]]
    if not inputs:
        return {**column, "says": "not seen by the model"}
    when = "known ahead" if inputs[0]["known"] else "seen in the past"
    return {**column, "says": f"{_describe_series_column(inputs)}; {when}"}


def _describe_series_column(inputs: list[Json]) -> str:
    """Return the train statistics of a covariate in a few words.

    Args:
        inputs: one covariate, or one for each level of a category.
    """
    if "level" in inputs[0]:
        return _levels_text([covariate["level"] for covariate in inputs])
    number = inputs[0]
    return "one value, or none" if number["std"] == 0 else f"mean {number['mean']:.4g}, std {number['std']:.4g}"


def _windows_text(series: Json | None) -> str:
    """Return how many steps a forecast sees and predicts, and its calendar cycles; empty for other tasks."""
    if series is None:
        return ""
    schema, cycles = series["series_schema"], ", ".join(cycle["name"] for cycle in series["cycles"])
    calendar = f"; {cycles} by the calendar" if cycles else ""
    return f"{schema['length']} steps of the past, {schema['horizon']} ahead{calendar}"


# Pairs


def describe_pair_columns(features: Json, schema: Json) -> list[Json]:
    """Return a row for each column of both sides, then one for each column that the model does not see."""
    pairs, ignored = schema["pairs"], [column["name"] for column in schema["columns"] if column["kind"] == "ignored"]
    shared = [
        {
            "name": ", ".join(side_column(pairs[side], column["name"]) for side in ("left", "right")),
            "kind": "text" if column["is_text"] and column["kind"] == "categorical" else column["kind"],
            "says": _describe_pair_column(column, features),
        }
        for column in pairs["columns"]
    ]
    return [*shared, *({"name": name, "kind": "ignored", "says": "not seen by the model"} for name in ignored)]


def _describe_pair_column(column: Json, features: Json) -> str:
    """Return the statistics of both sides in the train rows in a few words."""
    numbers = [number for number in features["numeric"] if number["column"] == column["name"]]
    levels = [feature["levels"] for feature in features["categorical"] if feature["name"] == column["name"]]
    texts = [_pair_number_text(number) for number in numbers[:1]] + [_levels_text(each) for each in levels]
    return ", and ".join([*texts, *(["compared by its letters"] if column["is_text"] else [])])


def _pair_number_text(number: Json) -> str:
    return _number_text(number) if number["date_part"] is None else f"as numbers of a date{_gaps_text(number)}"
