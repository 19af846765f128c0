"""Sections of params.yaml → typed params; every problem of a section at once, each with its line."""

from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from relight.errors import InputError
from relight.runtime.messages import closest_name, did_you_mean_key
from relight.runtime.strict_yaml import Document, KeyPath

AS_WRITTEN: Final = "as written"
Name = Annotated[str, AS_WRITTEN]
"""The name of a column: also one that YAML reads as a number, true or false (`4`, `007`, `1e3`), by its own letters."""

_TYPE_RULES = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "model_type": "must be a mapping",
    "finite_number": "must be a finite number",
    "string_too_short": "must not be empty",
}
FORM_TAGS = ("<name>", "<call>")  # a setting of either form names it in the path of an error
Params = TypeVar("Params", bound=BaseModel)
_COMPLETE_MESSAGES = (
    "target", "fractions", "column", "own_section", "momentum", "points", "class_weights",
    "pool", "stride", "cuda_graph",
)  # fmt: skip


class CheckedParams(NamedTuple, Generic[Params]):
    """Checked params; None with the problems if there are any."""

    params: Params | None
    problems: tuple[str, ...]


def read_section(document: Document, section: str, model: type[Params]) -> Params:
    """Return the params of one section.

    Raises:
        InputError: with every problem of the section.
    """
    checked = check_section(document, section, model)
    if checked.params is None:
        raise InputError(*checked.problems)
    return checked.params


def check_section(document: Document, section: str, model: type[Params]) -> CheckedParams[Params]:
    """Return the params of one section, or its problems."""
    if section not in document.value:
        close = closest_name(section, document.value)
        hint = f"; did you mean {close}?" if close else "; `relight reference` lists it"
        return CheckedParams(None, (f"{document.name}: section {section} is missing{hint}",))
    return _check(document, (section,), document.value[section], model)


def check_document(document: Document, model: type[Params]) -> CheckedParams[Params]:
    """Return a whole file as one model, or its problems."""
    return _check(document, (), document.value, model)


def unknown_sections(document: Document, sections: list[str]) -> list[str]:
    """Return a problem for each top-level key that no stage reads."""
    return [
        f"{document.location((key,))}: section {key} is unknown{did_you_mean_key(key, sections)}"
        for key in document.value
        if key not in sections
    ]


def _check(document: Document, at: KeyPath, value: Any, model: type[Params]) -> CheckedParams[Params]:
    try:
        return CheckedParams(model.model_validate(_with_names(document, at, value, model)), ())
    except ValidationError as error:
        problems = [_problem_text(document, at, model, details) for details in error.errors()]
        return CheckedParams(None, tuple(problems))


def _with_names(document: Document, at: KeyPath, value: Any, model: type[BaseModel]) -> Any:
    """Return the value of a section with the letters of each name in it, where YAML reads a number."""
    if not isinstance(value, dict):
        return value
    fields = model.model_fields
    return {
        key: _with_name(document, (*at, key), item, fields[key]) if key in fields else item
        for key, item in value.items()
    }


def _with_name(document: Document, at: KeyPath, value: Any, setting: FieldInfo) -> Any:
    if AS_WRITTEN in setting.metadata or _holds_names(setting.annotation):
        items = enumerate(value) if isinstance(value, list) else ()
        names = [document.written.get((*at, str(index)), item) for index, item in items]
        return names if isinstance(value, list) else document.written.get(at, value)
    inner = _inner_model(setting.annotation)
    return value if inner is None else _with_names(document, at, value, inner)


def _holds_names(annotation: Any) -> bool:
    return AS_WRITTEN in getattr(annotation, "__metadata__", ()) or any(map(_holds_names, get_args(annotation)))


def _problem_text(document: Document, at: KeyPath, model: type[BaseModel], error: ErrorDetails) -> str:
    path = tuple(part for part in error["loc"] if part not in FORM_TAGS)
    keys = (*at, *(str(part) for part in path))
    location, dotted = document.location(keys), ".".join(keys)
    head = f"{location}: {dotted}: " if dotted else f"{location}: "
    if error["type"] == "extra_forbidden":
        parent = _model_at(model, path[:-1])
        return f"{head}is unknown{did_you_mean_key(keys[-1], parent.model_fields if parent is not None else ())}"
    if error["type"] == "missing":
        return f"{head}is missing{_example_text(model, path)}"
    if error["type"] in _COMPLETE_MESSAGES:
        return f"{head}{error['msg']}"
    return f"{head}{_rule(error)}, got {_value_text(error['input'])}{_quotes_advice(document, keys, error)}"


def _quotes_advice(document: Document, keys: KeyPath, error: ErrorDetails) -> str:
    """Return how a text is written that YAML reads as a number, true, false or null; "" for another mistake."""
    if error["type"] != "string_type" or isinstance(error["input"], dict | list):
        return ""
    text = document.written.get(keys)
    return "; write the text in quotes" if text is None else f"; write '{text}' in quotes"


def _rule(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            names = context["expected"].replace("'", "").replace(" or ", ", ")
            return f"must be one of {names}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal" as kind:
            sign = {"greater_than": ">", "greater_than_equal": ">=", "less_than": "<"}.get(kind, "<=")
            limit = next(context[key] for key in ("gt", "ge", "lt", "le") if key in context)
            return f"must be {sign} {limit:g}" if isinstance(limit, float) else f"must be {sign} {limit}"
        case kind:
            return _TYPE_RULES.get(kind, error["msg"])


def _model_at(model: type[BaseModel], keys: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return the model of a nested section, if it is one; optional sections are `Model | None`, lists `list[Model]`."""
    for key in keys:
        if isinstance(key, int):
            continue
        field = model.model_fields.get(key)
        inner = None if field is None else _inner_model(field.annotation)
        if inner is None:
            return None
        model = inner
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    options = [getattr(option, "__origin__", option) for option in getattr(annotation, "__args__", (annotation,))]
    return next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)


def _example_text(model: type[BaseModel], keys: tuple[int | str, ...]) -> str:
    parent = _model_at(model, keys[:-1])
    field = parent.model_fields.get(str(keys[-1])) if parent is not None else None
    return f"; add for example `{keys[-1]}: {field.examples[0]}`" if field is not None and field.examples else ""


def _value_text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if not isinstance(value, str) else f"the text '{value}'"
    return text if len(text) <= 60 else text[:57] + "..."


class Section(BaseModel):
    """A section of params.yaml: each key is known, typed strictly, and finite."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
