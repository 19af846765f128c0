"""dvc.yaml, params.yaml, the stages and the code tell the same story."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.closure import REPOSITORY, import_closure

DVC = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())
STAGES = ("prepare", "split", "train", "evaluate", "plot")


def is_code(dep: str) -> bool:
    return dep.startswith(("src/", "stages/"))


def test_dvc_yaml_has_the_five_stages_in_order() -> None:
    assert tuple(DVC["stages"]) == STAGES


def holds(dep: str, path: str) -> bool:
    return path == dep or path.startswith(f"{dep}/")


@pytest.mark.parametrize("stage", STAGES)
def test_all_that_a_stage_imports_lies_within_its_deps(stage: str) -> None:
    deps = [dep for dep in DVC["stages"][stage]["deps"] if is_code(dep)]
    assert [path for path in import_closure(stage) if not any(holds(dep, path) for dep in deps)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_no_code_that_it_does_not_import(stage: str) -> None:
    """A stage imports each file that it names, and at least one file of each folder."""
    closure = import_closure(stage)
    deps = [dep for dep in DVC["stages"][stage]["deps"] if is_code(dep)]
    assert [dep for dep in deps if not any(holds(dep, path) for path in closure)] == []


def test_a_stage_names_folders_of_code_and_few_files() -> None:
    """The folder of an edit tells what runs again; a file is named only if its folder would be too wide."""
    code = [dep for stage in STAGES for dep in DVC["stages"][stage]["deps"] if dep.startswith("src/")]
    files = sorted({dep for dep in code if dep.endswith(".py")})
    assert files == [
        "src/relight/__init__.py",
        "src/relight/data/pair_names.py",
        "src/relight/data/schema.py",
        "src/relight/data/text_format.py",
        "src/relight/errors.py",
        "src/relight/extras.py",
        "src/relight/metrics/direction.py",
        "src/relight/metrics/ranking.py",
        "src/relight/metrics/roc.py",
        "src/relight/version.py",
    ]
    assert all((REPOSITORY / dep).is_dir() for dep in set(code) - set(files))


@pytest.mark.parametrize("stage", STAGES)
def test_paths_of_the_script_are_those_of_dvc_yaml(stage: str) -> None:
    script = (REPOSITORY / f"stages/{stage}.py").read_text()
    entry = DVC["stages"][stage]
    metrics = [next(iter(metric)) for metric in entry.get("metrics", [])]
    named_deps = set(re.findall(r'stage\.dep\("([^"]+)"\)', script))
    named_outs = set(re.findall(r'stage\.out\("([^"]+)"\)', script))
    assert named_outs == {*entry["outs"], *metrics}
    assert named_deps == {dep for dep in entry["deps"] if not is_code(dep) and "$" not in dep}


@pytest.mark.parametrize("stage", STAGES)
def test_params_that_the_script_reads_are_those_of_dvc_yaml(stage: str) -> None:
    script = (REPOSITORY / f"stages/{stage}.py").read_text()
    read = set(re.findall(r'stage\.params\("(\w+)"', script))
    declared = set(DVC["stages"][stage]["params"])
    if stage == "plot":  # the report shows all params as they stand
        assert "stage.all_params()" in script
        assert declared == set(yaml.safe_load((REPOSITORY / "params.yaml").read_text()))
    else:
        assert read == declared


@pytest.mark.parametrize("stage", [*STAGES, "check"])
def test_a_stage_is_at_most_40_lines(stage: str) -> None:
    assert len((REPOSITORY / f"stages/{stage}.py").read_text().splitlines()) <= 40


def test_the_only_template_in_dvc_yaml_is_the_source() -> None:
    text = (REPOSITORY / "dvc.yaml").read_text()
    assert re.findall(r"\$\{[^}]*\}", text) == ["${prepare.source}"]
    assert "${prepare.source}" in DVC["stages"]["prepare"]["deps"]


def test_init_files_are_empty() -> None:
    """Their code would be in the closure of every stage. The one of the package is: it holds `relight.load`, and
    imports it only when it is asked for."""
    full = [path for path in (REPOSITORY / "src").rglob("__init__.py") if path.stat().st_size]
    assert full == [REPOSITORY / "src/relight/__init__.py"]


def test_outs_are_cached_and_never_persist() -> None:
    for stage, entry in DVC["stages"].items():
        assert all(isinstance(out, str) for out in entry["outs"]), stage
    assert DVC["stages"]["evaluate"]["metrics"] == [{"reports/metrics.json": {"cache": False}}]


def test_the_committed_config_has_no_secret_and_verifies_remotes() -> None:
    config = (REPOSITORY / ".dvc/config").read_text()
    assert not re.search(r"key|password|token|secret", config, re.IGNORECASE)
    assert config.count("[remote") + config.count("['remote") == config.count("verify = true") == 1
    assert "analytics = false" in config
    assert "autostage = true" in config


def test_dvc_lock_was_made_by_this_code() -> None:
    lock = yaml.safe_load((REPOSITORY / "dvc.lock").read_text())
    for stage in STAGES:
        for dep in lock["stages"][stage]["deps"]:
            if is_code(dep["path"]):
                assert md5(REPOSITORY / dep["path"]) == dep["md5"], f"{dep['path']} changed: run `dvc repro`, commit"


def md5(path: Path) -> str:
    """Return the MD5 of a file, or of the JSON list of a folder's files, as DVC does (dvc-data, HashInfo of a tree)."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    entries = [{"md5": md5(file), "relpath": file.relative_to(path).as_posix()} for file in files]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"


@pytest.mark.parametrize(
    ("stage", "unwanted"),
    [
        ("prepare", ["torch", "matplotlib", "sklearn", "dvc", "pandas"]),
        ("split", ["torch", "matplotlib", "sklearn", "dvc", "pandas"]),
        ("train", ["matplotlib", "sklearn", "dvc", "pandas", "torch._dynamo"]),
        ("evaluate", ["matplotlib", "sklearn", "dvc", "pandas", "torch._dynamo"]),
        ("plot", ["torch", "sklearn", "dvc", "pandas", "matplotlib.pyplot"]),
        ("check", ["torch", "polars", "numpy", "matplotlib", "sklearn", "dvc"]),
    ],
)
def test_a_stage_imports_nothing_that_it_does_not_need(stage: str, unwanted: list[str]) -> None:
    code = f"import stages.{stage}, sys; print([name for name in {unwanted!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_recipe_is_a_whole_params_yaml() -> None:
    sections = list(yaml.safe_load((REPOSITORY / "params.yaml").read_text()))
    recipes = sorted(set(Path(REPOSITORY / "recipes").glob("*.yaml")) - {REPOSITORY / "recipes/sweep.yaml"})
    assert [recipe.stem for recipe in recipes] == [
        "breast_cancer",
        "co2_weekly",
        "diabetes",
        "digits",
        "febrl_pairs",
        "forecast",
        "japanese_vowels",
        "line-parameters",
        "line",
        "penguins",
        "ranking",
        "seattle_temps",
        "sequences",
        "similarity",
        "table",
    ]
    for recipe in recipes:
        assert list(yaml.safe_load(recipe.read_text())) == sections, recipe
