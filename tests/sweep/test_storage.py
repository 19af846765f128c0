import re
import sys
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler

from relight.errors import InputError
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
