import torch
from torch import nn

from relight.train.state import EarlyStopping


def run(patience: int, scores: list[float]) -> tuple[int, EarlyStopping, nn.Module]:
    """Return how many epochs ran, what was kept, and the model; its bias is the number of the epoch."""
    model, stopping = nn.Linear(1, 1), EarlyStopping(patience)
    for epoch, score in enumerate(scores):
        with torch.no_grad():
            model.bias.fill_(epoch)
        stopping.update(score, model)
        if stopping.should_stop:
            return epoch + 1, stopping, model
    return len(scores), stopping, model


def test_patience_counts_the_epochs_without_a_lower_score() -> None:
    # lower, lower, no, no, lower, no, no, no → the third in a row ends it, after the eighth epoch
    assert run(3, [5, 4, 4.5, 4.2, 3, 3.5, 3.2, 3.1, 0])[0] == 8


def test_patience_of_one_stops_at_the_first_epoch_without_gain() -> None:
    assert run(1, [2, 1, 1.5, 0])[0] == 3


def test_an_equal_score_is_no_gain() -> None:
    assert run(2, [1, 1, 1, 0])[0] == 3


def test_a_score_that_keeps_falling_never_stops() -> None:
    assert run(1, [4, 3, 2, 1])[0] == 4


def test_the_weights_of_the_lowest_score_are_kept_while_the_model_goes_on() -> None:
    _, stopping, model = run(3, [5, 4, 1, 2, 3])
    assert stopping.best_score == 1
    assert stopping.best_weights["bias"].item() == 2
    assert model.bias.item() == 4


def test_of_equal_scores_the_first_is_kept() -> None:
    _, stopping, _ = run(5, [5, 1, 1, 1])
    assert stopping.best_weights["bias"].item() == 1
