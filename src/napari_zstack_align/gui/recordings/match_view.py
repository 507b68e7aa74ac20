"""'Will this work?' in the viewer: two images, their keypoints, and lines between the matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Points, Vectors

from napari_zstack_align.gui.recordings.side_by_side import offset_of, side_by_side
from napari_zstack_align.gui.shown import KEY

if TYPE_CHECKING:
    from napari_zstack_align.register.recordings import MatchPreview

IN_MASK, OUTSIDE = (0.30, 0.75, 1.0, 1.0), (0.55, 0.55, 0.55, 0.8)
INLIER, OUTLIER = (0.35, 0.95, 0.35, 1.0), (1.0, 0.25, 0.85, 1.0)
LEGEND = (
    "Left: reference; right: chunk. Keypoints: blue in the mask, grey outside. Lines (a sample of "
    "the matches): green fit, magenta don't."
)
MAX_LINES = 100
"""Of the matches that fit, and of the others."""

Pairs = npt.NDArray[np.float64]


class MatchView:
    """Layers that show how a chunk was matched; made at the first look, then given new data.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers go.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.image: Any = None
        self.points: Any = None
        self.lines: Any = None

    def layers(self) -> list[Any]:
        """The layers that are there."""
        return [layer for layer in (self.image, self.points, self.lines) if layer is not None]

    def show_images(self, left: Any, right: Any, place: dict[str, Any]) -> None:
        """Show two images (Y, X) without keypoints; ``place`` is the layers' scale and units."""
        self._make(place)
        self._set_image(side_by_side(left, right), place)
        self._set_points(np.empty((0, 2)), np.empty((0, 4)), place)
        self._set_lines(np.empty((0, 2, 2)), np.empty((0, 4)), place)

    def show(self, preview: MatchPreview, place: dict[str, Any]) -> None:
        """Show a preview."""
        self._make(place)
        offset = offset_of(preview.reference_image)
        self._set_image(side_by_side(preview.reference_image, preview.chunk_image), place)
        points = np.concatenate([preview.reference_points, moved(preview.chunk_points, offset)])
        in_mask = np.concatenate([preview.reference_in_mask, preview.chunk_in_mask])
        self._set_points(points, coloured(in_mask, IN_MASK, OUTSIDE), place)
        start, end = preview.matches_reference, moved(preview.matches_chunk, offset)
        order = np.concatenate([some(~preview.inliers), some(preview.inliers)])
        lines = np.stack([start, end - start], 1)[order]
        self._set_lines(lines, coloured(preview.inliers[order], INLIER, OUTLIER), place)

    def forget(self, layer: Any) -> None:
        """Drop a layer that was removed from the viewer."""
        for name in ("image", "points", "lines"):
            if getattr(self, name) is layer:
                setattr(self, name, None)

    # -- inside --------------------------------------------------------------------------------

    def _make(self, place: dict[str, Any]) -> None:
        described = {"metadata": {KEY: self}, **place}
        if self.image is None:
            image = np.zeros((2, 2), np.float32)
            self.image = self._add(
                Image(image, name="reference | chunk", contrast_limits=(0, 1), **described)
            )
        if self.lines is None:
            self.lines = self._add(
                Vectors(
                    np.zeros((1, 2, 2)),
                    name="matches",
                    edge_width=1,
                    vector_style="line",
                    **described,
                )
            )
        if self.points is None:
            self.points = self._add(
                Points(
                    np.zeros((1, 2)),
                    name="keypoints",
                    size=4,
                    symbol="ring",
                    border_width=0,
                    **described,
                )
            )

    def _add(self, layer: Any) -> Any:
        return self._viewer.add_layer(layer)

    def _set_image(self, image: Any, place: dict[str, Any]) -> None:
        self.image.data = image
        set_place(self.image, place)

    def _set_points(self, points: Any, colors: Any, place: dict[str, Any]) -> None:
        self.points.data = points
        if len(points):
            self.points.face_color = colors
        set_place(self.points, place)

    def _set_lines(self, lines: Any, colors: Any, place: dict[str, Any]) -> None:
        self.lines.data = lines
        if len(lines):
            self.lines.edge_color = colors
        set_place(self.lines, place)


def some(which: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Indices of what is true, evenly thinned out to what the eye can follow."""
    found = np.flatnonzero(which)
    return found[:: len(found) // MAX_LINES + 1]


def moved(points: Pairs, columns: float) -> Pairs:
    """Return points (N, 2) moved to the right."""
    return np.asarray(points, float).reshape(-1, 2) + np.array([0.0, columns])


def coloured(which: npt.ArrayLike, true: Any, false: Any) -> npt.NDArray[np.float64]:
    """(N, 4) RGBA by a truth value each."""
    return np.where(np.asarray(which, bool)[:, None], true, false)


def set_place(layer: Any, place: dict[str, Any]) -> None:
    """Give a layer another scale and unit."""
    for name, value in place.items():
        setattr(layer, name, value)
