"""`relight upgrade`: a project made for one Relight, brought to the one that is installed.

It changes relight.json, the scripts of the stages, what Relight wrote in dvc.yaml, the number in pyproject.toml, and
adds to .gitattributes that Git keeps the bytes of data/.
Own changes are kept, and every change is shown before it is made.
"""

import difflib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from relight.errors import InputError
from relight.project.merge import item_name, merge
from relight.project.record import Record, installed_record, parse_record, text_hash
from relight.project.rerun import rerun_lines
from relight.project.round_trip import dump_round_trip, load_round_trip, parse_round_trip
from relight.project.templates import STAGE_SCRIPTS, render
from relight.runtime.audit import is_in_repository
from relight.runtime.dependencies import INSTALLED
from relight.runtime.files import write_text
from relight.runtime.installed import CODE_ROOT, NOT_HASHED, STAGE_CODE, read_installed
from relight.runtime.messages import write_out
from relight.runtime.places import assert_stays
from relight.runtime.workspace import find_root

PIPELINE, RECORD, PROJECT_FILE = Path("dvc.yaml"), Path(INSTALLED), Path("pyproject.toml")
ATTRIBUTES, DATA_ATTRIBUTES = Path(".gitattributes"), "data/** -text"
OWN_SOURCE = "src/relight"
PINNED = re.compile(r"(?<![\w.-])(relight(?:\[[\w, -]*\])?\s*==\s*)([\w.!+*]+)")


class Upgrade(NamedTuple):
    """The changes that an upgrade makes.

    Attributes:
        texts: the new text of each file that changes.
        notes: on own changes that were in the way, a sentence each.
        reruns: a line for each stage.
    """

    before: str
    now: str
    texts: dict[Path, str]
    notes: list[str]
    reruns: list[str]

    def shown(self) -> str:
        """Return the changes as a diff, the notes, and what will run again."""
        diffs = "".join(_diff(path, text) for path, text in self.texts.items())
        notes = "".join(f"note: {note}\n" for note in self.notes)
        return f"{diffs}\nRelight {self.before} → {self.now}\n{notes}" + "".join(f"{line}\n" for line in self.reruns)


def upgrade(show: Callable[[str], None], confirm: Callable[[], bool]) -> str:
    """Bring the project in this folder to the installed Relight; return how it ended.

    Args:
        show: prints the changes.
        confirm: asks whether they are to be made.

    Raises:
        InputError: outside a project, and in Relight's own repository.
    """
    planned = plan_upgrade()
    if not planned.texts:
        return f"nothing to do: the project is of the installed Relight {planned.now}\n" + "".join(
            f"note: {note}\n" for note in planned.notes
        )
    show(planned.shown())
    if not confirm():
        return "nothing was written\n"
    for path in planned.texts:
        assert_stays(path)
    for path, text in planned.texts.items():  # relight.json is the last: until then the stages refuse to run
        path.parent.mkdir(exist_ok=True)
        write_text(path, text)
    return f"written: {', '.join(map(str, planned.texts))}; next: `dvc repro`\n"


def ask() -> bool:
    """Return whether the person at the terminal wants the changes.

    Raises:
        InputError: if there is no terminal to ask in.
    """
    if not sys.stdin.isatty():
        raise InputError(
            "upgrade: there is no terminal to ask in, and nothing was written; type `relight upgrade --yes`"
        )
    write_out("make these changes? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def plan_upgrade() -> Upgrade:
    """Return what an upgrade of the project in this folder would do. It writes nothing."""
    own, original = load_round_trip(PIPELINE), load_round_trip(PIPELINE)
    _refuse_other_folders(own)
    before = parse_record(read_installed(RECORD)) if RECORD.exists() else _copied_record()
    now = installed_record()
    notes = merge(own, before.pipeline, parse_round_trip(render(str(PIPELINE))))
    _ensure_installed(own["stages"])
    scripts, script_notes = _new_scripts(before)
    pipeline = PIPELINE.read_text(encoding="utf-8") if own == original else dump_round_trip(own, PIPELINE)
    texts = {PIPELINE: pipeline, **scripts, **_attributes(), **_pinned(now.version), RECORD: now.text()}
    reruns = rerun_lines(before, now, [str(path) for path in scripts], original["stages"], own["stages"])
    changed = {path: text for path, text in texts.items() if text != _read(path)}
    return Upgrade(before.version, now.version, changed, [*(f"{PIPELINE}: {n}" for n in notes), *script_notes], reruns)


def _refuse_other_folders(pipeline: Any) -> None:
    stages = pipeline.get("stages")
    if not isinstance(stages, dict) or not set(STAGE_CODE) & set(stages):
        raise InputError(f"{PIPELINE}: has no stage of Relight; run this in a folder that `relight new` made")
    repository = find_root(Path.cwd()) or Path.cwd()
    if Path(OWN_SOURCE).is_dir() or is_in_repository(str(CODE_ROOT), str(repository)):
        raise InputError(f"{repository}: this repository holds the code of Relight itself; `git pull` upgrades it")


def _copied_record() -> Record:
    """Return the record of a dvc.yaml copied from Relight's own repository: it has the code among its deps."""
    pipeline = installed_record().pipeline
    for stage, names in STAGE_CODE.items():
        entry = pipeline["stages"][stage]
        entry["deps"] = [*entry["deps"], *(f"{OWN_SOURCE}/{name}" for name in (*names, *NOT_HASHED))]
        entry["params"] = [param for param in entry["params"] if item_name(param) != INSTALLED]
    return Record("unknown", {}, {}, {}, pipeline)


def _ensure_installed(stages: Any) -> None:
    """Name relight.json in each stage: without it another Relight would change nothing."""
    for stage in STAGE_CODE:
        if stage in stages:
            params = stages[stage].setdefault("params", [])
            if INSTALLED not in [item_name(param) for param in params]:
                params.insert(0, {INSTALLED: [stage]})


def _new_scripts(before: Record) -> tuple[dict[Path, str], list[str]]:
    """Return the text of each script in stages/ that changes, and notes on those with own changes."""
    texts: dict[Path, str] = {}
    notes: list[str] = []
    for script in STAGE_SCRIPTS:
        path, new = Path(script), render(script)
        here = _read(path)
        if here == new:
            continue
        if here is None or text_hash(here) == before.scripts.get(script):
            texts[path] = new
        elif before.scripts.get(script) != text_hash(new):
            notes.append(f"{script}: was changed here, and is kept; Relight has another one:\n{_diff(path, new)}")
    return texts, notes


def _attributes() -> dict[Path, str]:
    """Return .gitattributes with the line by which Git keeps the bytes of data/, before more special ones."""
    text, template = _read(ATTRIBUTES), render("gitattributes")
    if text is None:
        return {ATTRIBUTES: template}
    lines, new = text.splitlines(), template.splitlines()
    if any(words[0] == "data/**" and {"-text", "binary"} & set(words) for words in map(str.split, lines) if words):
        return {}
    start = max((number for number, line in enumerate(lines, 1) if line.startswith("* ")), default=0)
    k = new.index(DATA_ATTRIBUTES)  # below its comment
    return {ATTRIBUTES: "\n".join([*lines[:start], *new[k - 1 : k + 1], *lines[start:], ""])}


def _pinned(version: str) -> dict[Path, str]:
    """Return pyproject.toml, if there is one, with the number of the installed Relight where it names one."""
    text = _read(PROJECT_FILE)
    return {} if text is None else {PROJECT_FILE: PINNED.sub(lambda match: match[1] + version, text)}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _diff(path: Path, new: str) -> str:
    old = _read(path) or ""
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{path}", f"b/{path}")
    return "".join(lines)
