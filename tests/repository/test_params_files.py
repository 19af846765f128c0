"""Params that stand in other files than params.yaml are those of DVC, for every ending that it reads."""

import subprocess
from pathlib import Path

import pytest
from dvc.utils.serialize import PARSERS

from relight.errors import InputError
from relight.repository.params_files import changed_params, chosen_values, other_params_files, read_params_file
from relight.repository.revisions import frozen_notes, parse_run, read_commits, read_lock, read_workspace
from relight.runtime.nested import flatten_to_text

YAML = "featurize:\n  per_m2: 3.5\n  rooms: [1, 2]\n  scale: 1e-3\n  log: true\n  unit: null\nother: x\n"
JSON = '{"featurize": {"per_m2": 3.5, "rooms": [1, 2], "scale": 1e-3, "log": true, "unit": null}, "other": "x"}'
TOML = 'other = "x"\n[featurize]\nper_m2 = 3.5\nrooms = [1, 2]\nscale = 1e-3\nlog = true\n'
PY = 'other = "x"\n\n\nclass featurize:\n    per_m2 = 3.5\n    rooms = [1, 2]\n    scale = 1e-3\n    log = True\n'
FILES = {"params.yaml": YAML, "a.yml": YAML, "a.JSON": JSON, "a.json": JSON, "a.toml": TOML, "a.py": PY, "conf": YAML}
VALUES = {
    "other": "x",
    "featurize.per_m2": "3.5",
    "featurize.rooms": "[1, 2]",
    "featurize.scale": "0.001",
    "featurize.log": "true",
    "featurize.unit": "null",
}


@pytest.mark.parametrize("name", FILES)
def test_the_values_of_a_file_are_those_that_dvc_reads(name: str) -> None:
    values = flatten_to_text(read_params_file(FILES[name].encode(), f"mine/{name}"))
    without_null = {key: value for key, value in VALUES.items() if key in values}
    assert values == without_null
    assert len(values) >= 5
    ending = Path(name).suffix
    assert values == flatten_to_text(PARSERS[ending.lower() or ".yaml"](FILES[name], name))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b'{"a": 1', r"a\.json: cannot be read \(Expecting"),
        ("a.toml", b"a = ", r"a\.toml: cannot be read \(Invalid value"),
        ("a.yaml", b"a: [1", r"a\.yaml: cannot be read"),
        ("a.json", b"\xff", r"a\.json: cannot be read"),
        ("a.json", b"[1, 2]", r"a\.json: must be a mapping of names to values, got a list"),
        ("a.yaml", b"just words", r"a\.yaml: must be a mapping of names to values, got a str"),
        ("a.py", b"a = (", r"a\.py: cannot be read"),
        ("a.json", b"[" * 100_000, r"a\.json: cannot be read"),
    ],
)
def test_a_file_that_is_none_is_named(name: str, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_params_file(content, name)


STAGES = """\
params: [top.json, ./mine/top.yaml]
stages:
  a: {cmd: x, params: [train, mine/params.yaml: [featurize, a.b]]}
  b: {cmd: x, params: [./mine/params.yaml: [scale], whole.toml: null]}
  c: {cmd: x, wdir: sub, params: [seed, ../mine/params.yaml: [deep]]}
  d: {foreach: [1, 2], do: {cmd: x, params: [each.yaml: [k]]}}
  e: {matrix: {m: [u, v]}, cmd: x, params: ["${item.m}.yaml": [k]]}
  f: {cmd: x, params: [relight.json: [prepare], params.yaml: [model]]}
"""
LOCK = """\
stages:
  e@u: {cmd: x, params: {u.yaml: {k: 1}}}
  e@v: {cmd: x, params: {v.yaml: {k: 2}}}
  other: {cmd: x, params: {no.yaml: {k: 2}}}
"""


def test_the_files_are_those_that_stages_and_dvc_yaml_name() -> None:
    assert other_params_files(STAGES.encode(), LOCK.encode()) == {
        "mine/params.yaml": ("featurize", "a.b", "scale", "deep"),
        "whole.toml": None,
        "sub/params.yaml": ("seed",),
        "each.yaml": ("k",),
        "u.yaml": ("k",),
        "v.yaml": ("k",),
        "top.json": None,
        "mine/top.yaml": None,
    }


def test_the_values_that_a_dvc_yaml_refers_to_count_as_well() -> None:
    """Those of `vars`: DVC fills them in, and lists the ones that are used."""
    pipeline = """\
vars: [mine/v.yaml, {inline: 1}, other.json:sec]
stages:
  a: {cmd: "x ${area.per_m2}", vars: [a.toml], deps: ["${inline}"]}
  b: {cmd: y}
"""
    keys = ("area.per_m2", "inline")
    assert other_params_files(pipeline.encode(), b"") == {"a.toml": keys, "mine/v.yaml": keys, "other.json": keys}
    assert other_params_files(b"vars: [mine/v.yaml]\nstages: {b: {cmd: y}}", b"") == {}
    assert chosen_values({"area": {"per_m2": "3.5"}, "unused": "1"}, keys) == {"area.per_m2": "3.5"}


@pytest.mark.parametrize("pipeline", [b"", b"[", b"stages: 1", b"stages: {a: 1, b: {params: 2}, c: {params: [[1]]}}"])
def test_a_dvc_yaml_that_is_none_names_no_file(pipeline: bytes) -> None:
    assert other_params_files(pipeline, b"") == {}


def test_of_a_file_the_named_values_count() -> None:
    values = read_params_file(YAML.encode(), "a.yaml")
    assert chosen_values(values, ("featurize.per_m2", "none")) == {"featurize.per_m2": "3.5"}
    assert chosen_values(values, None) == values


@pytest.mark.parametrize(("name", "content"), FILES.items())
def test_a_value_that_is_not_the_recorded_one_is_named_with_its_file(name: str, content: str) -> None:
    lock = f"stages: {{a: {{cmd: x, params: {{params.yaml: {{train: {{seed: 1}}}}, mine/{name}: PARAMS}}}}}}"
    for recorded, changed in (
        ("{featurize.scale: 0.001, other: x, featurize.rooms: [1, 2]}", []),
        ("{featurize.scale: 0.002, other: x}", [f"mine/{name}:featurize.scale"]),
        ("{gone: 1, featurize.log: true}", [f"mine/{name}:gone"]),
    ):
        stage = read_lock(lock.replace("PARAMS", recorded).encode())["a"]
        files = {"params.yaml": b"train: {seed: 1}", f"mine/{name}": content.encode()}
        assert changed_params(stage.params_by_file(), files.get) == changed
        files["params.yaml"] = b"train: {seed: 2}"
        assert changed_params(stage.params_by_file(), files.get) == ["train", *changed]
    gone = [f"mine/{name}:{key}" for key in ("gone", "featurize.log")]
    assert changed_params(stage.params_by_file(), lambda _: None) == ["train", *gone]


def git(*arguments: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_a_run_has_the_params_of_all_files_of_its_own_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modèle/mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "modèle")
    git("init", "-q", "-b", "main", "..")
    Path("dvc.yaml").write_text("stages: {a: {cmd: x, params: [train, mine/p.json: [area], ../shared.toml: [k]]}}\n")
    Path("params.yaml").write_text("train: {seed: 1}\n")
    Path("../shared.toml").write_text("k = 0.5\nnot_named = 1\n")
    Path("mine/p.json").write_text('{"area": {"per_m2": 3.5}, "not_named": 1}')
    git("add", "-A", "..")
    git("commit", "-qm", "one")
    Path("mine/p.json").write_text('{"area": {"per_m2": 4.5}}')
    git("commit", "-qam", "two")
    Path("mine/p.json").write_text("{")
    commits = [git("rev-parse", name) for name in ("HEAD~1", "HEAD")]
    runs = read_commits(commits)
    same = {"train.seed": "1", "../shared.toml:k": "0.5"}
    assert [flatten_to_text(runs[commit].params) for commit in commits] == [
        {**same, "mine/p.json:area.per_m2": "3.5"},
        {**same, "mine/p.json:area.per_m2": "4.5"},
    ]
    (tmp_path / ".dvc").mkdir()
    here = read_workspace()
    assert flatten_to_text(here.params) == same
    assert next(line for line in here.missing if "p.json" in line).startswith("mine/p.json: cannot be read")
    Path("mine/p.json").unlink()
    assert "no mine/p.json" in read_workspace().missing


def test_a_file_outside_of_the_repository_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clone/.dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "clone")
    (tmp_path / "secret.yaml").write_text("key: of somebody\n")
    Path("link").symlink_to("..")
    Path("dvc.yaml").write_text("params: [../secret.yaml, link/secret.yaml]\n")
    assert read_workspace().params == {}


FROZEN = "stages: {train: {cmd: x, frozen: true, params: [train, mine/p.toml: [k]]}, plot: {cmd: x, params: [train]}}\n"
FROZEN_LOCK = (
    "stages: {train: {cmd: x, params: {params.yaml: {train: {epochs: 1000, rate: 1e-3}}, mine/p.toml: {k: 0.5}}}}"
)
NOTE = "note: train: is frozen in dvc.yaml, so that `dvc repro` does not run it, whatever changes"
END = "; `dvc unfreeze train` lets it run\n"


@pytest.mark.parametrize(
    ("params", "own", "lock", "note"),
    [
        ("train: {epochs: 1000, rate: 0.001}", "k = 0.5", FROZEN_LOCK, f"{NOTE}{END}"),
        (
            "train: {epochs: 20, rate: 0.001}",
            "k = 0.25",
            FROZEN_LOCK,
            f"{NOTE}, and what it wrote was made with train.epochs=1000 (params.yaml has 20), k=0.5 (mine/p.toml has "
            f"0.25){END}",
        ),
        (
            "train: {epochs: 1000, more: 1}",
            "k = 0.5",
            FROZEN_LOCK,
            f"{NOTE}, and what it wrote was made with train.rate=0.001 (params.yaml has –), train.more=– (params.yaml "
            f"has 1){END}",
        ),
        ("train: {epochs: 20}", "k = 1", "stages: {}", f"{NOTE}; it never ran: `dvc unfreeze train` lets it run\n"),
        ("train: {epochs: 20}", "k = 1", "<<<<<<< HEAD", ""),
    ],
)
def test_a_frozen_stage_is_noted_with_the_params_that_it_ran_with(
    params: str, own: str, lock: str, note: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(FROZEN)
    for path, text in {"params.yaml": params, "mine/p.toml": own, "dvc.lock": lock}.items():
        Path(path).write_text(f"{text}\n")
    assert frozen_notes() == note
    Path("dvc.yaml").write_text(FROZEN.replace("frozen: true", "frozen: false"))
    assert frozen_notes() == ""


def test_a_run_with_a_frozen_stage_has_the_params_that_made_the_model() -> None:
    files = {
        "dvc.yaml": FROZEN.encode(),
        "dvc.lock": FROZEN_LOCK.encode(),
        "params.yaml": b"train: {epochs: 20, rate: 0.001}\nplot: {dpi: 9}\n",
        "mine/p.toml": b"k = 0.5",
        "reports/metrics.json": None,
    }
    run = parse_run(files)
    assert flatten_to_text(run.params) == {
        "train.epochs": "1000",
        "train.rate": "0.001",
        "plot.dpi": "9",
        "mine/p.toml:k": "0.5",
    }
    assert "the params of train are those of dvc.lock, because its stage is frozen" in run.missing
    thawed = parse_run({**files, "dvc.yaml": FROZEN.replace("true", "false").encode()})
    assert flatten_to_text(thawed.params)["train.epochs"] == "20"
