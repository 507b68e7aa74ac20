"""Points layers whose points are circles true to size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Points

LINE_PX = 0.7
"""Usual width of a circle's line, in pixels of the image."""


def circles_layer(name: str, color: str, **described: Any) -> Points:
    """Return an empty layer (y, x) of circles: no face, a coloured line."""
    return Points(
        np.empty((0, 2)),
        ndim=2,
        name=name,
        size=8.0,
        symbol="disc",
        face_color="transparent",
        border_color=color,
        border_width=LINE_PX,
        border_width_is_relative=False,
        **described,
    )


def show_circles(
    layer: Points, circles: npt.NDArray[np.float64], colors: npt.ArrayLike | None = None
) -> None:
    """Let a layer show circles (N, 3) y, x, radius, drawing once.

    Parameters
    ----------
    layer : napari.layers.Points
        Made by `circles_layer`.
    circles : numpy.ndarray
        (N, 3) float64.
    colors : array-like, optional
        (N, 4) colours of the lines; by default they stay.
    """
    with quiet(layer):
        layer.data = circles[:, :2].copy()  # napari moves points in place
        if len(circles):
            layer.size = 2 * circles[:, 2]
            if colors is not None:
                layer.border_color = colors
    layer.refresh(extent=False, thumbnail=False)


def set_line(layer: Points, width_px: float) -> None:
    """Draw circles with a line of another width, in pixels of the image."""
    with quiet(layer):
        layer.current_border_width = width_px
        layer.border_width = width_px


@contextmanager
def quiet(layer: Points) -> Iterator[None]:
    """Let napari draw once after some changes, not after each of them."""
    with (
        layer._block_refresh(),
        layer.events.blocker_all(),
        layer._border.events.blocker_all(),
        layer._face.events.blocker_all(),
    ):
        yield
