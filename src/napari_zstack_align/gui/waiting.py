"""A disk that takes its time is waited for in a dialog: the window behind it goes on."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QProgressDialog, QWidget

from napari_zstack_align.gui.worker import JobWorker

TITLE = "Waiting for the disk"
STOP = "Don't wait"


def wait_for(worker: JobWorker, over: QWidget | None, words: str, patience_ms: int) -> None:
    """Wait for the end of a worker that was launched, unless the person doesn't want to.

    Parameters
    ----------
    worker : JobWorker
        It goes on where it is not waited for any more.
    over : QWidget or None
        Over which the dialog opens.
    words : str
        What is waited for.
    patience_ms : int
        So long at most.
    """
    dialog = QProgressDialog(words, STOP, 0, 0, over)
    dialog.setWindowTitle(TITLE)
    enough = QTimer(dialog)
    enough.setSingleShot(True)
    enough.timeout.connect(dialog.reject)
    worker.finished.connect(dialog.accept)
    if not worker.isFinished():
        enough.start(patience_ms)
        dialog.exec()
    dialog.deleteLater()
