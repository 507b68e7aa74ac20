"""Damaged files told apart from faults of this program, by where an error was raised.

The libraries that read files compute with what stands in them, unchecked: on damage they raise any
error, a TypeError too. A fault of ours raises the same, and must not read as damage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from napari_zstack_align.errors import InputError

PACKAGE = __name__.partition(".")[0]
ANY_DAMAGE = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    MemoryError,
    SystemError,
)
"""What h5py and zarr raise on damage: they use the values in a file without a check.

Only calls that do nothing but run their code may be guarded by it.
"""


@contextmanager
def damage(
    errors: tuple[type[Exception], ...], sentence: Callable[[Exception], InputError]
) -> Iterator[None]:
    """Turn errors that were raised inside a library into a sentence on the file.

    An error that was raised by a line of this program, a call with wrong arguments for example,
    goes through as it is.

    Parameters
    ----------
    errors : tuple of exception types
        What the library raises for damaged files.
    sentence : callable
        Makes the InputError of such an error.
    """
    try:
        yield
    except errors as error:
        if is_ours(error):
            raise
        raise sentence(error) from None


def is_ours(error: BaseException) -> bool:
    """Whether an error was raised by a line of this package, and not further inside."""
    step: TracebackType | None = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    name = "" if step is None else str(step.tb_frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] == PACKAGE
