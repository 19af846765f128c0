"""What the page and the card say of the columns of pairs."""

from typing import Any

Json = dict[str, Any]


def pair_columns(features: Json, found: Json) -> list[Json]:
    """A line for what stands on both sides, then one for each column that is not seen."""
    pairs, ignored = found["pairs"], [column["name"] for column in found["columns"] if column["kind"] == "ignored"]
    shared = [
        {
            "name": f"{pairs['left']}{column['name']}, {pairs['right']}{column['name']}",
            "kind": "text" if column["is_text"] and column["kind"] == "categorical" else column["kind"],
            "says": _says(column, features),
        }
        for column in pairs["columns"]
    ]
    return [*shared, *({"name": name, "kind": "ignored", "says": "not seen by the model"} for name in ignored)]


def _says(column: Json, features: Json) -> str:
    """What both sides of the train rows say, in a few words."""
    said = [_number(number) for number in features["numeric"] if number["column"] == column["name"]][:1]
    said += [_levels(feature["levels"]) for feature in features["categorical"] if feature["name"] == column["name"]]
    return ", and ".join([*said, *(["compared by its letters"] if column["is_text"] else [])])


def _number(number: Json) -> str:
    gaps = f", {number['gaps']} gaps" if number["gaps"] else ""
    if number["moment"] is not None:
        return f"as numbers of a date{gaps}"
    return f"mean {number['mean']:.4g}, std {number['std']:.4g}{gaps}"


def _levels(levels: list[str]) -> str:
    return f"{len(levels)} levels: {', '.join(levels[:6])}{', ...' if len(levels) > 6 else ''}"
