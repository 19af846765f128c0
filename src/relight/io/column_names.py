"""What names of columns must be: there, and each its own."""

from collections import Counter


def name_problems(names: list[str]) -> list[str]:
    """Columns without a name, and names of more than one column."""
    nameless = [f"column {place} has no name" for place, name in enumerate(names, 1) if not name]
    counts = Counter(name for name in names if name)
    return [*nameless, *(f"column '{name}' is there {n} times; rename one" for name, n in counts.items() if n > 1)]
