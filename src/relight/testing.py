"""The contracts of own code as tests, for pytest: `check_network(ResidualMlp, d_block=64)`.

Each returns the facts that were tried, and raises ContractError with all that do not hold.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from relight.contracts.facts import Fact
from relight.own_code.calls import Call

KINDS = ("network", "loss", "metric", "schedule", "optimizer", "reader")


class ContractError(AssertionError):
    """A contract does not hold; the message has a line for each fact that fails."""


def check_network(network: Callable[..., Any] | str, /, *, project: Path = Path(), **settings: Any) -> list[Fact]:
    """Check a network: shapes, gradients, state, the same bits, resuming, export.

    Args:
        network: a class or function of a module of the project, or its name, as `houses.networks:ResidualMlp`.
        project: the project's folder.
        settings: as next to `call` in params.yaml.

    Raises:
        ContractError: with all facts that fail.
        InputError: if the network is not found.
    """
    return _assert_hold(facts("network", _call(network, settings), project))


def check_loss(loss: Callable[..., Any] | str, /, *, project: Path = Path(), **settings: Any) -> list[Fact]:
    """Check a loss: one finite number, its gradient, weights. As `check_network`."""
    return _assert_hold(facts("loss", _call(loss, settings), project))


def check_metric(metric: Callable[..., Any] | str, /, *, project: Path = Path(), **settings: Any) -> list[Fact]:
    """Check a metric: one finite number, the order of rows, weights. As `check_network`, without `better`."""
    return _assert_hold(facts("metric", _call(metric, settings), project))


def check_schedule(schedule: Callable[..., Any] | str, /, *, project: Path = Path(), **settings: Any) -> list[Fact]:
    """Check a schedule: finite factors that depend on the step only. As `check_network`."""
    return _assert_hold(facts("schedule", _call(schedule, settings), project))


def check_optimizer(optimizer: Callable[..., Any] | str, /, *, project: Path = Path(), **settings: Any) -> list[Fact]:
    """Check an optimizer: lower losses, `lr`, state, the same bits, resuming. As `check_network`.

    Args:
        settings: also `learning_rate`, 0.01 if it is not given.
    """
    return _assert_hold(facts("optimizer", _call(optimizer, settings), project))


def check_reader(
    reader: Callable[..., Any] | str, source: Path | str, /, *, project: Path = Path(), **settings: Any
) -> list[Fact]:
    """Check a reader: rows, the same ones again and in another process, an unchanged file. As `check_network`.

    Args:
        source: the file or folder that it is tried on.
    """
    return _assert_hold(facts("reader", _call(reader, settings), project, Path(source)))


def facts(kind: str, call: Call, project: Path = Path(), source: Path | None = None) -> list[Fact]:
    """Return the facts of a contract, each tried.

    Args:
        kind: one of KINDS.
        source: the file or folder that a reader is tried on.

    Raises:
        InputError: if the call is not found, or does not take its settings.
    """
    if kind == "reader":
        from relight.contracts.reader import reader_facts

        assert source is not None
        return reader_facts(call, source, project)
    from relight.contracts.functions import loss_facts, metric_facts, schedule_facts
    from relight.contracts.network import network_facts
    from relight.contracts.optimizer import optimizer_facts

    checks = {
        "network": network_facts,
        "loss": loss_facts,
        "metric": metric_facts,
        "schedule": schedule_facts,
        "optimizer": optimizer_facts,
    }
    return checks[kind](call, project)


def _call(target: Any, settings: dict[str, Any]) -> Call:
    name = target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"
    return Call.model_validate({"call": name, **settings})


def _assert_hold(tried: Sequence[Fact]) -> list[Fact]:
    failed = [str(fact) for fact in tried if fact.problem]
    if failed:
        raise ContractError("\n".join(failed))
    return list(tried)
