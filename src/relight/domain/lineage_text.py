"""What `relight trace` says, for the terminal."""

import textwrap
from typing import Any

from relight.domain.lineage import SAYS, Standing, Step, Ways

WIDTH = 110  # no line is longer, however wide the terminal
INDENT = 12


def step_lines(step: Step, ways: Ways, at: str, remote: str, width: int) -> list[str]:
    """One paragraph.

    Args:
        at: the commit, as a person reads it.
        remote: the name of the remote.
        width: of the terminal, in characters.
    """
    width = min(width, WIDTH)
    code = f"{len(step.code)} files and folders, {_of_commit(step, at)}"
    lines = [f"{step.stage}  ← {step.command}"]
    lines += _labelled("params", [f"{name}: {_flat(values)}" for name, values in sorted(step.params.items())], width)
    lines += _labelled("reads", [_standing(item, remote) for item in step.data], width)
    lines += _labelled("code", [code], width)
    lines += _labelled("writes", [_standing(item._replace(maker="itself"), remote) for item in step.outs], width)
    return lines + _labelled("rebuild", rebuild_lines(ways, remote), width)


def verdict_line(found: list[tuple[str, Ways]]) -> str:
    """Of all steps together."""
    if not found:
        return "  raw       no stage wrote it"
    lost = [stage for stage, ways in found if not ways.any()]
    return f"  rebuild   {'not for sure: ' + ', '.join(lost) if lost else 'every step, bit for bit'}"


def rebuild_lines(ways: Ways, remote: str) -> list[str]:
    run = f"perhaps with other bits: {'; '.join(ways.doubts)}" if ways.doubts and not ways.run else _yes_or_no(ways.run)
    found = [f"from the cache: {_yes_or_no(ways.cache)}"]
    found += [f"from {remote}: {_yes_or_no(ways.remote)}"] if remote else []
    return [*found, f"by running: {run}"]


def _of_commit(step: Step, at: str) -> str:
    n = len(step.changed_code)
    return f"all in {at}" if n == 0 else f"{n} of them not in {at} with these bytes"


def _standing(item: Standing, remote: str) -> str:
    if item.git:
        places = ["in Git"]
    else:
        places = [f"cache: {SAYS[item.cache]}", *([f"{remote}: {SAYS[item.remote]}"] if remote else [])]
        places += ["in the workspace"] if item.workspace and item.cache != "intact" else []
    come_from = {"": " (raw)", "itself": ""}.get(item.maker, f" (of {item.maker})")
    return f"{item.path}{come_from}  {_size(item.size)}  {item.md5[:8]}  {', '.join(places)}"


def _yes_or_no(problems: list[str]) -> str:
    if not problems:
        return "yes"
    more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
    return f"no: {'; '.join(problems[:3])}{more}"


def _labelled(label: str, texts: list[str], width: int) -> list[str]:
    """The label before the first line alone; long lines go on below themselves."""
    lines = []
    for k, text in enumerate(texts):
        head = f"  {label if k == 0 else '':<{INDENT - 2}}"
        lines += textwrap.wrap(
            text,
            width,
            initial_indent=head,
            subsequent_indent=" " * (INDENT + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _flat(values: Any, name: str = "") -> str:
    """`a.b=1, c=2`; nothing stands for null."""
    if isinstance(values, dict) and values:
        return ", ".join(_flat(value, f"{name}.{key}" if name else key) for key, value in values.items())
    text = "null" if values == "" else str(values)
    return f"{name}={text}" if name else text


def _size(n_bytes: int) -> str:
    size, units = float(n_bytes), ["B", "KB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"
