"""The memory of a long run stays what it holds: glibc is told what to give back.

glibc takes what was freed for a sign of what comes next: after the first stack of images it keeps
even large blocks on a heap, a heap for each thread, and holes between what is still in use are
never given back. Without this, a longer run peaks higher though it holds no more.
"""

from __future__ import annotations

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Names of glibc's `mallopt`."""
LARGE_BYTES = 4 * 2**20
"""Blocks from this size on are given back at once: stacks of images, but no single small image,
for which asking the system anew each time would cost more than it saves."""
KEPT_BYTES = 16 * 2**20
"""So much free memory is kept at the end of a heap."""
HEAPS = 2


def give_back_large_blocks() -> None:
    """Set glibc's allocator for this process; nothing where there is another or a person has."""
    if not _is_glibc() or any(name.startswith(("MALLOC_", "GLIBC_TUN")) for name in os.environ):
        return
    mallopt = ctypes.CDLL(None).mallopt
    for option, value in (
        (M_MMAP_THRESHOLD, LARGE_BYTES),
        (M_TRIM_THRESHOLD, KEPT_BYTES),
        (M_ARENA_MAX, HEAPS),
    ):
        mallopt(option, value)


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):  # no such call, or no such name: not glibc
        return False
