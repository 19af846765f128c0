"""The tutorial's own job: 50 points, 1000 epochs in full batches, a test loss after each."""

import torch
from torch import Tensor, nn

from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.params import OptimizerParams
from training_jobs.measuring import Job, timed
from training_jobs.relight_fit import relight_fit

EPOCHS, LEARNING_RATE = 1000, 0.01
SGD = OptimizerParams(name="sgd", learning_rate=LEARNING_RATE, weight_decay=0.0, momentum=0.0)

Losses = list[tuple[float, float]]  # of train and test rows, every tenth epoch


class Line(nn.Module):
    """The tutorial's model. Shape: (batch, 1) → (batch, 1)"""

    def __init__(self) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_layer(x)


def tutorial(_: int) -> Job:
    """Return the job; Relight must reach the losses of the tutorial's loop to the last digit."""
    x = torch.arange(0, 1, 0.02).unsqueeze(1)
    y = 0.7 * x + 0.3
    train, test = Rows((x[:40],), y[:40]), Rows((x[40:],), y[40:])
    losses: dict[str, Losses] = {}

    def theirs() -> None:
        losses["theirs"] = tutorial_losses(train, test)

    def ours() -> None:
        losses["ours"] = relight_losses(train, test)
        assert losses["ours"] == losses["theirs"], "the losses are not those of the tutorial"

    return Job(
        "The tutorial's own job: 50 points, 1000 epochs, a test loss each; the same losses to the last digit",
        {"the tutorial's loop": lambda: timed(theirs), "Relight": lambda: timed(ours)},
        {},
        "Relight: at least 1.3 times the tutorial's loop",
    )


def relight_losses(train: Rows, test: Rows) -> Losses:
    """Return the losses of the stage's training."""
    torch.manual_seed(42)
    batches = InMemoryBatches(train, "full", seed=42)
    n_rows = len(train.target)
    history = relight_fit(Line(), batches, test, n_rows=n_rows, loss="l1", optimizer=SGD, epochs=EPOCHS)
    return [(epoch.train_loss, epoch.validation_loss) for epoch in history[::10]]


def tutorial_losses(train: Rows, test: Rows) -> Losses:
    """Return the losses of the tutorial's loop, copied from it."""
    torch.manual_seed(42)
    model = Line()
    loss_fn, optimizer = nn.L1Loss(), torch.optim.SGD(params=model.parameters(), lr=LEARNING_RATE)
    train_losses, test_losses, epochs = [], [], []
    for epoch in range(EPOCHS):
        model.train()
        predictions = model(train.inputs[0])
        loss = loss_fn(predictions, train.target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.inference_mode():
            test_loss = loss_fn(model(test.inputs[0]), test.target.type(torch.float))
            if epoch % 10 == 0:
                epochs.append(epoch)
                train_losses.append(loss.detach().numpy())
                test_losses.append(test_loss.detach().numpy())
    return [(float(one), float(other)) for one, other in zip(train_losses, test_losses, strict=True)]
