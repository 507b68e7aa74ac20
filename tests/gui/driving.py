"""What a person does with the panel, for the GUI tests."""

from __future__ import annotations

import time

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QApplication


def end(viewer, panel):
    """End a panel, then take away its empty dock: Qt would give each widget in it another style."""
    frame = panel.parent()
    panel.end()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    viewer.window.remove_dock_widget(frame)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def settled(qtbot, panel):
    qtbot.waitUntil(lambda: not any(bar.busy for bar in panel.run_bars))
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def show(qtbot, panel, stack):
    panel.zstack.load_stack(stack)
    settled(qtbot, panel)
    return panel.zstack.shown


def run(qtbot, panel):
    panel.open_tab("Align")
    click(qtbot, panel.zstack.align_tab.run_bar.run_button)


def run_to_end(qtbot, panel):
    run(qtbot, panel)
    settled(qtbot, panel)


def status(panel):
    return panel.zstack.align_tab.run_bar.status.text()


def is_closed(window):
    try:
        return not window.isVisible()
    except RuntimeError:  # it is gone already
        return True


class Heartbeat:
    """Longest time for which the event loop did not turn."""

    def __init__(self):
        self.longest = 0.0
        self._last = time.monotonic()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def _beat(self):
        now = time.monotonic()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def stop(self):
        self._timer.stop()
        return self.longest
