"""Python objects in ``.npy`` files, such as Suite2p's ``ops.npy``, read without running anything.

They are pickles: programs of a small machine with a stack, which can call whatever a file names.
So Python's unpickler never sees them. The machine here knows the opcodes that build numbers,
texts, containers and arrays, and calls nothing. What is named besides is refused.

Nothing grows beyond the file either. A pickle can name one of its parts again and again for two
bytes, and arrays and sets would copy it each time: so what is copied counts against the size of
the file. Keys are plain values, as the hash of a deep tuple recurses without an end.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._damage import damage
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._quiet import shortened

DAMAGE = (ValueError, struct.error, OverflowError, LookupError, MemoryError, RecursionError)
"""What Python's own list of opcodes raises for a damaged pickle."""
LARGEST_BYTES = 2**30
MOST_STEPS = 10**7
"""Opcodes: a small container takes one, and 200 bytes of memory."""
MOST_OBJECT_ARRAYS = 1000
"""More may be nested so deep that they can't be deleted without a crash."""
COPIES, ROOM = 4, 2**16
"""What is copied may be so many times the file, and so many bytes more."""
LONGEST_ITEM = 2**20

VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
"""Opcodes whose argument is the value."""
CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set, "EMPTY_TUPLE": tuple}
SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
NO_EFFECT = {"PROTO", "FRAME", "STOP"}
LEFT_OUT = {
    "datetime": ("datetime", "date", "timedelta", "timezone"),
    "pathlib": ("PosixPath", "WindowsPath", "Path", "PurePosixPath", "PureWindowsPath"),
}
"""Harmless classes whose objects are left out: Suite2p notes when and where it ran."""
LEFT_OUT["pathlib._local"] = LEFT_OUT["pathlib"]


@dataclass(frozen=True)
class LeftOut:
    """Something in a file that isn't made."""

    name: str


@dataclass(frozen=True)
class _Name:
    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class _Made:
    """A dtype or an array between the two opcodes that make it."""

    value: Any = None


class _Mark:
    """Where the items of a container begin on the stack."""


class _RefusedError(Exception):
    """The file holds what isn't admitted; the message is part of a sentence."""


def read_objects(path: Path) -> npt.NDArray[Any]:
    """Return the array of objects in a ``.npy`` file.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    numpy.ndarray
        Of objects, made of arrays, numbers, texts, and lists, tuples, sets and dictionaries.

    Raises
    ------
    InputError
        Where the file names anything else, is damaged, or claims more than it holds.
    """
    try:
        with readable(path):
            if path.stat().st_size > LARGEST_BYTES:
                raise _RefusedError(f"it is larger than {LARGEST_BYTES:,} bytes")
            content = path.read_bytes()
        return _Machine(_pickle_in(content), path).run()
    except _RefusedError as error:
        raise InputError(
            f"{path} is not read ({error}): save it again from the program that wrote it."
        ) from None


def _pickle_in(content: bytes) -> bytes:
    """What follows the header of a ``.npy`` file of objects."""
    if content[:6] != b"\x93NUMPY" or len(content) < 12:
        raise _RefusedError("it is no .npy file")
    form, start = ("<H", 10) if content[6] == 1 else ("<I", 12)
    (length,) = struct.unpack(form, content[8:start])
    header = content[start : start + length]
    if b"'descr': '|O'" not in header:
        raise _RefusedError("it holds no Python objects")
    return content[start + length :]


class _Machine:
    """The machine that a pickle is a program for, with what it may do.

    Parameters
    ----------
    program : bytes
    path : pathlib.Path
        For messages.
    """

    def __init__(self, program: bytes, path: Path) -> None:
        self._program = program
        self._path = path
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._left = COPIES * len(program) + ROOM
        self._object_arrays = 0

    def run(self) -> npt.NDArray[Any]:
        with damage(DAMAGE, partial(_damaged, self._path)):
            for number, (opcode, argument, _) in enumerate(pickletools.genops(self._program)):
                if number > MOST_STEPS:
                    raise _RefusedError("it has more parts than any file of Suite2p")
                self._step(opcode.name, argument)
        result = self._take()
        if not isinstance(result, np.ndarray):
            raise _RefusedError("it holds no array of objects")
        return result

    def _step(self, name: str, argument: Any) -> None:
        if name in VALUES:
            self._stack.append(argument)
        elif name in CONSTANTS:
            self._stack.append(CONSTANTS[name])
        elif name in EMPTY:
            self._stack.append(EMPTY[name]())
        elif name == "MARK":
            self._stack.append(_Mark())
        elif name in SHORT_TUPLES:
            items = [self._take() for _ in range(SHORT_TUPLES[name])]
            self._stack.append(tuple(reversed(items)))
        elif name not in NO_EFFECT:
            if name not in _Machine.OPCODES:
                raise _RefusedError(f"it asks for '{name}'")
            _Machine.OPCODES[name](self, argument)

    # -- the stack -----------------------------------------------------------------------------

    def _take(self) -> Any:
        """Take the topmost value: what was made in two steps is complete by now."""
        if not self._stack or isinstance(self._stack[-1], _Mark):
            raise _RefusedError("its parts are in no order")
        value = self._stack.pop()
        if not isinstance(value, _Made):
            return value
        if value.value is None:
            raise _RefusedError("it holds an array without content")
        return value.value

    def _items(self) -> list[Any]:
        """Take the values above the last mark, and the mark."""
        items: list[Any] = []
        while self._stack and not isinstance(self._stack[-1], _Mark):
            items.append(self._take())
        if not self._stack:
            raise _RefusedError("its parts are in no order")
        self._stack.pop()
        return items[::-1]

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise _RefusedError("its parts are in no order")
        return self._stack[-1]

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _RefusedError("it claims far more than it holds")

    def _pop(self, _: Any) -> None:
        self._top(object)
        self._stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._items()

    def _dup(self, _: Any) -> None:
        self._stack.append(self._top(object))

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._top(object)

    def _put(self, index: Any) -> None:
        self._memo[index] = self._top(object)

    def _get(self, index: Any) -> None:
        if index not in self._memo:
            raise _RefusedError("its parts are in no order")
        self._stack.append(self._memo[index])

    # -- containers ----------------------------------------------------------------------------

    def _tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._items()))

    def _list(self, _: Any) -> None:
        self._stack.append(self._items())

    def _frozenset(self, _: Any) -> None:
        self._stack.append(frozenset(map(_key, self._items())))

    def _dict(self, _: Any) -> None:
        items = self._items()
        self._stack.append({})
        self._add_pairs(items)

    def _append(self, _: Any) -> None:
        value = self._take()
        self._top(list).append(value)

    def _appends(self, _: Any) -> None:
        values = self._items()
        self._top(list).extend(values)

    def _setitem(self, _: Any) -> None:
        value, key = self._take(), self._take()
        self._add_pairs([key, value])

    def _setitems(self, _: Any) -> None:
        self._add_pairs(self._items())

    def _add_pairs(self, items: list[Any]) -> None:
        there = self._top(dict)
        if len(items) % 2:
            raise _RefusedError("its parts are in no order")
        there.update(zip(map(_key, items[::2]), items[1::2], strict=True))

    def _additems(self, _: Any) -> None:
        values = self._items()
        self._top(set).update(map(_key, values))

    # -- what a pickle names, and what is made for it ------------------------------------------

    def _global(self, argument: Any) -> None:
        module, _, name = str(argument).partition(" ")
        self._stack.append(_Name(module, name))

    def _stack_global(self, _: Any) -> None:
        name, module = self._take(), self._take()
        if not isinstance(module, str) or not isinstance(name, str):
            raise _RefusedError("its parts are in no order")
        self._stack.append(_Name(module, name))

    def _reduce(self, _: Any) -> None:
        arguments, name = self._take(), self._take()
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise _RefusedError("its parts are in no order")
        self._stack.append(self._made(name, arguments))

    def _newobj(self, _: Any) -> None:
        self._take()  # the arguments
        name = self._take()
        if not isinstance(name, _Name) or name.name not in LEFT_OUT.get(name.module, ()):
            _refuse(name)
        self._stack.append(LeftOut(str(name)))

    def _build(self, _: Any) -> None:
        state = self._take()
        made = self._stack[-1] if self._stack else None
        if isinstance(made, LeftOut):
            return
        if not isinstance(made, _Made) or not isinstance(state, tuple):
            raise _RefusedError("its parts are in no order")
        if isinstance(made.value, np.dtype):
            made.value = _in_order(made.value, state)
        else:
            made.value = self._array(state)

    def _made(self, name: _Name, arguments: tuple[Any, ...]) -> Any:
        if name.name in LEFT_OUT.get(name.module, ()):
            return LeftOut(str(name))
        match (name.module.replace("numpy._core", "numpy.core"), name.name, arguments):
            case ("numpy", "dtype", (str(code), *_)):
                return _Made(_dtype(code))
            case ("numpy.core.multiarray", "_reconstruct", (_Name("numpy", "ndarray"), *_)):
                return _Made()
            case ("numpy.core.multiarray", "scalar", (np.dtype() as dtype, bytes(raw))):
                return self._array(((), dtype, False, raw))[()]
            case ("numpy.core.numeric", "_frombuffer", (raw, dtype, shape, order)):
                return self._array((shape, dtype, order == "F", raw))
            case ("_codecs", "encode", (str(text), "latin1")):
                self._spend(len(text))
                return text.encode("latin1", "replace")
            case ("builtins" | "__builtin__", "set", (list(items),)):
                self._spend(len(items))
                return set(map(_key, items))
            case ("builtins" | "__builtin__", "frozenset", (list(items),)):
                self._spend(len(items))
                return frozenset(map(_key, items))
            case ("builtins" | "__builtin__", "bytes", ()):
                return b""
            case ("builtins" | "__builtin__", "bytearray", (bytes(raw),)):
                self._spend(len(raw))
                return bytearray(raw)
            case ("builtins" | "__builtin__", "complex", (float(real), float(imaginary))):
                return complex(real, imaginary)
            case ("collections", "OrderedDict", ()):
                return {}
        return _refuse(name)

    def _array(self, state: tuple[Any, ...]) -> Any:
        """Make an array from its shape, type, order and content, as numpy pickles it."""
        match state[-4:]:
            case (tuple(shape), np.dtype() as dtype, bool() | int() as fortran, raw):
                pass
            case _:
                raise _RefusedError("it holds an array of an unknown form")
        if any(type(n) is not int or n < 0 for n in shape) or len(shape) > 16:
            raise _RefusedError("it holds an array of an unknown form")
        count = prod(shape)
        flat = self._objects(raw, count) if dtype.hasobject else self._numbers(raw, dtype, count)
        try:
            return flat.reshape(shape, order="F" if fortran else "C")
        except ValueError:  # a size beyond what numpy can count, beside one of 0
            raise _RefusedError("it holds an array of an unknown form") from None

    def _objects(self, raw: Any, count: int) -> npt.NDArray[Any]:
        if not isinstance(raw, list) or len(raw) != count:
            raise _RefusedError("it claims an array of another size than it holds")
        self._spend(count)
        self._object_arrays += 1
        if self._object_arrays > MOST_OBJECT_ARRAYS:
            raise _RefusedError("it has more parts than any file of Suite2p")
        array = np.empty(count, object)
        for k, value in enumerate(raw):
            array[k] = value
        return array

    def _numbers(self, raw: Any, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
        if not isinstance(raw, bytes | bytearray) or len(raw) != count * dtype.itemsize:
            raise _RefusedError("it claims an array of another size than it holds")
        self._spend(len(raw))
        return np.frombuffer(raw, dtype).copy() if count else np.empty(0, dtype)

    OPCODES: ClassVar[dict[str, Callable[[_Machine, Any], None]]] = {
        **{"POP": _pop, "POP_MARK": _pop_mark, "DUP": _dup, "MEMOIZE": _memoize},
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
        **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
        **{"TUPLE": _tuple, "LIST": _list, "DICT": _dict, "FROZENSET": _frozenset},
        **{"APPEND": _append, "APPENDS": _appends, "ADDITEMS": _additems},
        **{"SETITEM": _setitem, "SETITEMS": _setitems},
        **{"GLOBAL": _global, "STACK_GLOBAL": _stack_global},
        **{"REDUCE": _reduce, "NEWOBJ": _newobj, "BUILD": _build},
    }


def _key(value: Any) -> Any:
    """Return a key of a dictionary, or an item of a set: a plain value, or a tuple of some."""
    parts = value if isinstance(value, tuple) else (value,)
    if all(isinstance(part, str | bytes | int | float | np.generic | None) for part in parts):
        return value
    raise _RefusedError("it has a container as a key")


def _dtype(code: str) -> np.dtype[Any]:
    """Return the type of numbers, texts or objects that a code names, such as 'f8'."""
    kind, size = code[:1], code[1:]
    if kind == "O":
        return np.dtype(object)
    if kind in "biufcSU" and size.isdecimal() and len(size) < 8 and int(size) <= LONGEST_ITEM:
        try:
            if (found := np.dtype(code)).itemsize:
                return found
        except TypeError:
            pass
    raise _RefusedError(f"it holds numbers of type '{shortened(code, 20)}'")


def _in_order(dtype: np.dtype[Any], state: tuple[Any, ...]) -> np.dtype[Any]:
    """Return a type with the order of bytes that its state says; records are refused."""
    match state:
        case (int(), ("<" | ">" | "=" | "|") as order, None, None, None, *_):
            return dtype.newbyteorder(order) if order in "<>" else dtype
    raise _RefusedError("it holds records")


def _refuse(name: Any) -> NoReturn:
    raise _RefusedError(f"it asks to run '{shortened(name, 60)}', as no file of frames does")


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is damaged ({shortened(error)}): copy it again.")
