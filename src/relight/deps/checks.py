"""The problems of own code, found before anything runs: by reading it, without importing it."""

from collections.abc import Iterator
from pathlib import Path

from relight.deps.braces import brace_problems
from relight.deps.needs import needs, undeclared
from relight.errors import InputError
from relight.own_code.calls import Call, find_calls
from relight.own_code.closure import own_files
from relight.own_code.definitions import find_definition, parameter_names
from relight.own_code.project import TORCH_MODULES, relative
from relight.runtime.messages import did_you_mean_key
from relight.runtime.strict_yaml import Document, read_yaml

PIPELINE = Path("dvc.yaml")
FIX = "run `relight deps --write`"

OUR_SETTINGS: dict[str, tuple[str, ...]] = {  # settings of a call that Relight reads, by the beginning of its key
    "model.name": ("input",),
    "train.early_stopping": ("better", "name"),
    "train.optimizer": ("learning_rate",),
    "evaluate.metrics": ("better", "name"),
}


def own_code_problems(params: Document, root: Path = Path()) -> list[str]:
    """Return everything that reading finds wrong with the calls of params.yaml, and the deps that dvc.yaml lacks."""
    return [*call_problems(params, root), *brace_problems(root / params.name), *undeclared_problems(params, root)]


def call_problems(params: Document, root: Path) -> list[str]:
    """Return what is wrong with the calls of params.yaml and the files that they run."""
    calls = find_calls(params.value)
    return [problem for key, call in calls for problem in _call_problems(params, key, call, root)]


def _call_problems(params: Document, key: str, call: Call, root: Path) -> Iterator[str]:
    head = f"{params.location(tuple(key.split('.')))}: {key}"
    if call.module in TORCH_MODULES:
        return
    try:
        own_files(call, root)
        definition = find_definition(call.module, call.name, root)
    except InputError as error:
        yield from (f"{head}: {problem}" for problem in error.problems)
        return
    if definition.kind == "missing":
        hint = did_you_mean_key(call.name, [name for name in definition.names if not name.startswith("_")])
        yield f"{head}: {relative(definition.path, root)} must have {call.name}, got none{hint}"
    if definition.kind == "foreign":
        yield f"{head}: {call}: must be defined in this project, got an import; write a function around it"
    taken = parameter_names(definition.node)
    if definition.kind != "ours" or taken is None:
        return
    place = f"{call} ({relative(definition.path, root)}:{getattr(definition.node, 'lineno', 1)})"
    for name in _their_settings(key, call):
        if name not in taken:
            at = params.location((*key.split("."), name))
            yield f"{at}: {key}.{name}: is unknown to {place}{did_you_mean_key(name, sorted(taken))}"


def _their_settings(key: str, call: Call) -> list[str]:
    ours = next((names for start, names in OUR_SETTINGS.items() if f"{key}.".startswith(f"{start}.")), ())
    return [name for name in call.settings if name not in ours]


def undeclared_problems(params: Document, root: Path) -> list[str]:
    """Return a problem for each file of own code that dvc.yaml lacks among the deps of a stage that runs it."""
    wanted = needs(params, root)
    try:
        pipeline = read_yaml(root / PIPELINE) if wanted else None
    except InputError as error:
        return list(error.problems)
    if pipeline is None:
        return []
    return [
        f"{pipeline.location(('stages', need.stage, 'deps'))}: stage {need.stage} must have {need.path} among its "
        f"deps, because {need.key} runs it; {FIX}"
        for need in undeclared(wanted, pipeline)
    ]


def own_code_files(params: Document, root: Path = Path()) -> list[str]:
    """Return the files that a passed check depends on: those of own code, sorted."""
    return sorted({need.path for need in needs(params, root)})
