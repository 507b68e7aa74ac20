"""'Will this work?' in the viewer: two images, their keypoints, and lines between the matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Points, Vectors

from napari_zstack_align.gui.layer_group import LayerGroup
from napari_zstack_align.gui.layer_look import put
from napari_zstack_align.gui.recordings.side_by_side import offset_of, side_by_side

if TYPE_CHECKING:
    from napari_zstack_align.register.recordings import MatchPreview

IN_MASK, OUTSIDE = (0.30, 0.75, 1.0, 1.0), (0.55, 0.55, 0.55, 0.8)
INLIER, OUTLIER = (0.35, 0.95, 0.35, 1.0), (1.0, 0.25, 0.85, 1.0)
LEGEND = (
    "Left: reference; right: chunk. Keypoints: blue in the mask, grey outside. Lines (a sample of "
    "the matches): green fit, magenta don't."
)
KINDS = ("pair", "matches", "keypoints")
"""Of layers: the two images, lines between their matches, and their keypoints."""
MAX_LINES = 100
"""Of the matches that fit, and of the others."""

Pairs = npt.NDArray[np.float64]


class MatchView:
    """Shows how a chunk was matched, in layers that are made at the first look.

    Parameters
    ----------
    group : LayerGroup
        Which the layers belong to.
    """

    def __init__(self, group: LayerGroup) -> None:
        self._group = group

    @property
    def image(self) -> Any:
        """The layer of the two images, or None."""
        return self._group.first(KINDS[0])

    @property
    def lines(self) -> Any:
        """The layer of lines between matches, or None."""
        return self._group.first(KINDS[1])

    @property
    def points(self) -> Any:
        """The layer of the keypoints, or None."""
        return self._group.first(KINDS[2])

    def show_images(self, left: Any, right: Any, place: dict[str, Any]) -> None:
        """Show two images (Y, X) without keypoints; ``place`` is the layers' scale and units."""
        self._show(
            side_by_side(left, right),
            (np.empty((0, 2)), np.empty((0, 4))),
            (np.empty((0, 2, 2)), np.empty((0, 4))),
            place,
        )

    def show(self, preview: MatchPreview, place: dict[str, Any]) -> None:
        """Show a preview."""
        offset = offset_of(preview.reference_image)
        points = np.concatenate([preview.reference_points, moved(preview.chunk_points, offset)])
        in_mask = np.concatenate([preview.reference_in_mask, preview.chunk_in_mask])
        start, end = preview.matches_reference, moved(preview.matches_chunk, offset)
        order = np.concatenate([some(~preview.inliers), some(preview.inliers)])
        lines = np.stack([start, end - start], 1)[order]
        self._show(
            side_by_side(preview.reference_image, preview.chunk_image),
            (points, coloured(in_mask, IN_MASK, OUTSIDE)),
            (lines, coloured(preview.inliers[order], INLIER, OUTLIER)),
            place,
        )

    # -- inside --------------------------------------------------------------------------------

    def _show(
        self,
        image: npt.NDArray[Any],
        points: tuple[Pairs, Pairs],
        lines: tuple[Pairs, Pairs],
        place: dict[str, Any],
    ) -> None:
        """Show an image, and points and lines with their colours."""
        for kind, make in zip(KINDS, (_new_image, _new_lines, _new_points), strict=True):
            if self._group.first(kind) is None:
                self._group.add(kind, make(place))
        pair, matches, keypoints = (self._group.first(kind) for kind in KINDS)
        pair.data, keypoints.data, matches.data = image, points[0], lines[0]
        if len(points[0]):
            keypoints.face_color = points[1]
        if len(lines[0]):
            matches.edge_color = lines[1]
        for layer in (pair, keypoints, matches):
            put(layer, place)


def _new_image(place: dict[str, Any]) -> Image:
    image = np.zeros((2, 2), np.float32)
    return Image(image, name="reference | chunk", contrast_limits=(0, 1), **place)


def _new_lines(place: dict[str, Any]) -> Vectors:
    return Vectors(np.zeros((1, 2, 2)), name="matches", edge_width=1, vector_style="line", **place)


def _new_points(place: dict[str, Any]) -> Points:
    return Points(
        np.zeros((1, 2)), name="keypoints", size=4, symbol="ring", border_width=0, **place
    )


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
