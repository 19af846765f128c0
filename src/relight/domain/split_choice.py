"""`split.method: auto`: a column named `split` where there is one and no folds are asked for, else by the task."""

from relight.domain.schema import Schema
from relight.errors import InputError
from relight.params.split import SplitParams

KEEPS_QUERIES = ("auto", "group", "column")
NAMED = "split"  # the name that tables with fixed parts give to the column that holds them


def settle_split(params: SplitParams, schema: Schema) -> tuple[SplitParams, str]:
    """The params with a method, and a sentence that says why; unchanged and "" where a method was given.

    Raises:
        InputError: for a method that would tear queries apart.
    """
    if schema.task == "ranking" and params.method not in KEEPS_QUERIES:
        raise InputError(
            f"split.method: must be one of {', '.join(KEEPS_QUERIES)} for ranking, however: {params.method}; "
            "the candidates of a query stay together: auto shares the queries out"
        )
    if params.method != "auto":
        return params, ""
    named = any(column.name == NAMED and column.kind in ("categorical", "ignored") for column in schema.columns)
    if named and params.folds is None:
        changes, why = {"method": "column", "column": NAMED}, "there is a column of that name"
        return params.model_copy(update=changes), f"split.method: auto chose column '{NAMED}': {why}."
    if schema.query is not None:
        changes, why = {"method": "group", "column": schema.query}, "the candidates of a query stay together"
        return params.model_copy(update=changes), f"split.method: auto chose group by '{schema.query}': {why}."
    method = "stratified" if schema.task in ("binary", "multiclass", "similarity") else "random"
    return params.model_copy(update={"method": method}), f"split.method: auto chose {method}: {schema.task}."
