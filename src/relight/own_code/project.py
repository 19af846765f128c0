"""The files of the user's own code: they lie below the project's folder or its src/, and nowhere else.

Nothing is imported here: files are found by their names.
"""

import sys
from importlib.machinery import PathFinder
from itertools import accumulate
from pathlib import Path

from relight.errors import InputError
from relight.runtime.tracebacks import OUR_PACKAGES  # dvc.yaml names their folders anyway

SOURCE_FOLDERS = ("", "src")  # below the project's folder
RESULT_FOLDERS = ("data", "models", "reports")  # hold data and results, also those that strangers made
TORCH_MODULES = ("torch.optim", "torch.nn")  # whose classes may be named as well
INSTALLED = {"site-packages", "dist-packages"}  # folders of pip


def locate(module: str, root: Path) -> Path:
    """Return the file of a module of the project.

    Args:
        module: its dotted name, as `houses.networks`.
        root: the project's folder.

    Raises:
        InputError: if there is none, or `find_module` refuses it.
    """
    top = module.split(".")[0]
    if top in OUR_PACKAGES:
        raise InputError(f"{module}: must be a module of yours, got one of Relight's; name one of yours")
    if top in (*sys.stdlib_module_names, "__main__"):
        raise InputError(
            f"{module}: must be a module of this project, got one of Python's standard library; "
            "put the function into a module of yours"
        )
    path = find_module(module, root)
    if path is None:
        tried = " or ".join(str(Path(folder, *module.split(".")).with_suffix(".py")) for folder in SOURCE_FOLDERS)
        raise InputError(
            f"{module}: must be a module of this project, got no file {tried} in {root.resolve()}{_torch_hint(module)}"
        )
    return path


def _torch_hint(module: str) -> str:
    if module.startswith("torch.optim.lr_scheduler"):
        return "; train.schedule has one_cycle (OneCycleLR), step (StepLR) and cosine, or takes a function of yours"
    return f"; classes of PyTorch lie in {' and '.join(TORCH_MODULES)}" if module.split(".")[0] == "torch" else ""


def find_module(module: str, root: Path) -> Path | None:
    """Return the file of a module below the project's folder or its src/; None if there is none.

    Raises:
        InputError: if two files could be meant, another module has its name, or the file lies out of the project, or
            among data and results.
    """
    files = _files_of(module, root)
    if not files:
        return None
    parents = [*accumulate(module.split("."), "{}.{}".format)][:-1]
    above = [file for parent in parents for file in _files_of(parent, root)]
    hidden = [file for file in above if file.name != "__init__.py" or not files[0].is_relative_to(file.parent)]
    if len(files) + len(hidden) > 1:
        names = " and ".join(relative(file, root) for file in (*files, *hidden))
        raise InputError(f"{module}: must be one file, got {names}; rename one of them")
    _assert_own_place(files[0], root)
    _assert_own_name(module.split(".")[0])
    return files[0]


def _files_of(module: str, root: Path) -> list[Path]:
    """Return the files that have the name of a module, as a module or as a package."""
    parts = module.split(".")
    stems = [Path(root, folder, *parts) for folder in SOURCE_FOLDERS]
    paths = [path for stem in stems for path in (stem.with_name(f"{parts[-1]}.py"), stem / "__init__.py")]
    return [path for path in paths if _is_file(path)]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long, or the folder is closed
        return False


def _assert_own_place(path: Path, root: Path) -> None:
    """Check where a file really lies: links are followed."""
    here, real = root.resolve(), path.resolve()
    if not real.is_relative_to(here):
        raise InputError(f"{relative(path, root)}: must lie in the project's folder, got a link to {real}")
    inside = real.relative_to(here)
    if inside.parts[0] in RESULT_FOLDERS:
        raise InputError(f"{inside}: must not lie in {inside.parts[0]}/, which holds data and results; move it to src/")
    environment = Path(sys.prefix).resolve()
    if environment != here and environment.is_relative_to(here) and real.is_relative_to(environment):
        raise InputError(f"{inside}: must be code of this project, got a file of the virtual environment")


def _assert_own_name(top: str) -> None:
    """Refuse a file that has the name of a module of Python or of an installed one: a run might import either."""
    place = "Python's standard library" if top in sys.stdlib_module_names else _installed_at(top)
    if place:
        raise InputError(f"{top}: must be a module of this project only, got another one in {place}; rename yours")


def _installed_at(top: str) -> str:
    """Return the place of an installed module; "" if there is none. Other copies of the project do not count."""
    folders = [folder for folder in sys.path if INSTALLED & set(Path(folder).parts)]
    spec = PathFinder.find_spec(top, folders)
    if spec is None:
        return ""
    return spec.origin or next(iter(spec.submodule_search_locations or []), "")


def relative(path: Path, root: Path) -> str:
    """Return a path of the project as dvc.yaml and messages write it; links are not followed."""
    return Path(path).absolute().relative_to(root.absolute()).as_posix()
