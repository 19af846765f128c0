"""The networks take numbers: only what builds them, and what checks that they can be built, knows params.yaml."""

import ast
from pathlib import Path

import pytest

FOLDER = Path(models.__file__).parent
BUILDERS = {"building.py", "forecast_building.py", "sequence_building.py", "requirements.py"}
NETWORKS = sorted(path.name for path in FOLDER.glob("*.py") if path.name not in BUILDERS)


def imports_of(name: str) -> set[str]:
    """The modules of Relight that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse((FOLDER / name).read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return {name for name in plain | named if name.startswith("relight")}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_imports_no_params_and_no_features_of_a_table(name: str) -> None:
    allowed = ("relight.domain.models.", "relight.model.networks.tower.", "relight.data.features.")
    assert [module for module in imports_of(name) if not module.startswith(allowed)] == []


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_what_builds_a_network_knows_its_params(name: str) -> None:
    assert any(module.startswith("relight.params.") for module in imports_of(name))
