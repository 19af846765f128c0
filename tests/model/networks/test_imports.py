"""Networks take numbers: only what builds them knows params.yaml."""

import ast

import pytest

from tests.closure import REPOSITORY

NETWORKS = sorted((REPOSITORY / "src/relight/model/networks").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", [path.name for path in NETWORKS])
def test_a_network_imports_other_networks_and_the_facts_of_a_series_only(name: str) -> None:
    tree = ast.parse((REPOSITORY / "src/relight/model/networks" / name).read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    ours = [module for module in modules if module.startswith("relight")]
    allowed = ("relight.model.networks.", "relight.data.series_features")
    assert [module for module in ours if not module.startswith(allowed)] == []
