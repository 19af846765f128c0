"""The code that a stage runs: the files its imports lead to, found by reading the code alone."""

import ast
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDERS = ("src/relight/io/runner",)  # what changes together for every stage, as one line of dvc.yaml
TEMPLATES = {
    "src/relight/io/page.py": ["src/relight/io/report.html.jinja"],
    "src/relight/io/card.py": ["src/relight/io/card.md.jinja"],
}


def import_closure(stage: str) -> list[str]:
    """Paths relative to the repository, sorted; a folder that is used whole stands for its files.

    Empty `__init__.py` files cannot matter.
    """
    found: set[str] = set()
    waiting = [f"stages/{stage}.py", "stages/__init__.py"]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            found.update(TEMPLATES.get(path, []))
            waiting += [file for name in _imports(REPOSITORY / path) for file in _files(name)]
    for folder in FOLDERS:
        files = {file.as_posix() for file in code_in(folder)}
        if files <= found:
            found = (found - files) | {folder}
    return sorted(found)


def code_in(folder: str) -> list[Path]:
    """The modules of a folder that are not empty, relative to the repository."""
    return [path.relative_to(REPOSITORY) for path in (REPOSITORY / folder).glob("*.py") if path.stat().st_size]


def _imports(path: Path) -> list[str]:
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
