"""Time left of a job, from how fast its current stage goes."""

from __future__ import annotations

import time
from collections.abc import Callable

from napari_zstack_align.progress import Progress

MIN_SECONDS = 1.0
"""Before this, a guess would jump about."""


class TimeLeft:
    """Guesses the time left from the units done since a stage began.

    Parameters
    ----------
    clock : callable
        Seconds, as ``time.monotonic``.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage: str | None = None
        self._start = 0.0
        self._first = 0

    def update(self, progress: Progress) -> float | None:
        """Return the seconds left of the stage; None while there is too little to go by."""
        now = self._clock()
        if progress.stage != self._stage:
            self._stage, self._start, self._first = progress.stage, now, progress.done
        done = progress.done - self._first
        elapsed = now - self._start
        if done <= 0 or elapsed < MIN_SECONDS or progress.total < progress.done:
            return None
        return elapsed / done * (progress.total - progress.done)


def in_words(seconds: float) -> str:
    """'40 s', '3 min 20 s' or '2 h 5 min'."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
