import os
from pathlib import Path
from typing import Any

import pytest

from relight.doctor.cache import DamagedObject, damaged_object_finding
from relight.doctor.checkpoints import RunCheckpoints, checkpoint_findings
from relight.doctor.dvc_lock import BrokenLock, LockedOutput, broken_lock_finding, missing_output_finding
from relight.doctor.environment import DiskState, GitState, disk_findings, git_findings, python_findings
from relight.doctor.experiments import (
    DetachedHead,
    PreparedExperiment,
    Stash,
    head_findings,
    running_ref_findings,
    stash_finding,
)
from relight.doctor.finding import Finding, finding_lines
from relight.doctor.locks import Process, RwLock, is_dvc_command, rwlock_findings, stage_lock_findings
from relight.doctor.queue import RunningTask, TemporaryWorkspace, task_finding, workspace_finding
from relight.doctor.settings import (
    Config,
    DvcConfig,
    relative_remote_findings,
    secret_findings,
    unverified_remote_findings,
)
from relight.runtime.messages import abbreviate

DVC = ("/venv/bin/python3", "/venv/bin/dvc", "repro")


def process(*words: str, started: float = 50.0) -> dict[int, Process]:
    return {7: Process(7, words, folder=None, started=started)}


def test_commands_are_printed_as_they_are_typed() -> None:
    finding = Finding(
        "a", "some words", (("rm", "a b"),), is_safe=True, follow_up_commands=(("dvc", "repro"),), note="c"
    )
    assert finding_lines(3, finding, 10) == [
        "3. a: some",
        "   words",
        "     rm 'a b'   # --fix does this",
        "     dvc repro",
        "   (c)",
    ]
    assert (abbreviate("ab"), abbreviate("abcde")) == ("a, b", "a, b, c and 2 more")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (DVC, True),
        (("python", "-u", "-m", "dvc", "exp", "run"), True),
        (("python", "-m", "relight.sweep.dvc_child", "exp", "run"), True),
        (("/venv/bin/dvc", "daemon", "-q", "analytics"), False),
        (("vim", "dvc.yaml"), False),
        (("python", "-m", "stages.train"), False),
        ((), False),
    ],
)
def test_what_a_dvc_is(words: tuple[str, ...], expected: bool) -> None:
    assert is_dvc_command(words) == expected


@pytest.mark.parametrize(
    ("living", "sign"),
    [
        ({}, "pid 7, dead"),
        (process(), "pid 7, dead"),  # it waits for its parent
        (process("/sbin/init"), "pid 7, now `/sbin/init`"),
        (process(*DVC, started=101.0), "pid 7, now"),  # another dvc, which began after the file was written
    ],
)
def test_a_rwlock_of_a_dvc_that_is_gone(living: dict[int, Process], sign: str) -> None:
    (found,) = rwlock_findings(RwLock("rwlock", {7: "dvc repro"}, written=100.0), living)
    assert sign in found.problem
    assert (found.is_safe, found.commands) == (True, (("rm", "rwlock"),))


@pytest.mark.parametrize("words", [DVC, ("python", "notebook.py", "dvc repro")])
def test_a_rwlock_of_a_process_that_may_have_written_it(words: tuple[str, ...]) -> None:
    assert rwlock_findings(RwLock("rwlock", {7: "dvc repro"}, written=100.0), process(*words)) == []
    assert rwlock_findings(RwLock("rwlock", {}, written=100.0), {}) == []


def test_a_stale_owner_beside_a_living_one_is_said_and_not_deleted() -> None:
    (found,) = rwlock_findings(RwLock("rwlock", {7: "dvc repro", 8: "x"}, written=100.0), process(*DVC))
    assert not found.is_safe


def test_a_stage_without_its_dvc_is_not_killed_unasked() -> None:
    (found,) = stage_lock_findings("train, pid 12")
    assert (found.commands, found.is_safe) == ((("kill", "12"),), False)
    assert stage_lock_findings(None) == []


def test_a_head_that_dvc_moved_goes_back_and_one_that_a_person_moved_stays() -> None:
    (back,) = head_findings(DetachedHead(commit="a", branch="main", tip="a", left="a"))
    assert (back.commands, back.is_safe) == ((("git", "switch", "main"),), True)
    (later,) = head_findings(DetachedHead(commit="b", branch="main", tip="a", left="a"))  # somebody committed since
    assert (later.commands[0], later.is_safe) == (("git", "branch", "rescued", "HEAD"), False)
    assert head_findings(DetachedHead(commit="a", branch="main", tip="b", left="a")) == []
    assert head_findings(DetachedHead(commit="a", branch="main", tip=None, left="a")) == []


def test_refs_that_dvc_leaves_after_a_good_end_are_no_finding() -> None:
    left = {"refs/exps/exec/EXEC_HEAD": "a", "refs/exps/exec/EXEC_APPLY": "b"}
    assert running_ref_findings(left, []) == []


def test_what_an_experiment_asked_for_is_kept_before_its_refs_go() -> None:
    refs = {"refs/exps/exec/EXEC_MERGE": "c", "refs/exps/exec/EXEC_BRANCH": "d"}
    (found,) = running_ref_findings(refs, [PreparedExperiment("c", "mine")])
    assert found.commands == (
        ("git", "stash", "store", "-m", "experiment mine, killed", "c"),
        ("git", "update-ref", "--no-deref", "-d", "refs/exps/exec/EXEC_BRANCH"),
        ("git", "update-ref", "--no-deref", "-d", "refs/exps/exec/EXEC_MERGE"),
    )
    (found,) = running_ref_findings(refs, [PreparedExperiment("c", "mine", is_only_copy=False)])
    assert len(found.commands) == 2


@pytest.mark.parametrize(
    ("facts", "first", "is_safe"),
    [
        ({"differing": ("p",)}, ("git", "stash", "pop", "--index", "stash@{1}"), True),
        ({"differing": ("p",), "changed": ("p",)}, ("git", "stash", "push", "-m", "as a kill left it"), False),
        ({"differing": ("p",), "is_on_head": False}, ("git", "stash", "push", "-m", "as a kill left it"), False),
        ({"is_plain": False}, ("git", "stash", "push", "-m", "as a kill left it"), False),
        ({}, ("git", "stash", "drop", "stash@{1}"), True),
    ],
)
def test_a_stash_is_taken_back_only_where_nothing_stands_in_its_place(
    facts: dict[str, Any], first: tuple[str, ...], is_safe: bool
) -> None:
    usual = Stash("stash@{1}", "c", "WIP", differing=(), changed=(), is_on_head=True, is_plain=True)
    found = stash_finding(usual._replace(**facts))
    assert (found.commands[0], found.is_safe) == (first, is_safe)
    if not is_safe:
        assert found.commands[1][-1] == "stash@{2}"


def test_a_task_whose_pid_is_now_a_strangers_is_marked_without_a_kill() -> None:
    task = RunningTask("c" * 40, "n", head="h", baseline="b", pid=7, pid_file="f")
    found = task_finding(task, is_pid_taken=True)
    assert [command[0] for command in found.commands] == ["git", "rm", "dvc"]
    found = task_finding(task, is_pid_taken=False)
    assert [command[0] for command in found.commands] == ["git", "dvc"]


def test_a_finished_experiment_leaves_its_folder_before_the_folder_goes() -> None:
    workspace = TemporaryWorkspace("f", 0, prepared="c", unfetched=("refs/exps/aa/bb/n",))
    found = workspace_finding(workspace, is_queued=True, user=None)
    assert found.commands == (
        ("git", "fetch", os.path.abspath("f"), "refs/exps/aa/bb/n:refs/exps/aa/bb/n"),
        ("rm", "-rf", "f"),
    )
    used = workspace_finding(workspace, is_queued=True, user=9)
    assert (used.commands, used.is_safe) == ((("kill", "9"),), False)


def test_a_damaged_object_is_put_aside_before_anything_else() -> None:
    damaged = DamagedObject("c/ab/cd", "abcd", actual=None, size=9)
    (*_, cp, chmod) = damaged_object_finding(damaged, outs=["m"], spoilt=[], intact="m", has_remote=True).commands
    assert (cp, chmod) == (("cp", "m", "c/ab/cd"), ("chmod", "444", "c/ab/cd"))
    lost = damaged_object_finding(damaged, outs=["m"], spoilt=[], intact=None, has_remote=True)
    assert lost.commands[-1] == ("mv", "c/ab/cd", ".dvc/tmp/relight/damaged/abcd")
    assert lost.follow_up_commands == (("dvc", "pull", "m"), ("dvc", "repro"))
    old = damaged_object_finding(damaged, outs=[], spoilt=[], intact=None, has_remote=True)
    assert old.follow_up_commands == ()


def test_an_out_that_only_the_workspace_has() -> None:
    md5 = "ab" + "cd" * 15
    file = LockedOutput("plot", "p", md5, size=1, files={}, missing=(md5,), here=md5)
    copied = missing_output_finding(file, Path("c"), has_remote=True)
    assert (copied.commands[1], copied.is_safe) == (("cp", "p", f"c/files/md5/ab/{md5[2:]}"), True)
    folder = file._replace(md5=f"{md5}.dir", files=None, here=f"{md5}.dir")
    assert missing_output_finding(folder, Path("c"), has_remote=True).commands == (("dvc", "repro", "plot"),)
    gone = missing_output_finding(file._replace(here=None), Path("c"), has_remote=True)
    assert gone.commands == (("dvc", "pull", "p"), ("dvc", "repro", "plot"))


def test_no_version_of_dvc_lock_is_chosen_for_the_person() -> None:
    for has_marks in (False, True):
        for is_committed in (False, True):
            assert not broken_lock_finding(BrokenLock(has_marks, is_committed)).is_safe


@pytest.mark.parametrize(
    "config",
    [
        {'remote "r"': {"url": "s3://b", "access_key_id": "SECRET"}},
        {'remote "r"': {"url": "ssh://h", "password": "SECRET"}},
        {'remote "r"': {"url": "https://user:SECRET@host/p"}},
        {"studio": {"token": "SECRET"}},
        {'remote "r"': {"url": "https://h/x?sv=1&sig=SECRET"}},
        {'remote "r"': {"url": "https://SECRET@h/x"}},
        {'remote "r"': {"url": "ssh://u:SEC/SECRET@h/x"}},
        {'remote "r"': {"url": "ssh://u:100%SECRET@h/x"}},
        {'remote "r"': {"url": "https://h/x?api_key=SECRET"}},
        {'remote "r"': {"url": "azure://c/x", "endpointurl": "https://h/?sig=SECRET"}},
    ],
)
def test_a_secret_is_found_and_never_said(config: Config) -> None:
    histories: list[tuple[Config, str]] = [({}, "the next commit"), (config, "Git has it already")]
    for history, word in histories:
        (found,) = secret_findings(DvcConfig(config, {}, history))
        assert "SECRET" not in str(found)
        assert (word in found.reason, found.is_safe) == (True, False)


def test_no_secret() -> None:
    config = {"core": {"analytics": "false"}, 'remote "r"': {"url": "ssh://user@h/p", "keyfile": "k", "verify": "true"}}
    assert secret_findings(DvcConfig(config, {}, {})) == []
    assert unverified_remote_findings(DvcConfig(config, {}, {})) == []


def test_a_remote_that_is_not_verified_is_changed_where_it_stands() -> None:
    (shared, own) = unverified_remote_findings(
        DvcConfig({'remote "a"': {"url": "u"}}, {'remote "b"': {"url": "u", "verify": "false"}}, {})
    )
    assert shared.commands == (("dvc", "remote", "modify", "a", "verify", "true"),)
    assert own.commands == (("dvc", "remote", "modify", "--local", "b", "verify", "true"),)
    verified = DvcConfig({'remote "a"': {"url": "u"}}, {'remote "a"': {"verify": "true"}}, {})
    assert unverified_remote_findings(verified) == []


def test_checkpoints_of_an_unfinished_run_are_for_the_person_to_delete() -> None:
    assert checkpoint_findings(RunCheckpoints("c", 1, days=14.0, is_finished=False)) == []
    (found,) = checkpoint_findings(RunCheckpoints("c", 1, days=14.1, is_finished=False))
    assert not found.is_safe
    (found,) = checkpoint_findings(RunCheckpoints("c", 1, days=14.1, is_finished=True))
    assert found.is_safe


def test_the_surroundings() -> None:
    assert git_findings(GitState(3, is_shallow=False, top="/top", is_nested=False, missing=())) == []
    found = git_findings(GitState(0, is_shallow=True, top="/top", is_nested=False, missing=("user.email",)))
    assert [finding.commands[0] for finding in found] == [
        ("git", "config", "--global", "user.email", "you@example.com"),
        ("git", "add", "--all"),
        ("git", "fetch", "--unshallow"),
    ]
    assert python_findings(on_path="/a", here="/a", activate=None) == []
    assert python_findings(on_path=None, here="/a", activate="/a/bin/activate")[0].commands == (
        ("source", "/a/bin/activate"),
    )
    assert disk_findings("c", DiskState(error=None, free=10), needed=10) == []
    assert "0.0 MB are left" in disk_findings("c", DiskState(error=None, free=9), needed=2_000_000)[0].problem
    (full,) = disk_findings("c", DiskState("Read-only file system", free=9), needed=0)
    assert "(Read-only file system)" in full.problem


def test_a_relative_remote_is_named_and_one_that_is_found_from_everywhere_is_not() -> None:
    config: Config = {'remote "a"': {"url": "../shared"}, "core": {"remote": "a"}}
    (found,) = relative_remote_findings(DvcConfig(config, {}, {}))
    assert (found.problem, found.is_safe) == ("remote a has a relative path: ../shared", False)
    for url in ("/mnt/shared", "~/shared", "s3://bucket/x", "ssh://user@server/x"):
        assert relative_remote_findings(DvcConfig({'remote "a"': {"url": url}}, {}, {})) == []
