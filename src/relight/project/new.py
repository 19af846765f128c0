"""`relight new`: a folder with a pipeline of its own, which runs the installed Relight and holds none of its code.

Everything that is wrong is said at once, before anything is written.
"""

import os
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from relight.commands.samples import write_sample
from relight.errors import InputError, problems_of
from relight.project.place import Place, find_place, is_inside, name_problems, taken_problems
from relight.project.record import installed_record
from relight.project.starting_params import (
    DEFAULT_RECIPE,
    TABLE_RECIPE,
    StartingParams,
    recipe_names,
    sample_table,
    starting_params,
    table_problems,
)
from relight.project.templates import Project, project_files, shared_files
from relight.project.writing import TableCopy, write_project
from relight.runtime.messages import pluralize
from relight.runtime.places import SAMPLE_NAMES
from relight.version import RELIGHT_VERSION

RAW = Path("data/raw")


class Request(NamedTuple):
    """The arguments of `relight new`.

    Attributes:
        root: of the project, absolute; its name is that of the package.
        source: a table that exists somewhere; None: that of the recipe.
        target: None: that of the recipe.
    """

    root: Path
    recipe: str
    source: Path | None
    target: str | None


def new(folder: Path, recipe: str | None, source: Path | None, target: str | None) -> str:
    """Make a project; return what was made, and the next two commands.

    Args:
        recipe: None: the line of the tutorial, or the recipe for tables if there is a source.

    Raises:
        InputError: with everything that is wrong: the name, the folder, the recipe, the source, the target.
    """
    is_table = source is not None and source.suffix != ".yaml"
    root = _absolute(folder)
    request = Request(root, recipe or (TABLE_RECIPE if is_table else DEFAULT_RECIPE), source, target)
    problems = _problems(request)
    if problems:
        raise InputError(*problems)
    place = find_place(root)
    params = starting_params(request.recipe, _source_name(request, place), target)
    texts = _texts(request, place, params)
    table = _table_copy(request, place)
    write_project(place, texts, table)
    if Path(params.source).stem in SAMPLE_NAMES and not (root / params.source).exists():
        write_sample(Path(params.source).stem, root / RAW)
    return _summary(request, place, params, len(texts) + (table is not None))


def _absolute(path: Path) -> Path:
    """Return the absolute path; a link at its end keeps its name."""
    full = Path(os.path.abspath(path))
    return full.parent.resolve() / full.name


def _problems(request: Request) -> list[str]:
    problems = [*name_problems(request.root.name), *problems_of(lambda: find_place(request.root))]
    if not problems:
        problems += _taken_problems(request, find_place(request.root))
    return [*problems, *_data_problems(request)]


def _taken_problems(request: Request, place: Place) -> list[str]:
    paths = list(_texts(request, place, starting_params(DEFAULT_RECIPE)))  # the paths are those of every recipe
    copy = _table_copy(request, place) if request.source or request.recipe in recipe_names() else None
    return taken_problems([*paths, *([] if copy is None else [copy.target])])


def _data_problems(request: Request) -> list[str]:
    """Return what is wrong with recipe, source and target, as far as it can be known without an unknown one of them."""
    problems = problems_of(lambda: starting_params(request.recipe, target=request.target))
    params = None if problems else starting_params(request.recipe, target=request.target)
    table = request.source or (None if params is None else sample_table(params.source))
    target = request.target if params is None else params.target
    if table is not None:
        problems += table_problems(table, target, is_asked=request.target is not None)
    return problems


def _source_name(request: Request, place: Place) -> str | None:
    """Return the source as params.yaml names it; None: as the recipe does.

    A table of the same repository stays where it is, any other is copied.
    """
    if request.source is None:
        return None
    full = _absolute(request.source)
    stays = is_inside(full, place)
    return Path(os.path.relpath(full, place.root)).as_posix() if stays else (RAW / full.name).as_posix()


def _table_copy(request: Request, place: Place) -> TableCopy | None:
    """Return the table that is copied into data/raw/, if one is."""
    if request.source is not None:
        full = _absolute(request.source)
        return None if is_inside(full, place) else TableCopy(full, place.root / RAW / full.name)
    source = starting_params(request.recipe).source
    sample = sample_table(source)
    return None if sample is None else TableCopy(sample, place.root / source)


def _texts(request: Request, place: Place, params: StartingParams) -> dict[Path, str]:
    """Return the text of each file of the project by its path."""
    project = Project(request.root.name, RELIGHT_VERSION, place.folder, params.rows_belong_together)
    own = {**project_files(project), "params.yaml": params.text, "relight.json": installed_record().text()}
    shared = shared_files(project, has_dvc=place.has_dvc)
    return {
        **{place.root / path: text for path, text in own.items()},
        **{place.repository / path: text for path, text in shared.items()},
    }


def _summary(request: Request, place: Place, params: StartingParams, n_files: int) -> str:
    root = os.path.relpath(request.root)
    made = [name for name, exists in (("Git", place.has_git), ("DVC", place.has_dvc)) if not exists]
    repository = f"; {' and '.join(made)} of {os.path.relpath(place.repository)} made" if made else ""
    has_table = (request.root / params.source).exists()
    missing = f"params.yaml names {params.source}, which is not there yet: put your table there, and name its target\n"
    return (
        f"{root}: recipe {request.recipe}, Relight {RELIGHT_VERSION}, {pluralize(n_files, 'file')}{repository}\n"
        f"{'' if has_table else missing}"
        f"next:\n  cd {quote(root)}\n  {'dvc repro' if has_table else 'relight check'}\n"
    )
