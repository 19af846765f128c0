"""`relight reference`: every setting as Markdown, read from the classes that check it."""

import ast
import inspect
import itertools
import json
import textwrap
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from relight.evaluate.params import EvaluateParams
from relight.model.params import ModelParams
from relight.own_code.calls import Call
from relight.plot.params import PlotParams
from relight.prepare.params import LineParams, PrepareParams
from relight.runtime.params import Section
from relight.split.params import SplitParams
from relight.sweep.params import SweepParams
from relight.train.params import TrainParams

SECTIONS: dict[str, type[Section]] = {
    "prepare": PrepareParams,
    "split": SplitParams,
    "model": ModelParams,
    "train": TrainParams,
    "evaluate": EvaluateParams,
    "plot": PlotParams,
}  # of params.yaml

FILES: dict[str, type[Section]] = {"data/raw/line.yaml": LineParams, "sweep.yaml": SweepParams}

HEAD = """\
# Reference

Every setting of [params.yaml](../params.yaml), read from the classes that check it before the first stage runs; then
those of a `.yaml` source and of `sweep.yaml`. Keys that are not here are refused.

- required: there is no default.
- as below: a section that is left out has the defaults of its own table.

This page is the output of `relight reference > docs/reference.md`.
"""

TABLE = ["| setting | values | default | what it does |", "| --- | --- | --- | --- |"]

TYPES = {str: "text", int: "whole number", float: "number", type(None): "`null`", Call: "a call of your own code"}

BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def reference() -> str:
    """Return the page: a heading and a table for each section, sections in sections after the one they are in."""
    lines = [HEAD]
    for name, section in SECTIONS.items():
        lines += _tables(section, name, f"## {name}")
    for name, section in FILES.items():
        lines += _tables(section, "", f"## {name}")
    return "\n".join(lines)


def _tables(section: type[Section], key: str, heading: str) -> Iterator[str]:
    yield from (heading, "", " ".join((section.__doc__ or "").split()), "", *TABLE)
    nested = {}
    for name, text in descriptions(section).items():
        field, dotted = section.model_fields[name], f"{key}.{name}" if key else name
        yield f"| `{dotted}` | {_values(field, dotted)} | {_default(field)} | {text} |"
        inner = _section_in(field)
        if inner is not None:
            nested[dotted] = inner
    yield ""
    for dotted, inner in nested.items():
        yield from _tables(inner, dotted, f"### {dotted}")


def descriptions(section: type[Section]) -> dict[str, str]:
    """Return what each setting does, in their order: the text below it, else that of the section it is; else "".

    The text is an attribute docstring (PEP 258). It is read here and not by pydantic (`use_attribute_docstrings`),
    which would read the source of every class at each import: 30 ms for each stage.
    """
    texts = {name: text for owner in reversed(section.__mro__) for name, text in _attribute_docstrings(owner)}
    for name, field in section.model_fields.items():
        inner = _section_in(field)
        if inner is not None:
            texts.setdefault(name, inner.__doc__ or "")
    return {name: " ".join(texts.get(name, "").split()) for name in section.model_fields}


def _attribute_docstrings(owner: type) -> Iterator[tuple[str, str]]:
    if not issubclass(owner, Section):
        return
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(definition, ast.ClassDef)
    for setting, text in itertools.pairwise(definition.body):
        match setting, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(written))):
                yield name, written


def _section_in(field: FieldInfo) -> type[Section] | None:
    """Return the section that the setting is, if it is one; `Section | None` counts."""
    options = [field.annotation, *(getattr(o, "__origin__", o) for o in get_args(field.annotation))]
    return next((o for o in options if isinstance(o, type) and issubclass(o, Section)), None)


def _values(field: FieldInfo, dotted: str) -> str:
    """Return the values that the setting may have: literals, types with their ranges, a link to a section's table."""
    return _one_of(_options(field.annotation, field.metadata, dotted))


def _options(annotation: Any, metadata: list[Any], dotted: str) -> list[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return [f"`{value}`" for value in arguments]
    if origin in (Union, types.UnionType):
        return [option for argument in arguments for option in _options(argument, metadata, dotted)]
    if origin is Annotated:
        inner = FieldInfo.from_annotation(annotation)
        return _options(inner.annotation, inner.metadata, dotted)
    if origin in (list, dict):
        return [f"{'list of' if origin is list else 'mapping to'} {_one_of(_options(arguments[-1], [], dotted))}"]
    if annotation is bool:
        return ["`true`", "`false`"]
    return [_type(annotation, metadata, dotted)]


def _one_of(options: list[str]) -> str:
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def _type(kind: type, metadata: list[Any], dotted: str) -> str:
    """Return the name of a type; of numbers also the range."""
    if issubclass(kind, Section):
        return f"[section](#{dotted.replace('.', '')})"
    name = TYPES.get(Call if issubclass(kind, Call) else kind, kind.__name__.lower())
    bounds = [(sign, getattr(m, key)) for m in metadata for key, sign in BOUNDS.items() if hasattr(m, key)]
    limits = ", ".join(f"{sign} {limit:,}" for sign, limit in bounds)
    return f"{name} ({limits})" if limits and kind in (int, float) else name


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, Section):
        return "as below"
    return f"`{field.default}`" if isinstance(field.default, str) else f"`{json.dumps(field.default)}`"
