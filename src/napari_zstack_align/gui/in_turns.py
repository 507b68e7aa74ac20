"""Steps that each take napari a moment, such as making a layer: one in a turn of the event loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from qtpy.QtCore import QObject, QTimer


class InTurns(QObject):
    """Does some steps one by one, so that napari can be used between them; main thread only.

    Parameters
    ----------
    parent : QObject
        Without it there are no more steps.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._steps: Iterator[object] = iter(())
        self._in_step = False
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._do_next)

    def begin(self, steps: Iterable[object]) -> None:
        """Do these steps, after those that are left of others."""
        self.finish()
        self._steps = chain(self._steps, steps)
        self._timer.start()

    def finish(self) -> None:
        """Do what is left at once: somebody needs it."""
        while self._do_next():
            pass

    def drop(self) -> None:
        """Leave out what is left."""
        self._timer.stop()
        self._steps = iter(())

    def _do_next(self) -> bool:
        """Whether there was a step to do; a step that lets events through ends first."""
        if self._in_step:
            return False
        self._in_step = True
        try:
            is_left = next(self._steps, self) is not self
        finally:
            self._in_step = False
        if not is_left:
            self._timer.stop()
        return is_left
