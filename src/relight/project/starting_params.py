"""The params.yaml that a project starts with: a recipe, with the source and target of the person filled in."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from relight.errors import InputError
from relight.prepare.params import LineParams, PrepareParams
from relight.prepare.source import SourceTable, file_kind
from relight.runtime.messages import did_you_mean, did_you_mean_key
from relight.runtime.params import check_document, read_section
from relight.runtime.places import assert_stays
from relight.runtime.strict_yaml import parse_yaml, read_yaml

RECIPES = Path(__file__).with_name("recipes")
SAMPLES = Path(__file__).with_name("samples")  # the tables of recipes that scikit-learn does not have
NO_RECIPES = ("sweep",)  # recipes/sweep.yaml is a sweep.yaml
DEFAULT_RECIPE, TABLE_RECIPE = "line", "table"


class StartingParams(NamedTuple):
    """The params of a new project.

    Attributes:
        text: of params.yaml.
        source: as params.yaml names it.
        rows_belong_together: whether single rows of the table mean nothing, as in a series or a query.
    """

    text: str
    source: str
    target: str | list[str]
    rows_belong_together: bool


def recipe_names() -> list[str]:
    """Return the names of all recipes, sorted."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml") if path.stem not in NO_RECIPES)


def starting_params(recipe: str, source: str | None = None, target: str | None = None) -> StartingParams:
    """Return the recipe with its source and target replaced.

    Args:
        source: as params.yaml will name it; None: that of the recipe.
        target: None: that of the recipe.

    Raises:
        InputError: for an unknown recipe.
    """
    if recipe not in recipe_names():
        raise InputError(f"--recipe: {recipe} is unknown{did_you_mean_key(recipe, recipe_names())}")
    text = (RECIPES / f"{recipe}.yaml").read_text(encoding="utf-8")
    for key, value in (("source", source), ("target", target)):
        text = text if value is None else _replaced(text, key, value)
    params = read_section(parse_yaml(text, f"recipes/{recipe}.yaml"), "prepare", PrepareParams)
    rows_belong_together = params.sequence is not None or params.query is not None
    return StartingParams(text, params.source, params.target, rows_belong_together)


def _replaced(text: str, key: str, value: str) -> str:
    """Replace a value in the section `prepare`, which is the first of each recipe; its comment stays."""
    plain = re.fullmatch(r"[\w./-]+", value) is not None and parse_yaml(f"a: {value}", "").value["a"] == value
    written = value if plain else json.dumps(value, ensure_ascii=False)
    return re.sub(rf"^(  {key}: )(\S+)", lambda match: match[1] + written, text, count=1, flags=re.MULTILINE)


def sample_table(source: str) -> Path | None:
    """Return the table of a recipe that comes with Relight; None if the person brings one."""
    sample = SAMPLES / Path(source).name
    return sample if sample.exists() else None


def table_problems(table: Path, target: str | list[str] | None, is_asked: bool) -> list[str]:
    """Return why a table cannot be the source, or has no such target.

    Args:
        target: None if it is not known.
        is_asked: whether the person named the target; otherwise it is that of the recipe.
    """
    try:
        columns = _column_names(table)
    except InputError as error:
        return [f"--source: {problem}" for problem in error.problems]
    targets = [target] if isinstance(target, str) else target or []
    if columns is None or set(targets) <= set(columns):
        return []
    if not is_asked:
        return [f"--target: is missing; name the column of {table} to predict: {', '.join(columns)}"]
    return [f"--target: '{targets[0]}' is not a column of {table}{did_you_mean(targets[0], columns)}"]


def _column_names(source: Path) -> list[str] | None:
    """Return the names of the columns; None for a generated line, whose target may have any name."""
    if not source.exists():
        raise InputError(f"{source}: no such file in {Path.cwd()}; correct the path")
    if source.is_dir():
        assert_stays(source)
    if file_kind(source) == "line":
        checked = check_document(read_yaml(source), LineParams)
        if checked.params is None:
            raise InputError(*checked.problems)
        return None
    return SourceTable(source).head(1).rows.columns
