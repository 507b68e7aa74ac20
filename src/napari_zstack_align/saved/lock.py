"""One save at a time in a folder; the operating system lets go of a lock when its owner dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EAGAIN, ENOLCK, ENOSYS, ENOTSUP
from pathlib import Path

from napari_zstack_align.atomic import hidden_stem
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.disk import make_folder
from napari_zstack_align.saved.names import LOCK

PATIENCE_S = 120.0
A_LOOK_S = 0.5
"""Longer than `is_held` of another program has a lock, on a busy machine, too."""
RETRY_S = 0.02
RETRIES = 50
TAKEN = {EACCES, EAGAIN}
WITHOUT_LOCKS = {ENOLCK, ENOSYS, ENOTSUP}
"""What file systems answer that know no locks."""


def lock_beside(path: Path) -> Path:
    """Return the file that is locked by whoever writes a path that is no folder of its own."""
    return path.with_name(f".{hidden_stem(path)}{LOCK}")


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Make a folder where there is none, and hold its lock.

    Parameters
    ----------
    folder : pathlib.Path
    wait : bool
        Whether to wait while another program holds the lock, or to go on without it.

    Yields
    ------
    bool
        Whether the lock is held: False on a file system that knows none. A save is safe there too
        (its files have names of their own, the manifest is replaced in one step), but it must not
        clean up what may belong to another one.

    Raises
    ------
    InputError
        Where another program holds the lock for minutes.
    """
    with locked_by(folder / LOCK, wait=wait) as held:
        yield held


@contextmanager
def locked_by(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a file that is there as long as somebody holds or wants it."""
    goes_on_without = WITHOUT_LOCKS if wait else WITHOUT_LOCKS | TAKEN
    try:
        descriptor, held = _acquired(path, goes_on_without, PATIENCE_S)
    except TimeoutError:
        raise InputError(
            f"{path.parent} can't be written: another program has been saving there for "
            f"{PATIENCE_S:g} s. Wait until it is done, or choose another name."
        ) from None
    try:
        yield held
    finally:
        _release(descriptor, path, held)


class InUseError(InputError):
    """Another program works on a result: what becomes of it, that one will say."""


@contextmanager
def locked_alone(path: Path, taken: str, patience_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a file; where somebody else holds it, raise InUseError with a sentence.

    Whoever takes a lock that others look at with `is_held` must wait for `A_LOOK_S`.

    A file system that knows no locks lets everybody in: False is yielded there.
    """
    try:
        descriptor, held = _acquired(path, WITHOUT_LOCKS, patience_s)
    except TimeoutError:
        raise InUseError(taken) from None
    try:
        yield held
    finally:
        _release(descriptor, path, held)


def is_held(path: Path) -> bool:
    """Whether a program holds the lock of a file that may be there; none is made.

    To find out, the lock is taken for a moment, less than `A_LOOK_S`.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        _lock(descriptor)
    except OSError as error:
        return error.errno in TAKEN
    finally:
        os.close(descriptor)
    return False


def _acquired(path: Path, goes_on_without: set[int], patience_s: float) -> tuple[int, bool]:
    """Descriptor of the file, and whether its lock is held; TimeoutError where another has it."""
    give_up = time.monotonic() + patience_s
    while True:
        make_folder(path.parent)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        except FileNotFoundError:
            if path.is_symlink():
                raise InputError(f"{path} is a link that leads nowhere: remove it.") from None
            if time.monotonic() > give_up + RETRY_S * RETRIES:
                raise
            continue  # the folder was removed just now
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in goes_on_without:
                return descriptor, False
            os.close(descriptor)
            if error.errno not in TAKEN:
                raise
        else:
            if _is_still_there(descriptor, path):
                return descriptor, True
            os.close(descriptor)
        if time.monotonic() > give_up:
            raise TimeoutError(path)
        time.sleep(RETRY_S)


def _release(descriptor: int, path: Path, held: bool) -> None:
    # Removed while it is held: whoever waits for it sees that, and makes a new one.
    # A file that holds something is somebody's, whatever it is called.
    try:
        # Where permission was lost meanwhile, an empty file stays: the next one takes it.
        with suppress(OSError):
            if held and os.name != "nt" and not os.fstat(descriptor).st_size:
                path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _is_still_there(descriptor: int, path: Path) -> bool:
    """Whether the file that is locked is the one that others find."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
