"""Other trainers, on the network of `network.py`; each is imported only when it runs."""

import os
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from training_jobs.measuring import timed
from training_jobs.network import D_BLOCK, D_IN, LEARNING_RATE, N_BLOCKS, WEIGHT_DECAY, network


def loader_of(x: Tensor, y: Tensor, batch: int) -> DataLoader:
    """Return a loader of all rows, shuffled anew in each epoch."""
    return DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=True)


def lightning(x: Tensor, y: Tensor, batch: int) -> float:
    from lightning import LightningModule, Trainer

    class Regression(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def training_step(self, rows: Any, _: int) -> Tensor:
            return nn.functional.mse_loss(self.network(rows[0]), rows[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    model, loader = Regression(), loader_of(x, y, batch)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return timed(lambda: trainer.fit(model, loader))


def skorch(x: Tensor, y: Tensor, batch: int) -> float:
    from skorch import NeuralNetRegressor

    net = NeuralNetRegressor(
        network(),
        max_epochs=1,
        batch_size=batch,
        optimizer=torch.optim.AdamW,
        optimizer__lr=LEARNING_RATE,
        optimizer__weight_decay=WEIGHT_DECAY,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return timed(lambda: net.fit(x, y))


def keras(x: Tensor, y: Tensor, batch: int) -> float:
    os.environ["KERAS_BACKEND"] = "torch"  # Keras reads it at import
    from keras import Sequential, layers, optimizers

    hidden = [layers.Dense(D_BLOCK, activation="relu") for _ in range(N_BLOCKS)]
    model = Sequential([layers.Input((D_IN,)), *hidden, layers.Dense(1)])
    model.compile(optimizer=optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY), loss="mse")
    inputs, target = x.numpy(), y.numpy()
    return timed(lambda: model.fit(inputs, target, batch_size=batch, epochs=1, verbose=0))
