"""The code that a stage runs: the files its imports lead to, found by only reading the code."""

import ast
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TEMPLATES = {
    "src/relight/plot/pages.py": ["src/relight/plot/report.html.jinja", "src/relight/plot/card.md.jinja"],
}


def import_closure(stage: str) -> list[str]:
    """Paths relative to the repository, sorted. Empty `__init__.py` files cannot matter."""
    found: set[str] = set()
    waiting = [f"stages/{stage}.py", "stages/__init__.py"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            found.update(TEMPLATES.get(path, []))
            waiting += [file for name in _imports(REPOSITORY / path) for file in _files(name)]
    return sorted(found)


def _imports(path: Path) -> list[str]:
    if path.suffix != ".py":
        return []
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _files(module: str) -> list[str]:
    """The module's own file and the non-empty `__init__.py` of each package above it."""
    parts = module.split(".")
    root = Path("src") if parts[0] == "relight" else Path()
    candidates = [root.joinpath(*parts[: n + 1]) for n in range(len(parts))]
    files = [*(c / "__init__.py" for c in candidates), candidates[-1].with_suffix(".py")]
    return [
        file.as_posix()
        for file in files
        if parts[0] in ("relight", "stages") and (REPOSITORY / file).is_file() and (REPOSITORY / file).stat().st_size
    ]
