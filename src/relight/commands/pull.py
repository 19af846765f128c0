"""Pull command.

What is wrong with a file that should be there: where, and the command that mends it.

pull: what dvc.lock names, from the remote into the cache and the workspace; a file counts once it is hashed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from relight.errors import RunError
from relight.repository.dvc import DvcProject, RecordedOutput
from relight.repository.history import resolve_commit
from relight.repository.objects import FOLDER_SUFFIX, HashedCache, file_md5, folder_files

FileState = Literal["intact", "damaged", "missing"]


class MissingFile(NamedTuple):
    """A file whose bytes the cache does not hold.

    Attributes:
        output: what dvc.lock names: the file, or the folder that holds it.
        was_damaged: it lay in the cache with other bytes, which were removed.
        on_remote: how it is there.
        remote: names it for a person.
        place: where the object should lie on the remote.
        in_workspace: whether the workspace holds it whole.
    """

    path: str
    output: str
    was_damaged: bool
    on_remote: FileState
    remote: str
    object_path: str
    in_workspace: bool


def describe_missing(lack: MissingFile) -> str:
    removed = "; its damaged object in the cache was removed" if lack.was_damaged else ""
    if lack.in_workspace:
        return (
            f"{lack.path}: is {lack.on_remote} on {lack.remote}{removed}, and whole in the workspace; "
            f"`dvc commit --force {lack.output}` puts it back into the cache"
            f"{_push_hint(lack)}"
        )
    match lack.on_remote:
        case "damaged":
            return (
                f"{lack.path}: is damaged on {lack.remote}, at {lack.object_path}: not used{removed}; delete it there, "
                f"then `dvc push` in a clone that has it, or `dvc repro` and `dvc push` here, brings it back"
            )
        case "missing":
            return (
                f"{lack.path}: is in neither the cache nor {lack.remote}{removed}; "
                f"`dvc push` in a clone that has it, or `dvc repro` here, brings it back"
            )
        case "intact":
            return f"{lack.path}: is whole on {lack.remote} but was not fetched{removed}; run `relight pull` again"


def _push_hint(lack: MissingFile) -> str:
    return f"; delete {lack.object_path}, then `dvc push`" if lack.on_remote == "damaged" else ", then `dvc push`"


def describe_workspace_file(path: str, output: str, state: FileState, *, kept_by_git: bool) -> str:
    mend = f"git checkout -- {path}" if kept_by_git else f"dvc checkout --force {output}"
    if state == "missing":
        return f"{path}: is not in the workspace; `{mend}` brings it back"
    return f"{path}: holds other bytes in the workspace than dvc.lock names; `{mend}` puts those in their place"


def describe_never_made(paths: list[str]) -> str:
    return f"{', '.join(paths)}: not in dvc.lock, for no run has made them; `dvc repro` does"


class TrackedFile(NamedTuple):
    """
    Attributes:
        output: of dvc.lock: the file itself, or the folder that holds it.
        md5: of the file; that of the list of its files for the folder itself.
    """

    path: str
    output: str
    md5: str


def pull(name: str | None) -> str:
    """Fetch, check and check out.

    Args:
        name: a commit or an experiment, of which only the cache is filled; None: what the workspace's dvc.lock names.

    Returns:
        what was done, for a person.

    Raises:
        RunError: with a line for each file that is missing or damaged, or one sentence on what the remote did.
        InputError: when nothing is called `name`.
    """
    revision = None if name is None else resolve_commit(name)
    project = DvcProject()
    cache, outs = HashedCache(project.cache()), project.recorded_outputs(revision)
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
    """Those of a folder are known once the list of them is in the cache."""
    return [file for out in outs if out.is_cached and out.md5 for file in _files_of(cache, out.path, out.md5)]


def _files_of(cache: HashedCache, output: str, md5: str) -> Iterator[TrackedFile]:
    yield TrackedFile(output, output, md5)
    if md5.endswith(FOLDER_SUFFIX) and cache.has_intact(md5):
        for inside, of_file in folder_files(cache.folder, md5).items():
            yield TrackedFile(f"{output}/{inside}", output, of_file)


def _remove_damaged(cache: HashedCache, outs: list[RecordedOutput]) -> dict[TrackedFile, str]:
    """Returns: those whose object was there with other bytes, and the MD5 of the bytes that were there."""
    removed = ((file, cache.remove_damaged(file.md5)) for file in _files(cache, outs))
    return {file: md5 for file, md5 in removed if md5 is not None}


def _fetch(
    project: DvcProject,
    cache: HashedCache,
    outs: list[RecordedOutput],
    revision: str | None,
    damage: dict[TrackedFile, str],
) -> None:
    """No server is asked where the cache holds all."""
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
    """One line for each file that is not whole in the cache now."""
    damage |= _remove_damaged(cache, outs)  # A remote without `verify = true` hands damaged bytes on.
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
    """Returns: a line for each file that is not as dvc.lock says, though the cache holds it.

    Args:
        damaged: the MD5 of bytes that lay in the cache under another one; a file that has them is a copy of the damage.
    """
    problems = []
    for out in outs:
        if out.md5 is None:
            continue
        if not out.is_cached:
            problems += _workspace_problems([TrackedFile(out.path, out.path, out.md5)], kept_by_git=True)
            continue
        files = list(_files_of(cache, out.path, out.md5))
        inside = [file for file in files if not file.md5.endswith(FOLDER_SUFFIX)]
        _remove_copies(inside, damaged)
        if all(cache.has_intact(file.md5) for file in files):
            problems += _restore_output(project, out.path, inside)
    return problems


def _restore_output(project: DvcProject, output: str, files: list[TrackedFile]) -> list[str]:
    if not _workspace_problems(files, kept_by_git=False):
        return []
    project.checkout(output)
    return _workspace_problems(files, kept_by_git=False)


def _remove_copies(files: list[TrackedFile], damaged: set[str]) -> None:
    for file in files:
        path = Path(file.path)
        if damaged and path.is_file() and file_md5(path) in damaged - {file.md5}:
            path.unlink()


def _workspace_problems(files: list[TrackedFile], *, kept_by_git: bool) -> list[str]:
    states = ((file, _file_state(file)) for file in files)
    return [
        describe_workspace_file(file.path, file.output, state, kept_by_git=kept_by_git)
        for file, state in states
        if state != "intact"
    ]


def _file_state(file: TrackedFile) -> FileState:
    path = Path(file.path)
    if not path.is_file():
        return "missing"
    return "intact" if file_md5(path) == file.md5 else "damaged"


def _success_text(files: list[TrackedFile], name: str | None) -> str:
    n_files = sum(not file.md5.endswith(FOLDER_SUFFIX) for file in files)
    if name is None:
        return f"{n_files} files are whole, in the cache and in the workspace"
    return (
        f"{n_files} files of {name} are whole in the cache; `git checkout {name}` and `dvc checkout` (of an "
        f"experiment: `dvc exp apply {name}`) put them into the workspace"
    )
