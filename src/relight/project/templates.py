"""The files of a project, from the templates in its folder.

A template is the file itself with «names» to fill in, so that it reads as what it becomes. The scripts of the stages
are those of Relight's own repository.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined

TEMPLATES = Path(__file__).with_name("template")
STAGE_SCRIPTS = tuple(
    f"stages/{name}.py" for name in ("__init__", "check", "prepare", "split", "train", "evaluate", "plot")
)

# Each file of a project → its template. Those that begin with a point have templates that can be seen.
TEMPLATE_NAMES = {
    "dvc.yaml": "dvc.yaml",
    "sweep.yaml": "sweep.yaml",
    **{script: script for script in STAGE_SCRIPTS},
    "src/{package}/networks.py": "networks.py",
    "src/{package}/metrics.py": "metrics.py",
    "data/raw/README.md": "raw_readme.md",
    "tests/test_pipeline.py": "test_pipeline.py",
    "tests/test_own_code.py": "test_own_code.py",
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".gitattributes": "gitattributes",
    ".dvcignore": "dvcignore",
}
# Those at the top of the Git repository, which several projects may share.
DVC_TEMPLATE_NAMES = {".dvc/config": "dvc_config", ".dvc/.gitignore": "dvc_gitignore"}
WORKFLOW_TEMPLATE_NAMES = {".github/workflows/{package}.yml": "workflow.yml"}


class Project(NamedTuple):
    """The facts of a project that the templates name.

    Attributes:
        package: the name of the package of own code.
        version: of Relight.
        folder: of the project, from the top of the Git repository.
        rows_belong_together: whether single rows of the table mean nothing, as in a series.
    """

    package: str
    version: str
    folder: str
    rows_belong_together: bool


def project_files(project: Project) -> dict[str, str]:
    """Return the text of each file, by its path in the project."""
    return _filled_in(TEMPLATE_NAMES, project) | {f"src/{project.package}/__init__.py": ""}


def shared_files(project: Project, *, has_dvc: bool) -> dict[str, str]:
    """Return the text of each file at the top of the Git repository, by its path in it.

    Args:
        has_dvc: whether it is a DVC repository already.
    """
    return _filled_in(WORKFLOW_TEMPLATE_NAMES | ({} if has_dvc else DVC_TEMPLATE_NAMES), project)


def _filled_in(names: dict[str, str], project: Project) -> dict[str, str]:
    return {path.format(package=project.package): render(name, project) for path, name in names.items()}


def render(name: str, project: Project | None = None) -> str:
    """Return a template, filled in."""
    text = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    return _environment().from_string(text).render({} if project is None else project._asdict())


@cache
def _environment() -> Environment:
    return Environment(
        variable_start_string="«",
        variable_end_string="»",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
