"""relight.json: which code of Relight a project runs, and what of the project's files is Relight's.

Each stage has the hash that `relight.runtime.installed` compares with the installed code. What was written is recorded,
so that `relight upgrade` can tell an own change from an old template.
"""

import hashlib
from typing import Any, NamedTuple

from relight.project.templates import STAGE_SCRIPTS, render
from relight.runtime.files import json_text
from relight.runtime.installed import STAGE_CODE, code_hash, stage_hash
from relight.runtime.strict_yaml import parse_yaml
from relight.version import RELIGHT_VERSION


class Record(NamedTuple):
    """The content of relight.json.

    Attributes:
        version: of Relight.
        stages: the hash of the code of each stage.
        code: the hash of each file and folder of Relight that a stage runs, to say why it runs again.
        scripts: the hash of each script in stages/, as it was written.
        pipeline: dvc.yaml, as it was written.
    """

    version: str
    stages: dict[str, str]
    code: dict[str, str]
    scripts: dict[str, str]
    pipeline: dict[str, Any]

    def text(self) -> str:
        """Return the file: the hash of a stage is a key of its own, which dvc.yaml can name."""
        written = {"scripts": self.scripts, "dvc.yaml": self.pipeline}
        return json_text({**self.stages, "version": self.version, "code": self.code, "written": written})


def installed_record() -> Record:
    """Return the record of the Relight that runs."""
    names = sorted({name for names in STAGE_CODE.values() for name in names})
    return Record(
        RELIGHT_VERSION,
        {stage: stage_hash(stage) for stage in STAGE_CODE},
        {name: code_hash(name) for name in names},
        {script: text_hash(render(script)) for script in STAGE_SCRIPTS},
        parse_yaml(render("dvc.yaml"), "dvc.yaml").value,
    )


def parse_record(content: dict[str, Any]) -> Record:
    """Return the record in the content of a relight.json; what an older or edited file lacks is empty."""
    written = _mapping(content.get("written"))
    return Record(
        str(content.get("version", "unknown")),
        {stage: str(content[stage]) for stage in STAGE_CODE if stage in content},
        _mapping(content.get("code")),
        _mapping(written.get("scripts")),
        _mapping(written.get("dvc.yaml")),
    )


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
