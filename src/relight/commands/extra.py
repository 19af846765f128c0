"""The files that stages of the user's own write for the report page, and that the plot stage does not read."""

import posixpath
from pathlib import Path
from typing import Any

from relight.errors import InputError
from relight.runtime.pipeline import OUT_KEYS, PIPELINE_PATH, named_paths, read_stages

FOLDER, PLOT = "reports/extra", "plot"


def extra_notes(pipeline: Path = PIPELINE_PATH) -> str:
    """Return a line for each stage that writes to reports/extra what report.html will not show."""
    try:
        stages = read_stages(pipeline)
    except InputError:  # `dvc repro` says it
        return ""
    shown = [path for path in _paths(stages.get(PLOT, {}), "deps") if _is_below(path, FOLDER)]
    return "".join(
        f"note: {pipeline}: stage {name} writes {path}, and report.html does not show it; add the line "
        f"`- {FOLDER}` to the deps of stage {PLOT}\n"
        for name, entry in stages.items()
        for path in _paths(entry, *OUT_KEYS)
        if PLOT in stages and _is_below(path, FOLDER) and not _is_covered(path, shown)
    )


def _paths(entry: dict[str, Any], *keys: str) -> list[str]:
    folder = str(entry.get("wdir", "."))
    return [posixpath.normpath(posixpath.join(folder, path)) for path in named_paths(entry, *keys)]


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _is_covered(path: str, shown: list[str]) -> bool:
    """Return whether the plot stage reads the path, a folder above it, or a part of it, which was chosen."""
    return any(_is_below(path, each) or _is_below(each, path) for each in shown)
