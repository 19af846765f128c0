from relight.provenance.lineage import (
    Availability,
    LineageStep,
    RecoveryOptions,
    rebuild_lines,
    recovery_options,
    step_lines,
    upstream_stages,
    verdict_line,
)
from relight.runtime.nested import are_same_params

READS = {"plot": {"scores", "model"}, "prepare": {"raw"}, "evaluate": {"model", "table"}, "train": {"table"}}
WRITES = {"plot": {"page"}, "prepare": {"table"}, "evaluate": {"scores"}, "train": {"model"}}


def test_the_stages_behind_a_file_come_each_before_those_that_it_needs() -> None:
    assert upstream_stages(READS, WRITES, "plot") == ["plot", "evaluate", "train", "prepare"]
    assert upstream_stages(READS, WRITES, "train") == ["train", "prepare"]
    assert upstream_stages(READS, WRITES, "prepare") == ["prepare"]


def test_params_are_the_same_when_their_values_are_however_they_are_written() -> None:
    assert are_same_params({"rate": "1e-3", "k": ["1", "yes"]}, {"rate": "0.001", "k": ["1", "yes"]})
    assert are_same_params({"gap": ""}, {"gap": "null"})
    assert are_same_params({"on": "True"}, {"on": "true"})
    assert not are_same_params({"gap": ""}, {"gap": "0"})
    assert not are_same_params({"k": ["1", "2"]}, {"k": ["1"]})
    assert not are_same_params({"a": "1"}, {"a": "1", "b": "2"})
    assert not are_same_params("1", None)


LOST = Availability("f", "0" * 32, 5, "", git=False, workspace=False, cache="missing", remote="missing")
YES = RecoveryOptions([], [], [], [])


def step(data: list[Availability], outs: list[Availability], changed_code: list[str] | None = None) -> LineageStep:
    return LineageStep(
        "train", "run", {"train": {"epochs": "2"}}, data, {"src/a.py": "1"}, changed_code or [], [], {}, [], outs, []
    )


def test_what_lies_whole_in_the_cache_or_on_the_remote_needs_no_run() -> None:
    whole = step([LOST], [LOST._replace(cache="intact")])
    lost = "f is nowhere: not in the commit, the workspace, the cache or on the remote"
    assert recovery_options(whole, {}, [], "") == RecoveryOptions([], ["f is missing"], [lost], [])
    assert recovery_options(whole, {}, [], "").has_any()
    there = step([LOST], [LOST._replace(remote="there", cache="damaged")])
    assert recovery_options(there, {}, [], "") == RecoveryOptions(["f is DAMAGED"], [], [lost], [])
    assert recovery_options(there, {}, [], "no network").remote == ["no network"]
    in_git = step([LOST], [LOST._replace(git=True)])
    assert recovery_options(in_git, {}, [], "no network")[:2] == ([], [])


def test_a_run_needs_the_code_and_inputs_that_are_there_or_can_be_made() -> None:
    out = [LOST]
    assert recovery_options(step([LOST._replace(git=True)], out), {}, [], "").run == []
    assert recovery_options(step([LOST._replace(workspace=True)], out), {}, [], "").run == []
    assert recovery_options(step([LOST._replace(cache="damaged")], out), {}, [], "").run != []
    assert recovery_options(step([], out, ["src/a.py"]), {}, [], "").run == [
        "src/a.py has other bytes in the commit, or is not in it"
    ]
    made = step([LOST._replace(maker="split")], out)
    assert recovery_options(made, {"split": YES}, [], "").run == []
    assert recovery_options(made, {"split": YES._replace(run=["no"])}, [], "").run == [
        "f is nowhere, and split cannot be run"
    ]


def test_params_of_the_commit_that_are_not_those_of_the_run_are_named_with_their_file() -> None:
    changed = step([], [LOST])._replace(changed_params=["train", "mine/params.yaml:featurize"])
    assert recovery_options(changed, {}, [], "").run == [
        "params.yaml of the commit has another train",
        "mine/params.yaml of the commit has another featurize",
    ]


def test_other_versions_leave_a_doubt() -> None:
    doubtful = recovery_options(step([], [LOST]), {}, ["torch 2.9 → 2.10"], "")
    assert not doubtful.has_any()
    assert rebuild_lines(doubtful, "")[1] == "by running: perhaps with other bits: torch 2.9 → 2.10"
    assert recovery_options(step([], [LOST]), {}, [], "").has_any()


def test_the_text_says_each_way_and_the_verdict_of_all() -> None:
    lines = step_lines(step([LOST._replace(git=True)], [LOST]), YES._replace(cache=["f is missing"]), "v1", "s3", 80)
    assert lines == [
        "train  ← run",
        "  params    train: epochs=2",
        "  reads     f (raw)  5 B  00000000  in Git",
        "  code      1 files and folders, all in v1",
        "  writes    f  5 B  00000000  cache: missing, s3: missing",
        "  rebuild   from the cache: no: f is missing",
        "            from s3: yes",
        "            by running: yes",
    ]
    assert verdict_line([("train", YES)]) == "  rebuild   every step, bit for bit"
    assert verdict_line([("a", YES), ("b", RecoveryOptions(["x"], ["x"], [], ["x"]))]) == "  rebuild   not for sure: b"
    assert verdict_line([]) == "  raw       no stage wrote it"


def test_other_line_ends_in_the_commit_are_told_from_other_bytes() -> None:
    raw = LOST._replace(path="data/a.csv", workspace=True)
    windows = step([raw], [LOST], ["src/a.py", "src/b.py"])._replace(other_line_ends=["src/b.py", "data/a.csv"])
    options = recovery_options(windows, {}, [], "")
    assert options.run == [
        *(
            f"{path} has other line ends in the commit; put `{path} -text` at the end of .gitattributes, then "
            f"`git add --renormalize {path}`"
            for path in ("src/b.py", "data/a.csv")
        ),
        "src/a.py has other bytes in the commit, or is not in it",
    ]
    reads = "  reads     data/a.csv (raw)  5 B  00000000  cache: missing, in the workspace, in Git with other line ends"
    assert reads in step_lines(windows, options, "v1", "", 110)


def test_many_reasons_are_counted() -> None:
    (line, *_) = rebuild_lines(YES._replace(cache=["a", "b", "c", "d", "e"]), "")
    assert line == "from the cache: no: a; b; c, and 2 more"


def test_an_installed_relight_is_named_and_another_one_does_not_run_the_stage_again() -> None:
    same = step([], [LOST])._replace(installed={"train": "12ab"})
    options = recovery_options(same, {}, [], "")
    assert options.run == []
    assert any("an installed Relight, train 12ab" in line for line in step_lines(same, options, "HEAD", "", 100))
    other = recovery_options(same._replace(other_installed=["train"]), {}, [], "")
    assert other.run == ["the installed Relight has other code of train than the one that ran"]
    assert not other.has_any()
