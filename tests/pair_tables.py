"""Small tables of pairs whose answer is known."""

import numpy as np
import polars as pl

NAMES = ("anna", "berta", "clara", "dora", "emma", "frieda", "greta", "hanna", "ida", "johanna", "klara", "lena")
PLACES = ("ulm", "bonn", "kiel", "jena")


def pairs(n_rows: int, seed: int = 0) -> pl.DataFrame:
    """Records of a text, a whole number, a quantity, a category, a flag and a date, with gaps; a pair that is alike
    differs by a slip of the pen, and by a gap."""
    generator = np.random.default_rng(seed)
    people = [_record(generator) for _ in range(n_rows)]
    rows = []
    for place, left in enumerate(people):
        alike = place % 2 == 0
        right = _with_a_slip(left, generator) if alike else people[(place + 7) % n_rows]
        sides = {f"left_{k}": v for k, v in left.items()} | {f"right_{k}": v for k, v in right.items()}
        rows.append({"left_id": place // 2, "right_id": place, **sides, "match": "yes" if alike else "no"})
    return pl.DataFrame(rows, infer_schema_length=None)


def _record(generator: np.random.Generator) -> dict[str, object]:
    first, second = generator.choice(NAMES, 2)
    return {
        "name": f"{first}{second} {generator.integers(100, 999)}",
        "house": int(generator.integers(1, 2000)),
        "height": round(float(generator.normal(170, 10)), 1),
        "place": str(generator.choice(PLACES)),
        "member": bool(generator.random() < 0.5),
        "born": f"19{generator.integers(40, 99)}-0{generator.integers(1, 9)}-1{generator.integers(0, 9)}",
    }


def _with_a_slip(record: dict[str, object], generator: np.random.Generator) -> dict[str, object]:
    name = str(record["name"])
    at = int(generator.integers(1, len(name) - 1))
    changed = {**record, "name": name[:at] + name[at + 1 :]}
    return {**changed, str(generator.choice(["house", "place", "born", "height"])): None}
