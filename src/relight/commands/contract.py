"""`relight test`: the contract of own code, a line for each fact."""

import inspect
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from relight.errors import InputError
from relight.own_code.calls import Call, find_calls, is_well_formed
from relight.own_code.loading import load
from relight.runtime.messages import pluralize
from relight.runtime.places import assert_in_repository
from relight.runtime.strict_yaml import parse_yaml, read_yaml
from relight.testing import KINDS, facts

KIND_OF_KEY = {
    "model.name": "network",
    "train.loss": "loss",
    "train.schedule": "schedule",
    "train.optimizer": "optimizer",
    "prepare.reader": "reader",
    "train.early_stopping": "metric",
    "evaluate.metrics": "metric",
}
READ_BY_RELIGHT = ("better", "name")  # of metrics


def run_contract(
    name: str, settings: list[str], kind: str | None, params: Path, source: Path | None = None
) -> tuple[str, list[str]]:
    """Try the contract of own code.

    Args:
        name: as `houses.networks:ResidualMlp`.
        settings: as `d_block=64`; without any, those next to the call in params.yaml, if it is there.
        kind: one of KINDS; None: as params.yaml uses it, else network or optimizer if it is such a class of PyTorch.
        source: the file or folder that a reader is tried on; None: prepare.source of params.yaml.

    Returns:
        a line for each fact, and a problem if some fail.

    Raises:
        InputError: if the name is not found, its kind cannot be told, or it does not take the settings.
    """
    if not is_well_formed(name):
        raise InputError(f'{name}: must be "module:name", as houses.networks:ResidualMlp')
    used = _used_calls(params, name)
    kind = kind or next(iter(used), None) or _kind_of(Call(call=name))
    given = _settings(settings) if settings or kind not in used else used[kind]
    try:
        call = Call.model_validate({**given, "call": name})
    except ValidationError as error:
        raise InputError(f"{name}: {error.errors()[0]['msg']}") from error
    tried = facts(kind, call, source=_source(kind, source, params, name))
    failed = sum(bool(fact.problem) for fact in tried)
    text = "".join(f"{fact}\n" for fact in tried)
    article = "an" if kind == "optimizer" else "a"
    problem = (
        f"{name}: {pluralize(failed, 'fact')} of {len(tried)} of the contract of {article} {kind} must hold and did not"
    )
    return text, [problem] if failed else []


def _used_calls(params: Path, name: str) -> dict[str, dict[str, Any]]:
    """Return the settings next to the calls of this name in params.yaml, by their kind."""
    if not params.is_file():
        return {}
    found: dict[str, dict[str, Any]] = {}
    for key, call in find_calls(read_yaml(params).value):
        kind = next((kind for start, kind in KIND_OF_KEY.items() if f"{key}.".startswith(f"{start}.")), None)
        if kind is not None and call.call == name:
            ours = READ_BY_RELIGHT if kind == "metric" else ()
            found[kind] = {key: value for key, value in call.settings.items() if key not in ours}
    return found


def _kind_of(call: Call) -> str:
    from torch import nn

    target = load(call, str(call))
    if inspect.isclass(target) and issubclass(target, nn.Module):
        return "network"
    if inspect.isclass(target) and "torch.optim.optimizer" in [base.__module__ for base in target.__mro__]:
        return "optimizer"
    raise InputError(f"--as: must be one of {', '.join(KINDS)}, got none, and params.yaml does not use {call}")


def _source(kind: str, source: Path | None, params: Path, name: str) -> Path | None:
    """Return the file that a reader is tried on.

    Raises:
        InputError: if there is none, that of params.yaml lies elsewhere, or it is given for something else.
    """
    if kind != "reader":
        if source is not None:
            raise InputError(f"--source: must be left out for a {kind}, because only a reader reads a file")
        return None
    prepare = read_yaml(params).value.get("prepare") if params.is_file() else None
    found = source or (prepare.get("source") if isinstance(prepare, dict) else None)
    if not isinstance(found, str | Path):
        raise InputError(f"{name}: must have a file to read; add --source, as --source data/raw/houses.json")
    if source is None:
        assert_in_repository(Path(found))
    return Path(found)


def _settings(texts: list[str]) -> dict[str, Any]:
    """Return settings as params.yaml reads them: `d_block=64`, `widths=[64, 32]`."""
    problems = [f"{text}: must be name=value, as d_block=64" for text in texts if not text.partition("=")[1]]
    if problems:
        raise InputError(*problems)
    lines = [f"{name}: {value}\n" for name, _, value in (text.partition("=") for text in texts)]
    return {key: value for line in lines for key, value in parse_yaml(line, line.split(":")[0]).value.items()}
