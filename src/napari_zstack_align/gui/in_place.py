"""What uses ROIs or masks waits until they lie on the reference that there is now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial

from qtpy.QtCore import QObject

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.carrier import Carrier
from napari_zstack_align.gui.run_bar import RunBar
from napari_zstack_align.progress import Job, Progress

WAITING = "Waiting for the ROIs"
ON_THEIR_WAY = "The ROIs are on their way to the new reference: this goes on once they lie there."
AFTER_THE_RUN = "This goes on once the run has ended, and the ROIs lie on its reference."
LOOK_EVERY_S = 0.05


class InPlace(QObject):
    """Lets jobs begin that use ROIs or masks, or wait for the carrier; main thread only.

    Parameters
    ----------
    carrier : Carrier
        Takes ROIs and masks to the reference there is now.
    parent : QObject
        Its owner.
    """

    def __init__(self, carrier: Carrier, parent: QObject) -> None:
        super().__init__(parent)
        self._carrier = carrier
        self._waiting: list[Future[None]] = []
        carrier.settled.connect(self._on_settled)
        carrier.failed.connect(self._on_failed)

    def waits(
        self,
        bar: RunBar,
        alignments: Iterable[Alignment | None] | None,
        again: Callable[[], object],
    ) -> bool:
        """Whether ROIs may still have to be carried to the reference of some alignments.

        None: it isn't known of which.
        Then the run bar says so, offers to cancel, and calls ``again`` once they lie there.
        """
        known = alignments is not None and self._carrier.lies_on(alignments)
        if known or not self._carrier.busy:
            return False
        arrived: Future[None] = Future()
        self._waiting.append(arrived)
        words = AFTER_THE_RUN if self._carrier.waits_for_run else ON_THEIR_WAY
        bar.start(partial(_waiting_for, arrived, words), returned=lambda _: again())
        return True

    def _on_settled(self) -> None:
        for each in self._taken():
            each.set_result(None)

    def _on_failed(self, sentence: str) -> None:
        for each in self._taken():
            each.set_exception(InputError(sentence))

    def _taken(self) -> list[Future[None]]:
        taken, self._waiting = self._waiting, []
        return taken


def _waiting_for(arrived: Future[None], words: str) -> Job[None]:
    """Wait; InputError where the ROIs can't be carried."""
    while not arrived.done():
        yield Progress(WAITING, 0, 1, note=words)
        time.sleep(LOOK_EVERY_S)
    arrived.result()
