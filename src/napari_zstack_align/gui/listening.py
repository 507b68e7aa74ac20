"""Connections to napari's events that can be cut after Qt has deleted the widget that listens.

To find the callback to disconnect, napari compares it with the others that are connected, and
before 0.7 that asks the widget whose method it is for an attribute: PyQt raises where the widget
is deleted, as it is when a window is closed. napari gets plain functions here, which it compares
by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod


class Listening:
    """The connections of one widget. They don't keep it alive."""

    def __init__(self) -> None:
        self._connections: list[tuple[Any, Callable[[Any], None]]] = []

    def to(
        self, emitter: Any, method: Callable[[Any], object], *, after_napari: bool = False
    ) -> None:
        """Call a method of the widget at each event of an emitter of napari's.

        It is called before napari's own callbacks that are there, unless ``after_napari``.
        """
        weak = WeakMethod(method)

        def call(event: Any) -> None:
            alive = weak()
            if alive is not None:
                alive(event)

        emitter.connect(call, position="last" if after_napari else "first")
        self._connections.append((emitter, call))

    def stop(self) -> None:
        """Cut all connections."""
        while self._connections:
            emitter, call = self._connections.pop()
            emitter.disconnect(call)
