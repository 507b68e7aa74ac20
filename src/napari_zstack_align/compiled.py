"""Loops over pixels, compiled when they are first run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function for the types that it is called with; threads then run it side by side.

    The first call takes some seconds. What was compiled is kept on disk, beside the function or in
    the user's cache folder; where neither can be written, every process compiles anew.

    Loops run as fast as the processor can where it may take several pixels at once: the innermost
    one goes from 0 to the size of an array, writes one array and reads a few, and carries no sum
    from one pixel to the next (the order of a sum is kept, to the last bit).
    """
    try:
        ready: Any = njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        ready = njit(nogil=True, error_model="numpy")(function)
    return cast(Function, ready)
