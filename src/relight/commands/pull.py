"""`relight pull`: a `dvc pull` that hashes every file, and names the command that fixes a missing or damaged one.

The files are those that dvc.lock names; they go from the remote into the cache and the workspace.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relight.errors import RunError
from relight.repository.dvc import DvcProject, RecordedOutput
from relight.repository.history import resolve_commit
from relight.repository.objects import FOLDER_SUFFIX, HashedCache, ObjectState, file_md5, folder_files
from relight.repository.other_models import assert_model_here
from relight.repository.recorded_paths import assert_output_places


class MissingFile(NamedTuple):
    """A file whose bytes the cache does not hold.

    Attributes:
        output: the path in dvc.lock: the file, or the folder that holds it.
        was_damaged: whether the cache held it with other bytes, which were removed.
        on_remote: its state there.
        remote: its name and address, for a person.
        object_path: where the object should be on the remote.
        in_workspace: whether the workspace holds it intact.
    """

    path: str
    output: str
    was_damaged: bool
    on_remote: ObjectState
    remote: str
    object_path: str
    in_workspace: bool


def describe_missing(file: MissingFile) -> str:
    """Return a line with the state of the file and the next step."""
    removed = "; its damaged object in the cache was removed" if file.was_damaged else ""
    if file.in_workspace:
        return (
            f"{file.path}: is {file.on_remote} on {file.remote}{removed}, and intact in the workspace; "
            f"`dvc commit --force {file.output}` puts it back into the cache"
            f"{_push_hint(file)}"
        )
    match file.on_remote:
        case "damaged":
            return (
                f"{file.path}: is damaged on {file.remote}, at {file.object_path}: not used{removed}; delete it there, "
                f"then `dvc push` in a clone that has it, or `dvc repro` and `dvc push` here, brings it back"
            )
        case "missing":
            return (
                f"{file.path}: is in neither the cache nor {file.remote}{removed}; "
                f"`dvc push` in a clone that has it, or `dvc repro` here, brings it back"
            )
        case "intact":
            return f"{file.path}: is intact on {file.remote} but was not fetched{removed}; run `relight pull` again"


def _push_hint(file: MissingFile) -> str:
    return f"; delete {file.object_path}, then `dvc push`" if file.on_remote == "damaged" else ", then `dvc push`"


def describe_workspace_file(path: str, output: str, state: ObjectState, *, kept_by_git: bool) -> str:
    """Return a line for a file that is not in the workspace as dvc.lock names it."""
    fix = f"git checkout -- {path}" if kept_by_git else f"dvc checkout --force {output}"
    if state == "missing":
        return f"{path}: is not in the workspace; `{fix}` brings it back"
    return f"{path}: holds other bytes in the workspace than dvc.lock names; `{fix}` brings those back"


def describe_never_made(paths: list[str]) -> str:
    """Return a line for outputs that dvc.lock does not name."""
    return f"{', '.join(paths)}: not in dvc.lock, because no run has made them; `dvc repro` does"


class TrackedFile(NamedTuple):
    """A file that dvc.lock names, or a folder itself.

    Attributes:
        output: the path in dvc.lock: the file, or the folder that holds it.
        md5: that of the file, or of the list of the folder's files.
    """

    path: str
    output: str
    md5: str


def pull(name: str | None) -> str:
    """Fetch, check and check out.

    Args:
        name: a commit or an experiment, for which only the cache is filled; None: the dvc.lock of the workspace.

    Returns:
        what was done, for a person.

    Raises:
        RunError: with a line for each file that is missing or damaged, or one sentence on why the remote failed.
        InputError: if nothing has the name, or this folder has nothing to fetch and the model is in another one.
    """
    revision = None if name is None else resolve_commit(name)
    project = DvcProject()
    cache, outs = HashedCache(project.cache()), project.recorded_outputs(revision)
    if not outs:
        assert_model_here()
    damage = _remove_damaged(cache, outs)
    n_before = len(cache.intact)
    _fetch(project, cache, outs, revision, damage)
    problems = [*_uncached_outputs(outs), *_missing_file_lines(project, cache, outs, damage)]
    n_fetched = len(cache.intact) - n_before
    if revision is None:
        problems += _restore_workspace(project, cache, outs, set(damage.values()))
    if problems:
        raise RunError(*problems)
    fixed = [f"fixed: {file.path}: was damaged in the cache, and was fetched again" for file in damage]
    fetched = f"fetched {n_fetched} objects from {project.remote()}" if n_fetched else "nothing had to be fetched"
    return "\n".join([*fixed, fetched, _success_text(_files(cache, outs), name), ""])


def _files(cache: HashedCache, outs: list[RecordedOutput]) -> list[TrackedFile]:
    """Return all files that dvc.lock names; those of a folder only if its list is in the cache."""
    return [file for out in outs if out.is_cached and out.md5 for file in _files_of(cache, out.path, out.md5)]


def _files_of(cache: HashedCache, output: str, md5: str) -> Iterator[TrackedFile]:
    yield TrackedFile(output, output, md5)
    if md5.endswith(FOLDER_SUFFIX) and cache.has_intact(md5):
        for inside, inside_md5 in folder_files(cache.folder, md5).items():
            yield TrackedFile(f"{output}/{inside}", output, inside_md5)


def _remove_damaged(cache: HashedCache, outs: list[RecordedOutput]) -> dict[TrackedFile, str]:
    """Remove the damaged objects of the cache; return their files, and the MD5 of the damaged bytes."""
    removed = ((file, cache.remove_damaged(file.md5)) for file in _files(cache, outs))
    return {file: md5 for file, md5 in removed if md5 is not None}


def _fetch(
    project: DvcProject,
    cache: HashedCache,
    outs: list[RecordedOutput],
    revision: str | None,
    damage: dict[TrackedFile, str],
) -> None:
    """Fetch what the cache lacks; if it lacks nothing, no server is asked."""
    lacking = [file.md5 for file in _files(cache, outs) if not cache.has_intact(file.md5)]
    if not lacking:
        return
    try:
        project.fetch(revision, lacking)
    except RunError as error:
        removed = [f"{file.path}: its object in the cache was damaged, and was removed" for file in damage]
        raise RunError(*error.problems, *removed) from error


def _uncached_outputs(outs: list[RecordedOutput]) -> list[str]:
    paths = [out.path for out in outs if out.md5 is None]
    return [describe_never_made(paths)] if paths else []


def _missing_file_lines(
    project: DvcProject, cache: HashedCache, outs: list[RecordedOutput], damage: dict[TrackedFile, str]
) -> list[str]:
    """Return a line for each file that is not intact in the cache now."""
    damage |= _remove_damaged(cache, outs)  # DVC fetches damaged bytes from a remote without `verify = true`.
    return [
        _missing_file_line(project, file, file in damage)
        for file in _files(cache, outs)
        if not cache.has_intact(file.md5)
    ]


def _missing_file_line(project: DvcProject, file: TrackedFile, was_damaged: bool) -> str:
    on_remote, object_path = project.check_remote(file.md5)
    in_workspace = not file.md5.endswith(FOLDER_SUFFIX) and _file_state(file) == "intact"
    return describe_missing(
        MissingFile(file.path, file.output, was_damaged, on_remote, str(project.remote()), object_path, in_workspace)
    )


def _restore_workspace(
    project: DvcProject, cache: HashedCache, outs: list[RecordedOutput], damaged: set[str]
) -> list[str]:
    """Check out what the workspace lacks; return a line for each file that differs from dvc.lock even so.

    Args:
        damaged: the MD5 of the damaged bytes that the cache held; a file with these bytes is a copy of the damage.
    """
    files = {out: _contents(cache, out) for out in outs}
    assert_output_places(((out.path, [file.path for file in files[out]]) for out in outs), project.root())
    for out in outs:
        _remove_copies(files[out] if out.is_cached else [], damaged)
    project.checkout([out.path for out in outs if _is_complete(cache, out) and _workspace_problems(out, files[out])])
    return [
        line
        for out in outs
        if _is_complete(cache, out) or not out.is_cached
        for line in _workspace_problems(out, files[out])
    ]


def _contents(cache: HashedCache, out: RecordedOutput) -> list[TrackedFile]:
    """Return the files of an output without the folder itself."""
    files = _files_of(cache, out.path, out.md5) if out.md5 else []
    return [file for file in files if not file.md5.endswith(FOLDER_SUFFIX)]


def _is_complete(cache: HashedCache, out: RecordedOutput) -> bool:
    """Return whether the cache holds every object of an output."""
    files = _files_of(cache, out.path, out.md5) if out.md5 else []
    return out.is_cached and out.md5 is not None and all(cache.has_intact(file.md5) for file in files)


def _remove_copies(files: list[TrackedFile], damaged: set[str]) -> None:
    for file in files:
        path = Path(file.path)
        if damaged and path.is_file() and file_md5(path) in damaged - {file.md5}:
            path.unlink()


def _workspace_problems(out: RecordedOutput, files: list[TrackedFile]) -> list[str]:
    states = ((file, _file_state(file)) for file in files)
    return [
        describe_workspace_file(file.path, file.output, state, kept_by_git=not out.is_cached)
        for file, state in states
        if state != "intact"
    ]


def _file_state(file: TrackedFile) -> ObjectState:
    path = Path(file.path)
    if not path.is_file():
        return "missing"
    return "intact" if file_md5(path) == file.md5 else "damaged"


def _success_text(files: list[TrackedFile], name: str | None) -> str:
    n_files = sum(not file.md5.endswith(FOLDER_SUFFIX) for file in files)
    if name is None:
        return f"{n_files} files are intact, in the cache and in the workspace"
    return (
        f"{n_files} files of {name} are intact in the cache; `git checkout {name}` and `dvc checkout` (of an "
        f"experiment: `dvc exp apply {name}`) put them into the workspace"
    )
