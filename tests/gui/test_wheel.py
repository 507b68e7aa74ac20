"""The wheel changes no value that hasn't the focus, and scrolls the page instead."""

from __future__ import annotations

import ctypes
import ctypes.util

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QScrollArea,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QDoubleSlider

from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.gui.wheel import WheelGuard, is_turned
from napari_zstack_align.params import AdaptiveParams


def turn(widget, notches=-1):
    """Turn the wheel over the middle of a widget; whether that did anything with it."""
    here = QPointF(widget.rect().center())
    event = QWheelEvent(
        here,
        QPointF(widget.mapToGlobal(widget.rect().center())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


class Mouse:
    """The mouse of the display, which Qt hears as a person's: it passes on what is ignored."""

    def __init__(self):
        names = [ctypes.util.find_library(name) for name in ("X11", "Xtst")]
        if QApplication.platformName() != "xcb" or None in names:
            pytest.skip("no X display whose mouse can be moved")
        self._x11, self._test = map(ctypes.CDLL, names)
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(None))

    def turn_over(self, widget, notches):
        """Go to a widget and turn the wheel towards oneself."""
        at = widget.mapToGlobal(widget.rect().center())
        self._test.XTestFakeMotionEvent(self._display, -1, at.x(), at.y(), 0)
        for pressed in (1, 0) * notches:
            self._test.XTestFakeButtonEvent(self._display, 5, pressed, 0)
        self._x11.XFlush(self._display)

    def leave(self):
        self._x11.XCloseDisplay(self._display)


@pytest.fixture
def mouse(qapp):
    mouse = Mouse()
    yield mouse
    mouse.leave()


def a_combo():
    combo = QComboBox()
    combo.addItems(["mean", "standard deviation", "maximum"])
    return combo


def value_of(widget):
    return widget.currentIndex() if isinstance(widget, QComboBox) else widget.value()


def page(qtbot, *widgets):
    """A page that can be scrolled, with widgets above much else."""
    area, inside = QScrollArea(), QWidget()
    area.setWidgetResizable(True)
    layout = QVBoxLayout(inside)
    for widget in widgets:
        layout.addWidget(widget)
    for _ in range(40):
        layout.addWidget(QLabel("more"))
    area.setWidget(inside)
    area.resize(200, 200)
    qtbot.addWidget(area)
    return area


def shown(qtbot, area):
    area.show()
    area.activateWindow()
    qtbot.waitExposed(area)
    return area.verticalScrollBar()


@pytest.mark.parametrize(
    "make",
    [a_combo, QSpinBox, QSlider, QDoubleSlider],
    ids=["combo box", "spin box", "slider", "slider of decimals"],
)
def test_only_what_has_the_focus_is_turned(qtbot, make):
    widget = make()
    area = page(qtbot, widget)
    WheelGuard(area)
    shown(qtbot, area)
    area.setFocus()
    assert not turn(widget, 1)
    assert not turn(widget, -1)
    assert value_of(widget) == 0
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    turn(widget, -1 if make is a_combo else 1)
    assert value_of(widget) > 0
    assert widget.focusPolicy() != Qt.FocusPolicy.WheelFocus


def test_fields_that_are_unfolded_later_are_guarded_too(qtbot):
    form = ParamsForm(AdaptiveParams, first=("alpha",))
    area = page(qtbot, form)
    WheelGuard(area)
    shown(qtbot, area)
    form.more_button.click()
    qtbot.waitUntil(lambda: form.fields["strategy"].native.isVisible())
    before = form.values()
    for field in form.fields.values():
        turned = [w for w in (field.native, *field.native.findChildren(QWidget)) if is_turned(w)]
        for widget in turned:
            turn(widget, 2)
            turn(widget, -3)
    assert form.values() == before


def test_a_real_wheel_scrolls_the_page_below_it(qtbot, mouse):
    combo = a_combo()
    area = page(qtbot, combo)
    WheelGuard(area)
    bar = shown(qtbot, area)
    area.setFocus()
    mouse.turn_over(combo, 2)
    qtbot.waitUntil(lambda: bar.value() > 0)
    assert combo.currentIndex() == 0
    assert not combo.hasFocus()


@pytest.mark.slow
def test_no_tab_has_a_field_that_is_turned_in_passing(qtbot, panel):
    panel.window().show()
    for index in range(panel.tabs.count()):
        panel.tabs.setCurrentIndex(index)
        found = [w for w in panel.tabs.currentWidget().findChildren(QWidget) if is_turned(w)]
        qtbot.waitUntil(lambda found=found: not found or any(w.isVisible() for w in found))
        before = [value_of(widget) for widget in found]
        for widget in found:
            turn(widget, 1)
            turn(widget, -2)
        name = panel.tabs.tabText(index)
        assert [value_of(widget) for widget in found] == before, name
        assert Qt.FocusPolicy.WheelFocus not in [w.focusPolicy() for w in found], name
    panel.window().hide()
