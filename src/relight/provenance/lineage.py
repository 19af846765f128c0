"""The stages that made a file, from it back to the raw data: whether each can be reproduced, and as text."""

import textwrap
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from relight.repository.line_ends import ChangedLineEnds, keeping_step
from relight.runtime.nested import flatten

Output = TypeVar("Output")
ArtifactState = Literal["intact", "there", "damaged", "missing", "unknown"]
STATE_TEXTS: dict[ArtifactState, str] = {
    "intact": "intact",
    "there": "there",
    "damaged": "DAMAGED",
    "missing": "missing",
    "unknown": "not asked",
}
MAX_LINE_WIDTH = 110  # even if the terminal is wider
LABEL_WIDTH = 12


class Availability(NamedTuple):
    """A file or folder that a stage read or wrote, and where its recorded bytes are available.

    Attributes:
        md5: that in dvc.lock.
        size: bytes.
        maker: the stage that wrote it; "" for a raw file.
        git: whether the commit holds it.
        workspace: whether it is in its place in the workspace.
        cache, remote: the state of its object.
    """

    path: str
    md5: str
    size: int
    maker: str
    git: bool
    workspace: bool
    cache: ArtifactState
    remote: ArtifactState

    def is_available(self) -> bool:
        """Return whether any place holds the recorded bytes."""
        return self.git or self.workspace or self.cache == "intact" or self.remote in ("intact", "there")


class LineageStep(NamedTuple):
    """A stage as dvc.lock records it, compared with the commit.

    Attributes:
        params: the sections of params.yaml, and what stands in other files, as `mine/params.yaml:featurize`.
        data: the files that it read.
        code: the MD5 of each file and folder of code, by its path.
        changed_code: the code that the commit holds with other bytes, or not at all.
        changed_params: those of them that differ in the file of the commit.
        installed: the hash of the installed code of Relight that it ran, by its key in relight.json.
        other_installed: the keys for which other code is installed here.
        outs: the files that it wrote.
        other_line_ends: the code and raw data that the commit holds as the same text with other line ends.
    """

    stage: str
    command: str
    params: dict[str, Any]
    data: list[Availability]
    code: dict[str, str]
    changed_code: list[str]
    changed_params: list[str]
    installed: dict[str, str]
    other_installed: list[str]
    outs: list[Availability]
    other_line_ends: list[str]


class RecoveryOptions(NamedTuple):
    """The ways to get what a step wrote, bit for bit, each with its obstacles; a way without obstacles works.

    Attributes:
        cache: obstacles to take it from the cache.
        remote: obstacles to take it from the remote.
        run: obstacles to run the stage.
        doubts: why a run may give other bits.
    """

    cache: list[str]
    remote: list[str]
    run: list[str]
    doubts: list[str]

    def has_any(self) -> bool:
        """Return whether a way works for sure."""
        return not self.cache or not self.remote or not (self.run or self.doubts)


def upstream_stages(reads: Mapping[str, set[Output]], writes: Mapping[str, set[Output]], last: str) -> list[str]:
    """Return a stage and all that it builds on, each before those that it needs.

    Args:
        reads, writes: the files of each stage.
        last: the stage to start from.
    """
    upstream: list[str] = []

    def visit(stage: str) -> None:
        for other in reads:
            if other not in upstream and writes[other] & reads[stage]:
                visit(other)
        upstream.append(stage)

    visit(last)
    return upstream[::-1]


def recovery_options(
    step: LineageStep, upstream: Mapping[str, RecoveryOptions], doubts: list[str], remote_problem: str
) -> RecoveryOptions:
    """Return the ways to get what a step wrote.

    Args:
        upstream: those of the stages that this one builds on.
        doubts: about the versions and the device.
        remote_problem: why the remote was not asked; "" if it was.
    """
    kept = [out for out in step.outs if not out.git]
    cache = [f"{out.path} is {STATE_TEXTS[out.cache]}" for out in kept if out.cache != "intact"]
    remote = [f"{out.path} is {STATE_TEXTS[out.remote]}" for out in kept if out.remote not in ("intact", "there")]
    run = [_line_ends_reason(path) for path in step.other_line_ends]
    changed = [path for path in step.changed_code if path not in step.other_line_ends]
    run += [f"{path} has other bytes in the commit, or is not in it" for path in changed]
    run += [_params_reason(key) for key in step.changed_params]
    run += [f"the installed Relight has other code of {key} than the one that ran" for key in step.other_installed]
    run += [_missing_reason(item, upstream) for item in step.data if not _is_readable(item, upstream)]
    return RecoveryOptions(cache, [remote_problem] if remote_problem and kept else remote, run, doubts)


def _params_reason(key: str) -> str:
    file, _, section = key.rpartition(":")
    return f"{file or 'params.yaml'} of the commit has another {section}"


def _line_ends_reason(path: str) -> str:
    return f"{path} has other line ends in the commit; {keeping_step(ChangedLineEnds(path, is_tracked=True))}"


def _is_readable(item: Availability, upstream: Mapping[str, RecoveryOptions]) -> bool:
    return item.is_available() or (item.maker in upstream and not upstream[item.maker].run)


def _missing_reason(item: Availability, upstream: Mapping[str, RecoveryOptions]) -> str:
    if item.maker in upstream:
        return f"{item.path} is nowhere, and {item.maker} cannot be run"
    return f"{item.path} is nowhere: not in the commit, the workspace, the cache or on the remote"


def step_lines(step: LineageStep, options: RecoveryOptions, at: str, remote: str, width: int) -> list[str]:
    """Return the paragraph of a step.

    Args:
        at: the commit, as a person reads it.
        remote: its name; "" if it was not asked.
        width: of the terminal, in characters.
    """
    width = min(width, MAX_LINE_WIDTH)
    installed = "".join(f"; an installed Relight, {key} {digest}" for key, digest in step.installed.items())
    code = f"{len(step.code)} files and folders, {_commit_text(step, at)}{installed}"
    lines = [f"{step.stage}  ← {step.command}"]
    lines += _labelled_lines(
        "params", [f"{name}: {_params_text(values)}" for name, values in sorted(step.params.items())], width
    )
    lines += _labelled_lines("reads", [_reading_text(item, step, remote) for item in step.data], width)
    lines += _labelled_lines("code", [code], width)
    lines += _labelled_lines(
        "writes", [_availability_text(item._replace(maker="itself"), remote) for item in step.outs], width
    )
    return lines + _labelled_lines("rebuild", rebuild_lines(options, remote), width)


def verdict_line(options_by_stage: list[tuple[str, RecoveryOptions]]) -> str:
    """Return whether all steps together can be reproduced."""
    if not options_by_stage:
        return "  raw       no stage wrote it"
    lost = [stage for stage, options in options_by_stage if not options.has_any()]
    return f"  rebuild   {'not for sure: ' + ', '.join(lost) if lost else 'every step, bit for bit'}"


def rebuild_lines(options: RecoveryOptions, remote: str) -> list[str]:
    """Return a line for each way."""
    run = _yes_or_no(options.run)
    if options.doubts and not options.run:
        run = f"perhaps with other bits: {'; '.join(options.doubts)}"
    lines = [f"from the cache: {_yes_or_no(options.cache)}"]
    lines += [f"from {remote}: {_yes_or_no(options.remote)}"] if remote else []
    return [*lines, f"by running: {run}"]


def _commit_text(step: LineageStep, at: str) -> str:
    n = len(step.changed_code)
    return f"all in {at}" if n == 0 else f"{n} of them not in {at} with these bytes"


def _reading_text(item: Availability, step: LineageStep, remote: str) -> str:
    in_git = ", in Git with other line ends" if item.path in step.other_line_ends else ""
    return _availability_text(item, remote) + in_git


def _availability_text(item: Availability, remote: str) -> str:
    if item.git:
        copies = ["in Git"]
    else:
        copies = [f"cache: {STATE_TEXTS[item.cache]}", *([f"{remote}: {STATE_TEXTS[item.remote]}"] if remote else [])]
        copies += ["in the workspace"] if item.workspace and item.cache != "intact" else []
    origin = {"": " (raw)", "itself": ""}.get(item.maker, f" (of {item.maker})")
    return f"{item.path}{origin}  {_size_text(item.size)}  {item.md5[:8]}  {', '.join(copies)}"


def _yes_or_no(problems: list[str]) -> str:
    if not problems:
        return "yes"
    more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
    return f"no: {'; '.join(problems[:3])}{more}"


def _labelled_lines(label: str, texts: list[str], width: int) -> list[str]:
    """Return the texts as indented lines; the label is only before the first one."""
    lines = []
    for k, text in enumerate(texts):
        head = f"  {label if k == 0 else '':<{LABEL_WIDTH - 2}}"
        lines += textwrap.wrap(
            text,
            width,
            initial_indent=head,
            subsequent_indent=" " * (LABEL_WIDTH + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _params_text(values: Any) -> str:
    """Return a section as `a.b=1, c=2`; an empty text is null."""
    if isinstance(values, dict) and values:
        return ", ".join(f"{key}={_params_text(value)}" for key, value in flatten(values).items())
    return "null" if values == "" else str(values)


def _size_text(n_bytes: int) -> str:
    size, units = float(n_bytes), ["B", "KB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"
