"""The usual loop by hand: a DataLoader over windows that were copied beforehand."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from sequence_jobs.cost import Pace, Stopwatch
from sequence_jobs.setting import BATCH, HORIZON, LEARNING_RATE, LENGTH, WEIGHT_DECAY, NLinear, series


def data_loader(n_steps: int) -> Pace:
    """Train one epoch."""
    values = series(n_steps)
    past = values[:-HORIZON].unfold(0, LENGTH, 1).contiguous()
    target = values[LENGTH:].unfold(0, HORIZON, 1).contiguous()
    loader = DataLoader(TensorDataset(past, target), batch_size=BATCH, shuffle=True)
    model = NLinear()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    watch = Stopwatch()
    model.train()
    for x, y in loader:
        loss = nn.functional.l1_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return watch.pace(len(past))
