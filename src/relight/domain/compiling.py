"""A model compiled for its training by torch.compile; imports torch._dynamo, some seconds."""

from torch import nn

from relight.errors import InputError


def compiled(model: nn.Module) -> nn.Module:
    """Calls like the model, on the very same weights; the first calls take many seconds.

    Raises:
        InputError: where there is no C++ compiler.
    """
    import torch
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise InputError(
            "train.compile: true needs a C++ compiler, and none is found (CXX names one); "
            "install g++ or clang, or set train.compile to false"
        ) from error
    return torch.compile(model)  # type: ignore[return-value]  # of a module it makes a module
