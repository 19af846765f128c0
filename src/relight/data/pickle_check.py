"""The pickle in a file of `torch.save`, checked before it is loaded: tensors, numbers, texts, lists and dicts.

`torch.load(weights_only=True)` runs no code, but 1 KB of pickle makes it take 8 GB: a `bytearray` of any length, a text
that `_codecs.encode` works on for hours, a view of 10⁹ numbers on a storage of one. So each opcode is followed here,
without making anything, and only what `torch.save` writes is let through.
"""

import math
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_OPCODES = 2**23  # a checkpoint of a million epochs has as many; they take some 10 s
MAX_DEPTH = 64  # of lists and dicts in each other; a checkpoint has 6
MAX_VALUES = 2**24  # with shared parts counted each time, because a few shared lists can stand for 2⁶⁴ values
MAX_LENGTH = 2**48  # of a tensor's side
PROTOCOL = 2
STORAGES = {  # bytes of a number
    **{f"torch {name}Storage": 1 for name in ("Bool", "Byte", "Char")},
    **{f"torch {name}Storage": 2 for name in ("Half", "BFloat16", "Short")},
    **{f"torch {name}Storage": 4 for name in ("Float", "Int")},
    **{f"torch {name}Storage": 8 for name in ("Double", "Long", "ComplexFloat")},
    "torch ComplexDoubleStorage": 16,
    "torch.storage UntypedStorage": 1,
}
DTYPES = {
    **{f"torch {name}": 1 for name in ("bool", "uint8", "int8")},
    **{f"torch {name}": 2 for name in ("float16", "bfloat16", "int16", "uint16")},
    **{f"torch {name}": 4 for name in ("float32", "int32", "uint32")},
    **{f"torch {name}": 8 for name in ("float64", "int64", "uint64", "complex64")},
    "torch complex128": 16,
}
LENGTHS = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
TENSOR, TENSOR_WITH_DTYPE = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor_v3"
PARAMETER, ORDERED_DICT = "torch._utils _rebuild_parameter", "collections OrderedDict"
SPARSE, LAYOUT, SIZE = "torch._utils _rebuild_sparse_tensor", "torch.serialization _get_layout", "torch Size"
FUNCTIONS = {TENSOR, TENSOR_WITH_DTYPE, PARAMETER, ORDERED_DICT, SPARSE, LAYOUT, SIZE}
DEVICE_TYPES = ("cpu", "cuda", "mps")


class ForeignError(Exception):
    """A file that `torch.save` does not write; the message says why."""


@dataclass
class Node:
    """A value that is no number and no text.

    Attributes:
        kind: tuple, list, dict, ordered, tensor, storage, layout, size (of a sparse tensor), or global.
        items: of a tuple; the keys of a dict; of a storage the number of its numbers, of a global its name.
        depth, size: the nesting below it, and the number of values in it.
        is_closed: whether it lies in another value; it may not grow then, because it could come to hold itself.
    """

    kind: str
    items: list[Any] = field(default_factory=list)
    depth: int = 1
    size: int = 1
    is_closed: bool = False

    def hold(self, value: Any) -> None:
        """Take a value in."""
        if self.is_closed or value is self:
            raise ForeignError("a list that holds itself")
        if not isinstance(value, Node):
            self.size += 1
            return
        if value.kind == "storage" or (value.kind == "global" and value.items[0] not in DTYPES):
            raise ForeignError(f"a {value.kind} among the values")
        value.is_closed = True
        self.depth, self.size = max(self.depth, 1 + value.depth), self.size + value.size
        if self.depth > MAX_DEPTH or self.size > MAX_VALUES:
            raise ForeignError("values that lie too deep in each other, or are too many")


def check_pickle(content: bytes, storage_bytes: Mapping[str, int]) -> None:
    """Check that a pickle holds what `torch.save` writes, and no tensor beyond its storage.

    Args:
        storage_bytes: the size of each storage that lies in the file, by its key.

    Raises:
        ForeignError: if not.
    """
    machine = _Machine(storage_bytes)
    try:
        for index, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if index >= MAX_OPCODES:
                raise ForeignError(f"more than {MAX_OPCODES} opcodes")
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError) as error:  # cut, or it takes from the stack what is not there
        raise ForeignError("a damaged pickle") from error
    if machine.stack:
        raise ForeignError("a pickle with a rest")


class _Machine:
    """A pickle machine whose tensors have only a size."""

    def __init__(self, storage_bytes: Mapping[str, int]) -> None:
        self.stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._storage_bytes, self._types = storage_bytes, dict[str, str]()

    def step(self, name: str, argument: Any) -> None:  # noqa: C901 - a list, not a knot
        """Do what an opcode does."""
        match name:
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE":
                self.stack.append(argument)
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self.stack[-1]
            case "BINGET" | "LONG_BINGET":
                self.stack.append(self._memo[argument])
            case "NEWTRUE" | "NEWFALSE" | "NONE":
                self.stack.append({"NEWTRUE": True, "NEWFALSE": False, "NONE": None}[name])
            case "MARK":
                self._marks.append(len(self.stack))
            case "EMPTY_DICT" | "EMPTY_LIST":
                self.stack.append(Node("dict" if name == "EMPTY_DICT" else "list"))
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                self._tuple([self._pop() for _ in range(LENGTHS[name])][::-1])
            case "TUPLE":
                self._tuple(self._from_mark())
            case "APPEND" | "APPENDS":
                self._append([self._pop()] if name == "APPEND" else self._from_mark())
            case "SETITEM" | "SETITEMS":
                self._set([self._pop(), self._pop()][::-1] if name == "SETITEM" else self._from_mark())
            case "GLOBAL":
                self._global(argument)
            case "BINPERSID":
                self.stack.append(self._storage(self._pop_kind("tuple").items))
            case "REDUCE":
                arguments, function = self._pop_kind("tuple").items, self._pop_kind("global").items[0]
                self.stack.append(self._call(function, arguments))
            case "BUILD":
                self._build(self._pop_kind("dict"))
            case "PROTO" if argument == PROTOCOL:
                pass
            case "STOP":
                self._pop()
            case _:
                raise ForeignError(f"the opcode {name}")

    def _pop(self) -> Any:
        if self._marks and self._marks[-1] >= len(self.stack):
            raise ForeignError("a damaged pickle")
        return self.stack.pop()

    def _pop_kind(self, kind: str) -> Node:
        value = self._pop()
        if not isinstance(value, Node) or value.kind != kind:
            raise ForeignError(f"no {kind} where one belongs")
        return value

    def _from_mark(self) -> list[Any]:
        mark = self._marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def _tuple(self, values: list[Any]) -> None:
        node = Node("tuple", values)
        for value in values:
            if isinstance(value, Node) and value.kind in ("storage", "global"):
                continue  # of a call's arguments
            node.hold(value)
        self.stack.append(node)

    def _append(self, values: list[Any]) -> None:
        node = self._pop_kind("list")
        for value in values:
            node.hold(value)
        self.stack.append(node)

    def _set(self, values: list[Any]) -> None:
        node = self._pop()
        if not isinstance(node, Node) or node.kind not in ("dict", "ordered"):
            raise ForeignError("no dict where one belongs")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if isinstance(key, Node):  # the hash of a tuple follows its nesting, down to a stack overflow
                raise ForeignError(f"a dict with a {key.kind} as a key")
            node.items.append(key)
            node.hold(value)
        self.stack.append(node)

    def _global(self, name: str) -> None:
        if name not in FUNCTIONS and name not in STORAGES and name not in DTYPES:
            raise ForeignError(f"the global {name.replace(' ', '.')[:80]!r}")
        self.stack.append(Node("global", [name]))

    def _storage(self, items: list[Any]) -> Node:
        """The storage that a persistent id names; it must be as large as its member of the file."""
        word, kind, key, location, n_numbers = items
        if word != "storage" or not isinstance(kind, Node) or kind.items[0] not in STORAGES:
            raise ForeignError("an unknown persistent id")
        if not isinstance(location, str) or location.split(":")[0] not in DEVICE_TYPES:
            raise ForeignError(f"a storage of the device {str(location)[:80]!r}")
        type_name = kind.items[0]
        if type(n_numbers) is not int or n_numbers * STORAGES[type_name] != self._storage_bytes[key]:
            raise ForeignError(f"a storage of {n_numbers} numbers that the file does not hold")
        if self._types.setdefault(key, type_name) != type_name:
            raise ForeignError("a storage of two types")
        return Node("storage", [self._storage_bytes[key], STORAGES[type_name]])

    def _call(self, function: str, arguments: list[Any]) -> Node:
        """What a function returns, of the few that `torch.save` calls."""
        if function == ORDERED_DICT and not arguments:
            return Node("ordered")
        if function == TENSOR and len(arguments) == 6:
            return _tensor(self._name(), arguments)
        if function == TENSOR_WITH_DTYPE and len(arguments) == 7 and _is(arguments[6], "global"):
            return _tensor(self._name(), arguments[:6], DTYPES[arguments[6].items[0]])
        if function == PARAMETER and len(arguments) == 3 and _is(arguments[0], "tensor"):
            return Node("tensor")
        if function == LAYOUT and arguments == ["torch.sparse_coo"]:
            return Node("layout")
        if function == SIZE and len(arguments) == 1 and _is(arguments[0], "tuple"):
            return Node("size", [_length(number) for number in arguments[0].items])
        if function == SPARSE and len(arguments) == 2 and _are(arguments, "layout", "tuple"):
            return _sparse_tensor(arguments[1].items)
        raise ForeignError(f"a call of {function.replace(' ', '.')} with {len(arguments)} arguments")

    def _name(self) -> str:
        """The key of the value that comes next, if it is one of a dict."""
        return self.stack[-1][:80] if self.stack and isinstance(self.stack[-1], str) else "a tensor"

    def _build(self, state: Node) -> None:
        """The attribute in which a state_dict keeps the versions of its modules."""
        node = self._pop_kind("ordered")
        if state.items != ["_metadata"]:
            raise ForeignError("an attribute that no state_dict has")
        node.hold(state)
        self.stack.append(node)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, Node) and value.kind == kind


def _are(values: list[Any], *kinds: str) -> bool:
    return len(values) >= len(kinds) and all(map(_is, values, kinds))


def _length(number: Any) -> int:
    if type(number) is not int or not 0 <= number <= MAX_LENGTH:
        raise ForeignError("a size that is no number")
    return number


def _sparse_tensor(parts: list[Any]) -> Node:
    """A tensor of indices, values and a size, as optimizers keep for sparse gradients; torch checks indices."""
    if len(parts) != 4 or not _are(parts, "tensor", "tensor", "size"):
        raise ForeignError("a sparse tensor without indices, values or a size")
    return Node("tensor")


def _tensor(name: str, arguments: list[Any], itemsize: int | None = None) -> Node:
    """A tensor, which must lie within its storage, and have no more numbers than it."""
    storage, offset, size, stride, requires_grad, hooks = arguments
    if not (_is(storage, "storage") and _is(size, "tuple") and _is(stride, "tuple") and _is(hooks, "ordered")):
        raise ForeignError(f"{name} is a tensor without a storage, a size or a stride")
    if type(requires_grad) is not bool or hooks.items or len(size.items) > MAX_DEPTH:
        raise ForeignError(f"{name} is a tensor with more than its numbers")
    for number in [offset, *size.items, *stride.items]:
        _length(number)
    n_bytes, own_itemsize = storage.items
    n_stored, n_used = n_bytes // (itemsize or own_itemsize), math.prod(size.items)
    last = sum((length - 1) * step for length, step in zip(size.items, stride.items, strict=True))
    if offset + n_used > n_stored or (n_used and offset + last >= n_stored):
        raise ForeignError(f"{name} claims more numbers than it stores, {n_used} of {n_stored}")
    return Node("tensor")
