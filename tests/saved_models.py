"""Models as train would save them, with weights that were only drawn, and a raw table that they can read."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch

from relight.data.features import CategoricalFeature, Features
from relight.model.build import build_model
from relight.model.own_files import own_code_digests
from relight.model.params import FtTransformerParams, MlpParams, MlpPleParams, ModelParams, TabmParams, TabmSmallParams
from relight.model.pipeline import TabularModel, Temperature
from relight.model.saved_model import Description
from relight.model.weights import save_weights
from relight.runtime.dependencies import file_sha256
from relight.runtime.files import write_json
from tests.feature_tables import features_of, number

RAW = """\
x,label,flag,narrow,when,c,many,other
0.5,3,true,5,2024-02-29 13:05:00,a,m7,1
,2.5,false,5,1999-12-31,b,m0,2
-70,,true,5.000000001,,é,,3
12.25,1,,,2000-01-01 00:00:00,never seen,m39,4
1e6,0,false,5,2030-06-15 23:59:59,,m40,5
-0.001,3,true,7,1965-03-01,a,m7,6
3,4,true,5,2024-03-01,b b,M7,7
"""
TINY: dict[str, Any] = {
    "mlp": MlpParams(n_blocks=2, d_block=8, dropout=0.1, activation="gelu", batch_norm=True),
    "mlp_ple": MlpPleParams(d_block=8, n_bins=6, d_embedding=3),
    "ft_transformer": FtTransformerParams(n_blocks=2, d_block=8, n_heads=2),
    "tabm": TabmParams(k=3, d_block=8, n_bins=6, d_embedding=3),
    "tabm_small": TabmSmallParams(k=2, d_block=8, n_bins=6, d_embedding=3),
}


class Saved(NamedTuple):
    models: Path
    table: Path
    features: Features


def drawn_features(columns: str, task: Any) -> Features:
    """Those of `RAW` that are named, as the train rows of some other table describe them."""
    draw, n_train = np.random.default_rng(3), 60
    flag = number("flag", draw.integers(0, 2, n_train)).model_copy(update={"kind": "boolean"})
    numbers = {
        "x": [number("x", draw.normal(0, 40, n_train))],
        "label": [number("label", draw.integers(0, 4, n_train), gaps=5)],
        "flag": [flag],
        "narrow": [number("narrow", 5 + 1e-9 * draw.random(n_train))],
        "when": _date(draw.uniform(-4000, 9000, n_train)),
    }
    levels = {"c": ["a", "b", "b b", "é"], "many": [f"m{k}" for k in range(40)]}
    return features_of(
        [feature for name in columns.split() for feature in numbers.get(name, [])],
        [CategoricalFeature(name=name, levels=levels[name]) for name in columns.split() if name in levels],
        task=task,
        target=draw.lognormal(size=n_train) if task == "regression" else draw.integers(0, 2, n_train),
        n_train=n_train,
    )


def save_model(
    folder: Path, name: Any, columns: str, task: Any, *, numeric: Any, target_scale: Any = "none", seeds: int = 1
) -> Saved:
    """models/ and table.csv in the folder; the code of an own network lies below the current one."""
    params, features = ModelParams(name=name, numeric=numeric, **TINY), drawn_features(columns, task)
    torch.manual_seed(5)
    model = build_model(params, features, target_scale=target_scale, seeds=seeds)
    if isinstance(model, TabularModel) and isinstance(model.target_transform, Temperature):
        model.target_transform.temperature.fill_(1.7)
    (folder / "models").mkdir()
    save_weights(folder / "models/model.pth", model)
    description = Description(
        model=params,
        model_choice="",
        features=features,
        loss="mse",
        target_scale=target_scale,
        batch_size=32,
        seed=5,
        seeds=seeds,
        threads=1,
        own_code=own_code_digests(params),
        epochs=1,
        best_epoch=1,
        output_sha256="",
        weights_sha256=file_sha256(folder / "models/model.pth"),
        versions={},
    )
    write_json(folder / "models/model.json", description)
    (folder / "table.csv").write_text(RAW, encoding="utf-8")
    return Saved(folder / "models", folder / "table.csv", features)


def raw_feeds(features: Features) -> dict[str, np.ndarray]:
    """The columns of `RAW` as a person without Relight would hand them to the graph."""
    table = pl.read_csv(RAW.encode(), try_parse_dates=False)
    as_numbers = {"flag": table["flag"].cast(pl.Float64)}
    feeds = {}
    for name in features.columns:
        if name == "when":
            texts = ["NaT" if text is None else text.replace(" ", "T") for text in table["when"]]
            feeds[name] = np.array(texts, dtype="datetime64[us]").astype(np.int64)
        elif name in ("c", "many"):
            feeds[name] = np.array([text or "" for text in table[name]], dtype=object)
        else:
            feeds[name] = as_numbers.get(name, table[name]).to_numpy().astype(np.float32)
    return {name: values.reshape(-1, 1) for name, values in feeds.items()}


def _date(elapsed: np.ndarray) -> list[Any]:
    """Return what split says of a date: plausible numbers for its parts, with gaps among the train rows."""
    parts = {
        "year": 2000 + elapsed // 365.25,
        "month": elapsed // 30 % 12 + 1,
        "weekday": elapsed // 1 % 7 + 1,
        "hour": elapsed * 24 // 1 % 24,
        "elapsed": elapsed,
    }
    return [
        number(f"when.{moment}", values, gaps=4).model_copy(
            update={"column": "when", "kind": "datetime", "date_part": moment}
        )
        for moment, values in parts.items()
    ]
