"""JSON artifacts: sorted keys, no NaN, a final newline; read back into the model they came from."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from relight.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def write_json(path: Path, content: BaseModel | dict[str, Any]) -> None:
    """Same content, same bytes."""
    value = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The JSON value of a file.

    Raises:
        InputError: when the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    except ValueError as error:
        raise InputError(f"{path}: is not JSON ({error}); run `dvc checkout` or `dvc repro`") from error


def read_model(path: Path, model: type[Model]) -> Model:
    """The JSON of a file as the model that wrote it."""
    value = read_json(path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(f"{path}: {place}: {first['msg']}; run `dvc checkout` or `dvc repro`") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
