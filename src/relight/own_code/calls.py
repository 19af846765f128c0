"""A call of the user's own code in params.yaml: `{call: "module:name", setting: value}` in the place of a name of ours.

Only text is read here; nothing is imported.
"""

import math
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

NAME_TAG, CALL_TAG = "<name>", "<call>"  # which form a value has; left out of messages
Named = TypeVar("Named")
AnyCall = TypeVar("AnyCall", bound="Call")


class Call(BaseModel):
    """A function or class by its name, and its settings as keyword arguments.

    Attributes:
        call: `module:name`, as `houses.networks:ResidualMlp`; the module lies below the project's folder or its src/.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)

    call: str = Field(examples=['"houses.networks:ResidualMlp"'])

    @field_validator("call")
    @classmethod
    def names_a_module_and_a_name(cls, value: str) -> str:
        if not is_well_formed(value):
            raise PydanticCustomError("call_form", 'must be "module:name", as "houses.networks:ResidualMlp"')
        return value

    @model_validator(mode="after")
    def settings_are_finite(self) -> Self:
        """Refuse NaN and infinite numbers, as all sections do: model.json cannot hold them."""
        wrong = next((name for name, value in self.settings.items() if not _is_finite(value)), None)
        if wrong is not None:
            raise PydanticCustomError("own_section", f"{wrong} must be finite, got {self.settings[wrong]}")
        return self

    @property
    def module(self) -> str:
        """The dotted name of the module."""
        return self.call.split(":")[0]

    @property
    def name(self) -> str:
        """The name of the function or class in its module."""
        return self.call.split(":")[1]

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments, without the fields that Relight reads itself."""
        return dict(self.model_extra or {})

    def __str__(self) -> str:
        return self.call


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(_is_finite(part) for part in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def form_of(value: Any) -> str:
    """Return the tag of the form that a value has."""
    is_call = isinstance(value, Call) or (isinstance(value, dict) and "call" in value)
    return CALL_TAG if is_call else NAME_TAG


# A name or section of ours, or a call of theirs; of a class that also has fields which Relight reads itself.
OrCallOf = Annotated[Annotated[Named, Tag(NAME_TAG)] | Annotated[AnyCall, Tag(CALL_TAG)], Discriminator(form_of)]
OrCall = OrCallOf[Named, Call]


def is_well_formed(call: str) -> bool:
    """Return whether a text is `module:name`: Python names with dots, a colon, and a Python name.

    Names are in Unicode's NFKC form, which is the one that Python compares: others look like a name and are another.
    """
    module, colon, name = call.partition(":")
    names = [*module.split("."), name]
    return bool(colon) and all(part.isidentifier() and unicodedata.is_normalized("NFKC", part) for part in names)


def find_calls(params: Any, key: str = "") -> Iterator[tuple[str, Call]]:
    """Yield each call in params.yaml with its dotted key; a call that is not well formed is left to the section."""
    if isinstance(params, dict):
        if isinstance(params.get("call"), str) and is_well_formed(params["call"]):
            with suppress(ValidationError):
                yield key, Call.model_validate(params)
        for name, value in params.items():
            yield from find_calls(value, f"{key}.{name}" if key else str(name))
    elif isinstance(params, list):
        for index, value in enumerate(params):
            yield from find_calls(value, f"{key}.{index}")
