"""What each column of a table is for: target, weight, or something that a model may see."""

from relight.domain.naming import did_you_mean
from relight.params.prepare import ColumnKind, PrepareParams


def target_names(params: PrepareParams) -> list[str]:
    """One column, or for a label distribution one for each class."""
    return [params.target] if isinstance(params.target, str) else params.target


def feature_names(params: PrepareParams, names: list[str]) -> list[str]:
    """The columns that are neither target nor weight, in their order."""
    taken = {*target_names(params), params.weight}
    return [name for name in names if name not in taken]


def asked_kind(params: PrepareParams, name: str) -> ColumnKind | None:
    """The kind that the params give a column; None where it is to be found out. The query is never a feature."""
    return "ignore" if name in params.ignore or name == params.query else params.columns.get(name)


def role_problems(params: PrepareParams, names: list[str]) -> list[str]:
    """Names that the table does not have, and columns that are asked to be two things at once."""
    targets = target_names(params)
    asked = [
        *(("prepare.target", name) for name in targets),
        *([("prepare.weight", params.weight)] if params.weight is not None else []),
        *([("prepare.query", params.query)] if params.query is not None else []),
        *(("prepare.ignore", name) for name in params.ignore),
        *(("prepare.columns", name) for name in params.columns),
    ]
    return [problem for key, name in asked if (problem := _problem(params, key, name, names))]


def _problem(params: PrepareParams, key: str, name: str, names: list[str]) -> str | None:
    is_target = name in target_names(params)
    if key != "prepare.target" and is_target:
        rules = {
            "prepare.ignore": "cannot be ignored",
            "prepare.weight": "cannot be the weight as well",
            "prepare.query": "cannot be the query as well",
        }
        return f"{key}: '{name}' is the target, and {rules.get(key, 'its kind follows from prepare.task')}"
    if name not in names:
        return f"{key}: '{name}' is not a column of {params.source}{did_you_mean(name, names)}"
    if key in ("prepare.ignore", "prepare.columns") and name == params.weight:
        rule = "cannot be ignored" if key == "prepare.ignore" else "must hold numbers"
        return f"{key}: '{name}' is the weight, and {rule}"
    if key == "prepare.columns" and name == params.query and params.columns[name] != "ignore":
        return f"{key}: '{name}' is the query, which the model never sees; delete it here"
    if key == "prepare.columns" and name in params.ignore and params.columns[name] != "ignore":
        return f"{key}: '{name}' is {params.columns[name]} here, and stands in prepare.ignore as well; delete one"
    return None
