"""The stages that run again after an upgrade, and why."""

from collections.abc import Iterable
from typing import Any

from relight.project.merge import plain
from relight.project.record import Record
from relight.runtime.installed import STAGE_CODE

WHAT_REFERS_TO_A_STAGE = ("cmd", "deps", "params", "outs", "metrics")


def rerun_lines(before: Record, now: Record, changed_scripts: Iterable[str], stages: Any, new_stages: Any) -> list[str]:
    """Return a line for each stage of Relight that the project has.

    Args:
        changed_scripts: files in stages/ that get other bytes.
        stages, new_stages: those of dvc.yaml, before and after.
    """
    lines: list[str] = []
    earlier: list[str] = []
    for stage in [name for name in STAGE_CODE if name in new_stages]:
        reasons = _reasons(stage, before, now, list(changed_scripts), stages, new_stages)
        if reasons:
            lines.append(f"{stage} will run again: {', '.join(reasons)}")
        elif earlier:
            lines.append(f"{stage} will run again if what {' or '.join(earlier)} writes has changed")
        else:
            lines.append(f"{stage} stays as it is")
        earlier += [stage] if reasons else []
    return lines


def _reasons(
    stage: str, before: Record, now: Record, changed_scripts: list[str], stages: Any, new_stages: Any
) -> list[str]:
    reasons: list[str] = []
    if before.stages.get(stage) != now.stages[stage]:
        changed = [name for name in STAGE_CODE[stage] if before.code.get(name) != now.code[name]]
        reasons.append(f"Relight's {' and '.join(changed) or 'code'} changed")
    scripts = [name for name in changed_scripts if name in (f"stages/{stage}.py", "stages/__init__.py")]
    reasons += [f"{name} changed" for name in scripts]
    old, new = plain(stages.get(stage, {})), plain(new_stages[stage])
    keys = [key for key in WHAT_REFERS_TO_A_STAGE if old.get(key) != new.get(key)]
    return reasons + ([f"its {', '.join(keys)} in dvc.yaml changed"] if keys else [])
