"""Connections to napari's events are cut, also after Qt has deleted the widget."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from napari.components import LayerList, ViewerModel
from napari.layers import Image
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_zstack_align.gui.listening import Listening


class Listener(QWidget):
    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.listening = Listening()
        self.listening.to(layers.events.inserted, self.hear)

    def hear(self, event) -> None:
        self.heard.append(event.type)


@pytest.fixture
def layers(qapp):
    return ViewerModel().layers  # a model among those that listen, which compares itself


def add_one(layers):
    layers.append(Image(np.zeros((2, 2))))


def test_hears_until_it_stops(layers):
    listener = Listener(layers)
    add_one(layers)
    assert listener.heard == ["inserted"]
    listener.listening.stop()
    listener.listening.stop()
    add_one(layers)
    assert listener.heard == ["inserted"]


def test_stops_after_qt_has_deleted_the_widget(layers):
    listener = Listener(layers)
    heard = listener.heard
    listener.deleteLater()
    QApplication.sendPostedEvents(listener, QEvent.Type.DeferredDelete)
    listener.listening.stop()
    add_one(layers)
    assert heard == []


def test_does_not_keep_the_widget_alive(layers):
    listener = Listener(layers)
    heard = listener.heard
    del listener
    gc.collect()
    add_one(layers)
    assert heard == []
