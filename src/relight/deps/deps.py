"""`relight deps`: the lines that dvc.yaml lacks, because a stage runs own code that is not among its deps.

Own code is what params.yaml, a sweep and the scripts of own stages name."""

from itertools import groupby
from pathlib import Path

from relight.deps.checks import call_problems
from relight.deps.dvc_yaml import add_deps
from relight.deps.needs import Need, needs_of, script_needs, undeclared, unneeded
from relight.deps.sweeps import swept_calls
from relight.errors import InputError
from relight.own_code.calls import find_calls
from relight.runtime.files import write_bytes
from relight.runtime.messages import pluralize
from relight.runtime.strict_yaml import read_yaml


def deps(params: Path, pipeline: Path, *, write: bool) -> str:
    """Return the lines that dvc.yaml lacks, and those that no call needs any more; write the former if asked to.

    Raises:
        InputError: if params.yaml, dvc.yaml or own code cannot be read; nothing is written then.
    """
    document, declared = read_yaml(params), read_yaml(pipeline)
    problems = call_problems(document, params.parent)
    if problems:
        raise InputError(*problems)
    calls = [*find_calls(document.value), *swept_calls(params.parent)]
    wanted = needs_of(calls, params.parent)
    lacking = undeclared([*wanted, *script_needs(declared, params.parent)], declared)
    text = _lines_text(lacking, str(pipeline), write)
    if lacking:
        raw = pipeline.read_bytes().decode("utf-8")
        new = add_deps(raw, {stage: [need.path for need in group] for stage, group in _by_stage(lacking)})
        if write:
            write_bytes(pipeline, new.encode())
    return text + "".join(
        f"note: {pipeline}: stage {stage} has {path} among its deps, and no call runs it; "
        "remove the line if nothing else in the stage reads the file\n"
        for stage, path in unneeded(wanted, declared)
    )


def _by_stage(lacking: list[Need]) -> list[tuple[str, list[Need]]]:
    return [(stage, list(group)) for stage, group in groupby(lacking, key=lambda need: need.stage)]


def _lines_text(lacking: list[Need], pipeline: str, write: bool) -> str:
    if not lacking:
        return f"{pipeline}: names all own code that the stages run\n"
    what = f"{pluralize(len(lacking), 'line')} {'added' if write else 'to add; `relight deps --write` does it'}"
    lines = [f"{pipeline}: {what}"]
    for stage, group in _by_stage(lacking):
        lines += [f"  {stage}:", "    deps:", *(f"      - {need.path}" for need in group)]
    return "\n".join([*lines, ""])
