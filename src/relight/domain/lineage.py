"""From an artifact back to the raw file: which stages made it, and whether each of them can be done again."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeVar

T = TypeVar("T")
State = Literal["intact", "there", "damaged", "missing", "unknown"]
SAYS: dict[State, str] = {
    "intact": "whole",
    "there": "there",
    "damaged": "DAMAGED",
    "missing": "missing",
    "unknown": "not asked",
}


class Standing(NamedTuple):
    """A file or folder that a stage read or wrote, and where its very bytes can be had.

    Attributes:
        md5: as dvc.lock has it.
        size: in bytes.
        maker: the stage that wrote it; "" of a raw file.
        git: whether the commit holds it.
        workspace: whether it is in its place.
    """

    path: str
    md5: str
    size: int
    maker: str
    git: bool
    workspace: bool
    cache: State
    remote: State

    def can_be_had(self) -> bool:
        return self.git or self.workspace or self.cache == "intact" or self.remote in ("intact", "there")


class Step(NamedTuple):
    """
    Attributes:
        params: the sections, as dvc.lock has them.
        data, code: what it read.
        changed_code: those of the code that the commit holds with other bytes, or not at all.
        changed_params: the sections that are others in the params.yaml of the commit.
    """

    stage: str
    command: str
    params: dict[str, Any]
    data: list[Standing]
    code: dict[str, str]
    changed_code: list[str]
    changed_params: list[str]
    outs: list[Standing]


class Ways(NamedTuple):
    """The ways to have what a step wrote, bit for bit; of each why it is none, and nothing where it is one.

    Attributes:
        doubts: why the bits of a run may be others.
    """

    cache: list[str]
    remote: list[str]
    run: list[str]
    doubts: list[str]

    def any(self) -> bool:
        return not self.cache or not self.remote or not (self.run or self.doubts)


def stages_behind(reads: Mapping[str, set[T]], writes: Mapping[str, set[T]], last: str) -> list[str]:
    """The stage that wrote something, and all that it builds on; each before those that it needs.

    Args:
        reads, writes: the files of each stage.
    """
    found: list[str] = []

    def visit(stage: str) -> None:
        for other in reads:
            if other not in found and writes[other] & reads[stage]:
                visit(other)
        found.append(stage)

    visit(last)
    return found[::-1]


def ways(step: Step, before: Mapping[str, Ways], doubts: list[str], remote_problem: str) -> Ways:
    """
    Args:
        before: of the steps that came before this one.
        doubts: about the versions and the device.
        remote_problem: why the remote was not asked; "" where it was.
    """
    kept = [out for out in step.outs if not out.git]
    cache = [f"{out.path} is {SAYS[out.cache]}" for out in kept if out.cache != "intact"]
    remote = [f"{out.path} is {SAYS[out.remote]}" for out in kept if out.remote not in ("intact", "there")]
    run = [f"{path} has other bytes in the commit, or is not in it" for path in step.changed_code]
    run += [f"params.yaml of the commit has another {section}" for section in step.changed_params]
    run += [_why_not(item, before) for item in step.data if not _can_be_read(item, before)]
    return Ways(cache, [remote_problem] if remote_problem and kept else remote, run, doubts)


def _can_be_read(item: Standing, before: Mapping[str, Ways]) -> bool:
    return item.can_be_had() or (item.maker in before and not before[item.maker].run)


def _why_not(item: Standing, before: Mapping[str, Ways]) -> str:
    if item.maker in before:
        return f"{item.path} is nowhere, and {item.maker} cannot be run"
    return f"{item.path} is nowhere: not in the commit, the workspace, the cache or on the remote"


def same_params(one: Any, other: Any) -> bool:
    """Whether two values mean the same, as texts from YAML files: `1e-3` is `0.001`, and nothing is null."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_params(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same_params(*pair) for pair in zip(one, other, strict=True))
    return isinstance(one, str) and isinstance(other, str) and _meaning(one) == _meaning(other)


def _meaning(text: str) -> str | float | None:
    if text in ("", "~", "null"):
        return None
    try:
        return float(text)
    except ValueError:
        return text.lower() if text.lower() in ("true", "false") else text
