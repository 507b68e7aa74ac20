"""Finished units of a run, found again by their keys and by the frames that they read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.parallel import patient_map
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.saved.journal import UnitStore
from napari_zstack_align.saved.unit_file import NO_FRAMES, Arrays, Unit
from napari_zstack_align.saved.watched import UNKNOWN, WatchedFrames

CHECKING = "Checking the frames"


class Units:
    """Finished units of a run over the frames of one stack.

    A unit that is kept is taken where its key is the same, and so are the frames that it read: by
    their digests, where they are known in this run (see `check`), else by the place, size and time
    of modification of the raw files.

    Parameters
    ----------
    journal : Journal or NoJournal
    frames : WatchedFrames
        All frames of the run must be read through them.
    prefix : str
        Begins the names of its units, where a run has several stacks.
    """

    def __init__(self, journal: UnitStore, frames: WatchedFrames, prefix: str = "") -> None:
        self.journal, self.frames, self._prefix = journal, frames, prefix
        self._put: set[str] = set()
        if journal.id:
            frames.are_kept_in(journal.names)

    def check(self, pool: ThreadPoolExecutor, ahead: int) -> Job[None]:
        """Read the frames of kept units where the raw files aren't those that they were read from.

        Another place or time of modification may mean other pixels, or a copy. Do this before the
        first `get`. A frame that can't be read is one that has changed.
        """
        frames = self._doubtful()
        done = 0
        for looked in patient_map(pool, self._look, frames, ahead):
            done += looked is not None
            yield Progress(CHECKING, done, len(frames))

    def get(self, name: str, key: str, frames: npt.ArrayLike = NO_FRAMES) -> Arrays | None:
        """Return the arrays of a finished unit; None: it has to be computed.

        Parameters
        ----------
        name : str
            Of letters, digits and '-'; a later unit of this name replaces it.
        key : str
            Of `keys.key_of`: all that the unit depends on but the frames that it reads.
        frames : array-like
            (n,) frames that it reads.
        """
        unit = self.journal.read(self._prefix + name)
        wanted = _indices(frames)
        if unit is None or unit.key != key or not np.array_equal(unit.frames, wanted):
            return None
        read = ~self.frames.empty[wanted]
        if self.frames.failed[wanted[read]].any() or ((unit.digests != UNKNOWN) != read).any():
            return None
        known, then = self.frames.digests[wanted[read]], unit.digests[read]
        if (known == UNKNOWN).any() and not self._same_files(unit):
            return None
        if ((known != UNKNOWN) & (known != then)).any():
            return None
        self.frames.believe(wanted[read], then)
        return unit.arrays

    def forget(self, begin: str = "") -> None:
        """Remove the units of this stack whose names begin so: nothing will be made of them."""
        for name in self.journal.names():
            if name.startswith(self._prefix + begin):
                self.journal.remove(name)

    def was_kept(self, name: str, key: str, frames: npt.ArrayLike = NO_FRAMES) -> bool:
        """Whether an earlier run finished a unit; parameters are those of `get`."""
        return name not in self._put and self.get(name, key, frames) is not None

    def put(
        self,
        name: str,
        key: str,
        arrays: Arrays,
        frames: npt.ArrayLike = NO_FRAMES,
    ) -> None:
        """Keep a finished unit; parameters are those of `get`.

        One of which a frame couldn't be read is not kept, for the next run tries it again; frames
        that are dropped or missing in the file don't count.

        Raises
        ------
        RunStopped
            Where a raw file is gone or has changed, or the journal can't be written.
        """
        self.frames.check_now_and_then()
        self._put.add(name)
        read = _indices(frames)
        digests = self.frames.digests[read]
        unread = (digests == UNKNOWN) | self.frames.failed[read]
        if not (unread & ~self.frames.empty[read]).any():
            unit = Unit(key, arrays, read, digests, self.frames.files, self.frames.place)
            self.journal.write(self._prefix + name, unit)

    def _doubtful(self) -> list[int]:
        names = [name for name in self.journal.names() if name.startswith(self._prefix)]
        kept = (self.journal.read(name) for name in names)
        frames = [
            unit.frames[unit.frames < len(self.frames.digests)]
            for unit in kept
            if unit is not None and not self._same_files(unit)
        ]
        return np.unique(np.concatenate([NO_FRAMES, *frames])).astype(int).tolist()

    def _same_files(self, unit: Unit) -> bool:
        """Whether a unit read these files as they are, not others of the same size and time."""
        now = self.frames
        return now.knows_files and (unit.files, unit.place) == (now.files, now.place)

    def _look(self, t: int) -> int:
        with suppress(OSError, InputError):
            self.frames.read(t, t + 1)
        return t


def _indices(frames: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    return np.asarray(frames, np.uint32).reshape(-1)
