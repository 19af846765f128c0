"""Nested params: flattened to dotted keys, and compared."""

import copy
import re
from collections.abc import Mapping
from typing import Any

ABSENT_VALUE = "–"
DECIMAL_NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?")
RunIdentity = dict[str, Any]  # nested mappings of names to JSON values


def flatten(params: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return every value by its dotted key; an empty mapping is a value."""
    values: dict[str, Any] = {}
    for name, value in params.items():
        key = f"{above}{name}"
        values |= flatten(value, f"{key}.") if isinstance(value, dict) and value else {key: value}
    return values


def value_at(params: Any, dotted: str) -> Any:
    """Return the value of a dotted key; None if there is none."""
    for key in dotted.split("."):
        params = params.get(key) if isinstance(params, dict) else None
    return params


def with_values(params: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the params with other values at some dotted keys."""
    changed = copy.deepcopy(params)
    for dotted, value in values.items():
        *above, last = dotted.split(".")
        at = changed
        for key in above:
            at[key] = at[key] if isinstance(at.get(key), dict) else {}
            at = at[key]
        at[last] = value
    return changed


def flatten_to_text(params: dict[str, Any]) -> dict[str, str]:
    """Return every value by its dotted key, equal values as equal texts: `1e-3` and `0.001` are `0.001`."""
    return {key: _value_text(value) for key, value in flatten(params).items()}


def _value_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"[{', '.join(_value_text(each) for each in value)}]"
    text = "{}" if value == {} else str(value)
    return f"{float(text):.12g}" if DECIMAL_NUMBER.fullmatch(text) else {"~": "null", "": "null"}.get(text, text)


def varying_keys(runs: list[dict[str, str]]) -> list[str]:
    """Return the keys whose values are not the same in all flattened runs, in order of first appearance."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return [key for key in keys if len({run.get(key) for run in runs}) > 1]


def changed_values(baseline: dict[str, str], candidate: dict[str, str]) -> list[tuple[str, str]]:
    """Return each key whose value differs, with that of the candidate, `–` if it has none."""
    return [(key, candidate.get(key, ABSENT_VALUE)) for key in varying_keys([baseline, candidate])]


def differing_keys(old: dict[str, Any], new: dict[str, Any], above: str = "") -> list[str]:
    """Return the dotted keys at which two nested mappings differ, sorted; a missing key is None."""
    keys: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            keys += differing_keys(before, after, f"{above}{name}.")
        elif before != after:
            keys.append(f"{above}{name}")
    return keys


def are_same_params(one: Any, other: Any) -> bool:
    """Return whether two values mean the same, as texts from YAML files: `1e-3` is `0.001`, an empty text is null."""
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
