"""How far a job is, and the time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from napari_zstack_align.progress import Progress

MIN_SECONDS = 1.0
"""Before this, a guess would jump about."""


class Course:
    """Follows the main stage of a job, and guesses the time left of it.

    Jobs are composed, so a small stage may come up again and again inside a large one. The large
    one is shown: a stage with fewer units takes over only when the one before is complete.

    Parameters
    ----------
    clock : callable
        Seconds, as ``time.monotonic``.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._main = Progress("", 0, 0)
        self._start = 0.0
        self._first = 0

    def update(self, progress: Progress) -> Progress:
        """Return the progress to show: this one, or the last of the main stage."""
        unfinished = self._main.done < self._main.total
        if progress.stage != self._main.stage:
            if unfinished and progress.total < self._main.total:
                return self._main
            self._start, self._first = self._clock(), progress.done
        self._main = progress
        return progress

    def seconds_left(self) -> float | None:
        """Seconds left of the main stage; None while there is too little to go by."""
        done = self._main.done - self._first
        elapsed = self._clock() - self._start
        if done <= 0 or elapsed < MIN_SECONDS or self._main.total < self._main.done:
            return None
        return elapsed / done * (self._main.total - self._main.done)


def in_words(seconds: float) -> str:
    """'40 s', '3 min 20 s' or '2 h 5 min'."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
