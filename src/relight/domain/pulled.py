"""What is wrong with a file that should be there: where, and the command that mends it."""

from typing import Literal, NamedTuple

State = Literal["whole", "damaged", "missing"]


class Lack(NamedTuple):
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
    on_remote: State
    remote: str
    place: str
    in_workspace: bool


def lack_in_cache(lack: Lack) -> str:
    removed = "; its damaged object in the cache was removed" if lack.was_damaged else ""
    if lack.in_workspace:
        return (
            f"{lack.path}: is {lack.on_remote} on {lack.remote}{removed}, and whole in the workspace; "
            f"`dvc commit --force {lack.output}` puts it back into the cache"
            f"{_then_push(lack)}"
        )
    match lack.on_remote:
        case "damaged":
            return (
                f"{lack.path}: is damaged on {lack.remote}, at {lack.place}: not used{removed}; delete it there, "
                f"then `dvc push` in a clone that has it, or `dvc repro` and `dvc push` here, brings it back"
            )
        case "missing":
            return (
                f"{lack.path}: is in neither the cache nor {lack.remote}{removed}; "
                f"`dvc push` in a clone that has it, or `dvc repro` here, brings it back"
            )
        case "whole":
            return f"{lack.path}: is whole on {lack.remote} but was not fetched{removed}; run `relight pull` again"


def _then_push(lack: Lack) -> str:
    return f"; delete {lack.place}, then `dvc push`" if lack.on_remote == "damaged" else ", then `dvc push`"


def lack_in_workspace(path: str, output: str, state: State, *, kept_by_git: bool) -> str:
    mend = f"git checkout -- {path}" if kept_by_git else f"dvc checkout --force {output}"
    if state == "missing":
        return f"{path}: is not in the workspace; `{mend}` brings it back"
    return f"{path}: holds other bytes in the workspace than dvc.lock names; `{mend}` puts those in their place"


def never_made(paths: list[str]) -> str:
    return f"{', '.join(paths)}: not in dvc.lock, for no run has made them; `dvc repro` does"
