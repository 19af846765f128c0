"""A call of the user's own code in params.yaml: `{call: "module:name", setting: value}` in the place of a name of ours.

Only text is read here; nothing is imported.
"""

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

NAME_TAG, CALL_TAG = "<name>", "<call>"  # which form a value has; left out of messages
Named = TypeVar("Named")


def _assert_dotted(call: str) -> str:
    if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", call) is None:
        raise PydanticCustomError(
            "own_section", f"must be module:name, as houses.networks:ResidualMlp, got the text '{call[:60]}'"
        )
    return call


class Call(BaseModel):
    """A function or class by its name, and its settings as keyword arguments.

    Attributes:
        call: `module:name`, as `houses.networks:ResidualMlp`; the module lies below the project's folder or its src/.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)

    call: Annotated[str, AfterValidator(_assert_dotted)] = Field(examples=['"houses.networks:ResidualMlp"'])

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


def _form(value: Any) -> str:
    is_call = isinstance(value, Call) or (isinstance(value, dict) and "call" in value)
    return CALL_TAG if is_call else NAME_TAG


# A name or section of ours, or a call of theirs.
OrCall = Annotated[Annotated[Named, Tag(NAME_TAG)] | Annotated[Call, Tag(CALL_TAG)], Discriminator(_form)]


def find_calls(params: Any, key: str = "") -> Iterator[tuple[str, Call]]:
    """Yield each call in params.yaml with its dotted key; a call that is not well formed is left to the section."""
    if isinstance(params, dict):
        if isinstance(params.get("call"), str):
            call = Call.model_construct(**{str(name): value for name, value in params.items()})
            if ":" in call.call:
                yield key, call
        for name, value in params.items():
            yield from find_calls(value, f"{key}.{name}" if key else str(name))
    elif isinstance(params, list):
        for index, value in enumerate(params):
            yield from find_calls(value, f"{key}.{index}")
