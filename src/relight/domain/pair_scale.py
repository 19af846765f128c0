"""The scale of a trained tower's distances."""

from torch import nn

from relight.domain.features import Features
from relight.domain.parts import Parts
from relight.domain.predicting import predict
from relight.domain.similarity import PairScale, fit_scale


def scale_of(model: nn.Module, parts: Parts, features: Features) -> PairScale:
    """Chosen on the validation rows; where the test rows stand in for them, on the train rows."""
    part = parts.train if features.test_rows_validate else parts.validation
    distance = predict(model, part.rows.inputs).numpy()
    weight = None if features.test_rows_validate or parts.sample_weight is None else parts.sample_weight.numpy()
    return fit_scale(distance, part.rows.target.numpy(), weight)
