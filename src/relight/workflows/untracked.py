"""untracked: what the pipeline reads here, and a queued or temporary experiment would not find in its own copy."""

from collections import Counter
from pathlib import Path, PurePath
from shlex import quote

from relight.errors import RelightError
from relight.io.runner.declaration import SOURCE
from relight.io.tracking import Untracked, untracked_among
from relight.io.yaml12 import read_yaml

CODE = ("src/relight", "stages")  # the check beside the stages runs code that no stage declares


def untracked_notes(params: Path, pipeline: Path = Path("dvc.yaml")) -> str:
    """A line for each file or folder that neither Git nor DVC tracks.

    Empty where there can be no experiments: outside a Git repository, or without a pipeline.
    """
    try:
        read = {str(params), str(pipeline), *_from_outside(params, pipeline), *_code()}
        found = untracked_among(read)
    except RelightError:
        return ""
    places = Counter(Untracked(_as_read(file.path, read), file.is_ignored) for file in found)
    return "".join(_note(place, n_files) for place, n_files in places.items())


def _from_outside(params: Path, pipeline: Path) -> list[str]:
    """What the stages read and none of them writes: the source, and the code that dvc.yaml declares."""
    stages = read_yaml(pipeline).value.get("stages", {}).values()
    outs = [out for stage in stages for key in ("outs", "metrics") for out in stage.get(key, [])]
    written = {out if isinstance(out, str) else next(iter(out)) for out in outs}
    source = str(read_yaml(params).value["prepare"]["source"])
    deps = {dep: None for stage in stages for dep in stage.get("deps", [])}
    return [source if dep == SOURCE else dep for dep in deps if dep not in written]


def _code() -> list[str]:
    return [path.as_posix() for folder in CODE for path in Path(folder).rglob("*.py")]


def _as_read(path: str, read: set[str]) -> str:
    """A folder is read, and added, as a whole."""
    return next((str(place) for place in PurePath(path).parents if str(place) in read), path)


def _note(file: Untracked, n_files: int) -> str:
    path = quote(file.path)
    which = f" ({n_files} of its files)" if Path(file.path).is_dir() else ""
    or_dvc = "" if file.path.endswith((".py", ".yaml", ".dvc")) else f", or `dvc add {path}` for a large table"
    return (
        f"note: {file.path}{which}: neither Git nor DVC tracks it, so that a queued or --temp experiment, or a clone, "
        f"would lack it; `git add {'--force ' if file.is_ignored else ''}{path}`{or_dvc}\n"
    )
