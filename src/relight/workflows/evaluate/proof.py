"""The reloaded model is the trained one."""

from torch import Tensor

from relight.domain.description import Description, proof_of
from relight.errors import RunError


def assert_proved(outputs: Tensor, known: Description) -> None:
    """The reloaded weights say, bit for bit, what the trained ones said before they were saved.

    Args:
        outputs: for the validation rows.

    Raises:
        RunError: when they do not.
    """
    if proof_of(outputs) != known.proof:
        raise RunError(
            "models/model.pth: does not say what the model said before it was saved; it was changed, or made "
            "on another kind of machine. Run `dvc repro --force train`"
        )
