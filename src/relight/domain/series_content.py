"""What the page and the card say of the columns of series."""

from typing import Any

from relight.domain.counted import counted
from relight.domain.frequency import Frequency

Json = dict[str, Any]


def series_columns(features: Json, found: Json) -> list[Json]:
    """A line for the time, the series where there are several, and the target; then one for each other column."""
    series = features["series"]
    known, step = series["known"], Frequency.model_validate(series["known"]["frequency"])
    kind = "numeric" if step.unit == "number" else "datetime"
    names = [{"name": known["series"], "kind": "ignored", "says": "names the series"}] if known["series"] else []
    return [
        {"name": known["time"], "kind": kind, "says": f"orders the steps, {step} apart"},
        *names,
        {"name": features["target"], "kind": "numeric", "says": f"is foretold; mean {series['mean']:.4g}"},
        *(_covariate(column, series["covariates"]) for column in found["columns"]),
    ]


def _covariate(column: Json, covariates: list[Json]) -> Json:
    seen = [one for one in covariates if one.get("column", one["name"]) == column["name"]]
    if not seen:
        return {**column, "says": "not seen by the model"}
    when = "known ahead" if seen[0]["known"] else "seen in the past"
    return {**column, "says": f"{_says(seen)}; {when}"}


def _says(seen: list[Json]) -> str:
    """What the train rows say, in a few words."""
    if "level" in seen[0]:
        listed = ", ".join(one["level"] for one in seen[:6])
        return f"{counted(len(seen), 'level')}: {listed}{', ...' if len(seen) > 6 else ''}"
    number = seen[0]
    if number["std"] == 0:
        return "one value, or none"
    return f"mean {number['mean']:.4g}, std {number['std']:.4g}"
