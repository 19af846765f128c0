"""Which params differ between runs, by their dotted keys."""

import re
from typing import Any

ABSENT_VALUE = "–"
DECIMAL_NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?")
RunIdentity = dict[str, Any]  # nested mappings of names to what stands in JSON


def flatten(params: dict[str, Any], above: str = "") -> dict[str, str]:
    """Every value as a text, by its dotted key; an empty mapping is a value."""
    values: dict[str, str] = {}
    for name, value in params.items():
        key = f"{above}.{name}" if above else str(name)
        values |= flatten(value, key) if isinstance(value, dict) and value else {key: _value_text(value)}
    return values


def varying_keys(runs: list[dict[str, str]]) -> list[str]:
    """The keys that do not have the same value in all, in the order in which they first stand."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return [key for key in keys if len({run.get(key) for run in runs}) > 1]


def changed_values(baseline: dict[str, str], candidate: dict[str, str]) -> list[tuple[str, str]]:
    """What other sets otherwise than first: key and value, `–` where it has none."""
    return [(key, candidate.get(key, ABSENT_VALUE)) for key in varying_keys([baseline, candidate])]


def _value_text(value: Any) -> str:
    """A number in one way, however it is written: `1e-3` and `0.001` are no difference."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"[{', '.join(_value_text(each) for each in value)}]"
    text = "{}" if value == {} else str(value)
    return f"{float(text):.12g}" if DECIMAL_NUMBER.fullmatch(text) else {"~": "null", "": "null"}.get(text, text)


def are_same_params(one: Any, other: Any) -> bool:
    """Whether two values mean the same, as texts from YAML files: `1e-3` is `0.001`, and nothing is null."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(are_same_params(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(are_same_params(*pair) for pair in zip(one, other, strict=True))
    return isinstance(one, str) and isinstance(other, str) and _scalar_value(one) == _scalar_value(other)


def _scalar_value(text: str) -> str | float | None:
    if text in ("", "~", "null"):
        return None
    try:
        return float(text)
    except ValueError:
        return text.lower() if text.lower() in ("true", "false") else text


def differing_keys(old: object, new: object, prefix: str = "") -> list[str]:
    """The dotted names at which two nested mappings differ."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [] if old == new else [prefix]
    names = sorted({*old, *new})
    return [
        dotted
        for name in names
        for dotted in differing_keys(old.get(name), new.get(name), f"{prefix}.{name}" if prefix else name)
    ]


def differing_names(old: RunIdentity, new: RunIdentity, prefix: str = "") -> list[str]:
    """The names whose values differ, as train.optimizer.learning_rate."""
    names: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            names += differing_names(before, after, f"{prefix}{name}.")
        elif before != after:
            names.append(f"{prefix}{name}")
    return names
