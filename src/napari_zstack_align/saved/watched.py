"""Frames under watch: the digest of each, and whether their files stay as they were."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError, RunStopped
from napari_zstack_align.saved.checksum import crc32c
from napari_zstack_align.saved.places import place_of
from napari_zstack_align.saved.unit_file import FileStates
from napari_zstack_align.sources import reads_singly
from napari_zstack_align.stack import Stack

CHECK_PART = 0.005
"""Looking at the files takes at most this part of the time, be they ever so many."""
UNKNOWN = 0
"""Digest of a frame that wasn't read; that of a frame of zeros is another one."""
GONE = (-1, -1)
NOTHING_YET = "; nothing was finished yet"


class FrameChanged(RunStopped):
    """A frame isn't what it was, though its file looks as before: nothing kept can be trusted."""


@dataclass(frozen=True, eq=False)
class FrameDigests:
    """What the frames were that a result was made of.

    Attributes
    ----------
    digests : numpy.ndarray
        (T,) uint32 CRC-32C of the pixels of each frame, all channels; `UNKNOWN` where it wasn't
        read.
    files : tuple
        Size and time of modification (ns) of each raw file then; () for an array.
    """

    digests: npt.NDArray[np.uint32]
    files: FileStates = ()


class WatchedFrames:
    """A source that reads the frames of a stack and remembers the digest of each.

    Parameters
    ----------
    stack : Stack
    expected : FrameDigests, optional
        What the frames were that an earlier result was made of: reading another one stops.

    Attributes
    ----------
    stack : Stack
        The same, whose frames are read through this.
    files : tuple
        Size and time of modification (ns) of the raw files, as they are now; () for an array.
    place : str
        Of `places.place_of`: where the raw files lie.
    digests : numpy.ndarray
        (T,) uint32 CRC-32C of the pixels of each frame as read, `UNKNOWN` before.
    empty : numpy.ndarray
        (T,) bool, frames without pixels, dropped by a person or missing in the file: another run
        won't read them either.
    failed : numpy.ndarray
        (T,) bool, frames that couldn't be read when each was tried by itself. They stay unreadable
        for the whole run: nothing of it has such a frame, and nothing else lacks it.
    """

    def __init__(self, stack: Stack, expected: FrameDigests | None = None) -> None:
        self._expected = expected
        self._names_of_kept: Callable[[], list[str]] | None = None
        self._source, self._paths, self._name = stack.source, stack.paths, stack.name
        self.digests = np.full(stack.n_frames, UNKNOWN, np.uint32)
        self.failed = np.zeros(stack.n_frames, bool)
        self.empty = stack.lacks_pixels
        self._errors: dict[int, Exception] = {}
        self._notes = Lock()
        self.stack = stack.replace(source=self)
        self.files, self.place = states_of(self._paths), place_of(self._paths)
        self._next_check = 0.0

    @property
    def knows_files(self) -> bool:
        """Whether the frames come from files whose state was seen."""
        return bool(self.files) and GONE not in self.files

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return self._source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._source.dtype

    @property
    def reads_singly(self) -> bool:
        """See `sources.reads_singly`."""
        return reads_singly(self._source)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` (exclusive) as (stop - start, C, Y, X).

        Raises
        ------
        RunStopped
            Where a raw file is gone, or has changed since this was made; where a frame can't be
            read any more that could be read before.
        OSError, InputError
            Where a frame can't be read, or couldn't be before.
        """
        if self.failed[start:stop].any():
            first = start + int(np.argmax(self.failed[start:stop]))
            raise self._errors[first].with_traceback(None)
        try:
            frames = self._source.read(start, stop)
        except (OSError, InputError) as error:
            self.check_files()
            if stop - start == 1:  # which of several it was isn't known
                self._note_failed(start, error)
            raise
        for t, frame in enumerate(frames, start):
            # Sources that join pieces may change the order of bytes.
            self._note(t, crc32c(frame.astype(self.dtype, copy=False)))
        self.check_now_and_then()
        return frames

    def are_kept_in(self, names: Callable[[], list[str]]) -> None:
        """Let sentences about what stops the reading say what becomes of the work.

        Parameters
        ----------
        names : callable
            Names of the finished units that are kept so far.
        """
        self._names_of_kept = names

    def seen(self) -> FrameDigests:
        """What is known of the frames so far."""
        return FrameDigests(self.digests.copy(), self.files)

    def believe(self, frames: npt.NDArray[np.integer], digests: npt.NDArray[np.uint32]) -> None:
        """Take over digests of frames that were read when the files were as they are."""
        self.digests[frames] = digests

    def check_now_and_then(self) -> None:
        """Check the files unless that was done just now; errors are those of `check_files`."""
        start = time.monotonic()
        if start >= self._next_check:
            self.check_files()
            end = time.monotonic()
            self._next_check = end + (end - start) / CHECK_PART

    def check_files(self) -> None:
        """Raise RunStopped where a raw file is gone or has changed since this was made."""
        now = states_of(self._paths)
        if now == self.files:
            return
        for path, before, after in zip(self._paths, self.files, now, strict=True):
            if after == GONE:
                raise RunStopped(
                    f"{path} is gone, or can't be reached any more: bring it back and start "
                    f"again{self._kept()}."
                )
            if after != before:
                raise RunStopped(
                    f"{path} changed while it was read: start again when nothing writes it any "
                    f"more{self._kept()}."
                )

    def _note(self, t: int, digest: int) -> None:
        with self._notes:
            if self.failed[t]:  # in another thread, just now
                raise self._errors[t].with_traceback(None)
            expected = UNKNOWN if self._expected is None else self._expected.digests[t]
            if {int(self.digests[t]), int(expected)} <= {UNKNOWN, digest}:
                self.digests[t] = digest
                return
        self.check_files()
        raise FrameChanged(
            f"Frame {t} of {self._name} isn't what it was when it was read before: give the file "
            f"as it was, or begin anew when nothing writes it any more."
        )

    def _note_failed(self, t: int, error: Exception) -> None:
        with self._notes:
            if self.digests[t] == UNKNOWN:
                self._errors[t] = error
                self.failed[t] = True
                return
        left_out = " Where it stays so, begin anew under another name: the frame is left out then."
        kept = self._kept()
        raise RunStopped(
            f"Frame {t} of {self._name} could be read before, but not now "
            f"({str(error).removesuffix('.')}): start again to go on{kept}."
            f"{left_out if kept else ''}"
        ) from error

    def _kept(self) -> str:
        """End of a sentence: what becomes of the work."""
        if self._names_of_kept is None:
            return ""
        return "; what was finished is kept" if self._names_of_kept() else NOTHING_YET


def states_of(paths: Iterable[Path]) -> FileStates:
    """(size, time of modification in ns) of each file; of a folder, of all that is in it."""
    return tuple(_state_of(path) for path in paths)


def _state_of(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
        if not path.is_dir():
            return found.st_size, found.st_mtime_ns
        size, newest = 0, found.st_mtime_ns
        for folder, _, names in os.walk(path):
            for name in names:
                one = Path(folder, name).stat()
                size, newest = size + one.st_size, max(newest, one.st_mtime_ns)
    except OSError:
        return GONE
    return size, newest
