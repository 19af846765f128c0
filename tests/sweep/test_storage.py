import re
import sys
import traceback
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler

from relight.errors import InputError
from relight.sweep import storage
from relight.sweep.storage import open_study


@pytest.mark.parametrize(
    ("url", "driver", "package"),
    [
        ("postgresql://u@127.0.0.1:1/s", "psycopg", "'psycopg[binary]'"),
        ("mysql+pymysql://u@127.0.0.1:1/s", "pymysql", "pymysql"),
    ],
)
def test_a_driver_that_is_not_installed_is_named(
    url: str, driver: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, driver, None)  # as where it is not there
    said = f"cannot be opened: its driver {driver} is not installed; run `pip install {package}`, or set it to null"
    with pytest.raises(InputError, match=re.escape(said)):
        open_study(url, tmp_path / "study.journal", "s", "minimize", RandomSampler())


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(InputError, match="NOT_SET is not set in the environment"):
        open_study("postgresql://u:${NOT_SET}@h/s", tmp_path / "study.journal", "s", "minimize", RandomSampler())


@pytest.mark.parametrize("password", ["hunter2hunter2", "hunter2/hunter2", "hunter2 @:hunter2", "hunter2%2Fhunter2"])
@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////no/such/folder/${WORD}.db",
        "postgresql+none://me:${WORD}@127.0.0.1:9/s",
        "postgresql+none://me@127.0.0.1:${WORD}/s",
        "no-url-${WORD}",
        "sqlite://${WORD}@h/s?${WORD}=${WORD}",
    ],
)
def test_what_a_variable_holds_is_never_said_not_even_by_a_driver(
    url: str, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", password)
    with pytest.raises(InputError, match=f"storage: {re.escape(url)} cannot be opened: ") as refused:
        open_study(url, tmp_path / "study.journal", "s", "minimize", RandomSampler())
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))
    assert "$" not in str(refused.value).replace("${WORD}", "")


def test_a_driver_that_repeats_the_address_says_it_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", "hunter2hunter2")

    def refuse(url: str, _options: object) -> None:
        raise OSError(f"cannot connect to {url} with password=hunter2hunter2")

    monkeypatch.setattr(storage, "_open_storage", refuse)
    said = r"opened: cannot connect to my://me:\*\*\*@h/s with password=\$\{WORD\}; correct the address"
    with pytest.raises(InputError, match=said):
        open_study("my://me:${WORD}@h/s", tmp_path / "study.journal", "s", "minimize", RandomSampler())
