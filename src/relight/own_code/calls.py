"""A call of the user's own code in params.yaml: `{call: "module:name", setting: value}` in the place of a name of ours.

Only text is read here; nothing is imported.
"""

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

NAME_TAG, CALL_TAG = "<name>", "<call>"  # which form a value has; left out of messages
Named = TypeVar("Named")


class Call(BaseModel):
    """A function or class by its name, and its settings as keyword arguments.

    Attributes:
        call: `module:name`, as `houses.networks:ResidualMlp`; the module lies below the project's folder or its src/.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)

    call: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", examples=['"houses.networks:ResidualMlp"']
    )

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


def form_of(value: Any) -> str:
    """Return the tag of the form that a value has."""
    is_call = isinstance(value, Call) or (isinstance(value, dict) and "call" in value)
    return CALL_TAG if is_call else NAME_TAG


# A name or section of ours, or a call of theirs.
OrCall = Annotated[Annotated[Named, Tag(NAME_TAG)] | Annotated[Call, Tag(CALL_TAG)], Discriminator(form_of)]


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
