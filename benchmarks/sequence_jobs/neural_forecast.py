"""neuralforecast's own NLinear. Each step sums over all windows, then draws its own from a view of them."""

import logging

import numpy as np
import torch
from training_jobs.measuring import quiet

from sequence_jobs.cost import Pace, Stopwatch
from sequence_jobs.setting import BATCH, HORIZON, LEARNING_RATE, LENGTH, WEIGHT_DECAY, series

MAX_STEPS = 50  # each sums over all windows: an epoch would take minutes


def neural_forecast(n_steps: int) -> Pace:
    """Train the first steps of an epoch."""
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.models import NLinear
    from pytorch_lightning import Callback

    paces: list[Pace] = []

    class Clock(Callback):  # it is copied, so it appends to a list outside
        def on_train_start(self, *_: object) -> None:
            self.watch = Stopwatch()

        def on_train_end(self, *_: object) -> None:
            paces.append(self.watch.pace(n_batches * BATCH))

    logging.disable(logging.WARNING)
    n_batches = min(MAX_STEPS, n_steps // BATCH)
    model = NLinear(
        h=HORIZON,
        input_size=LENGTH,
        windows_batch_size=BATCH,
        max_steps=n_batches,
        learning_rate=LEARNING_RATE,
        optimizer=torch.optim.AdamW,
        optimizer_kwargs={"weight_decay": WEIGHT_DECAY},
        callbacks=[Clock()],
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    rows = pd.DataFrame({"unique_id": "a", "ds": np.arange(n_steps), "y": series(n_steps).numpy()})
    with quiet():
        NeuralForecast([model], freq=1).fit(rows)
    return paces[0]
