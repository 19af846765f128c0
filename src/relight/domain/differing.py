"""Which params differ between runs, by their dotted keys."""

import re
from typing import Any

ABSENT = "–"
FRACTION = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?")


def flat(params: dict[str, Any], above: str = "") -> dict[str, str]:
    """Every value as a text, by its dotted key; an empty mapping is a value."""
    found: dict[str, str] = {}
    for name, value in params.items():
        key = f"{above}.{name}" if above else str(name)
        found |= flat(value, key) if isinstance(value, dict) and value else {key: _text(value)}
    return found


def differing(runs: list[dict[str, str]]) -> list[str]:
    """The keys that do not have the same value in all, in the order in which they first stand."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return [key for key in keys if len({run.get(key) for run in runs}) > 1]


def changes(first: dict[str, str], other: dict[str, str]) -> list[tuple[str, str]]:
    """What other sets otherwise than first: key and value, `–` where it has none."""
    return [(key, other.get(key, ABSENT)) for key in differing([first, other])]


def _text(value: Any) -> str:
    """A number in one way, however it is written: `1e-3` and `0.001` are no difference."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"[{', '.join(_text(each) for each in value)}]"
    text = "{}" if value == {} else str(value)
    return f"{float(text):.12g}" if FRACTION.fullmatch(text) else {"~": "null", "": "null"}.get(text, text)
