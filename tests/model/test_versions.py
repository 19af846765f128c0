import sys
import tomllib
from pathlib import Path

import numpy as np
import torch

from relight.model.manifest import package_versions, versions_with_relight


def test_the_versions_are_those_of_what_computes() -> None:
    known = package_versions()
    models = {"rtdl_num_embeddings", "rtdl_revisiting_models", "tabm"}
    assert set(known) == {"python", "numpy", "polars", "safetensors", "torch", *models}
    assert known["python"] == ".".join(str(part) for part in sys.version_info[:3])
    assert known["numpy"] == np.__version__


def test_a_build_for_another_device_has_the_same_version() -> None:
    assert package_versions()["torch"] == str(torch.__version__).split("+")[0]


def test_relight_itself_has_the_version_that_it_is_installed_as() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert versions_with_relight() == {**package_versions(), "relight": project["version"]}
