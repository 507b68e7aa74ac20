"""ROIs as an image of labels: every pixel holds the id of its ROI, or 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.rois import Circles, Rois
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.ome_tiff import write_ome_tiff

Pixels = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def write_labels(
    path: str | Path, rois: Rois, options: CellOptions | None = None, *, overwrite: bool = False
) -> Job[Path]:
    """Write ROIs as an OME-TIFF of labels.

    (Y, X), or (Z, Y, X) where ROIs belong to slices; uint16, or uint32 where an id needs it. A
    pixel belongs to a ROI whose circle holds its centre; of several, to the smallest, and of
    equals, to the one with the lower id.

    Returns
    -------
    generator of Progress
        Returns the path. The last ``note`` counts the pixels that ROIs share, and names the ROIs
        that have none of their own.

    Raises
    ------
    InputError
        Where the options don't say what the ROIs lie in.
    """
    field = None if options is None else options.field
    if field is None:
        raise InputError(
            "Labels need the size of the image: say in which alignment the ROIs lie (--alignment, "
            "in Python FieldOfView.of(alignment) as field)."
        )
    labels = Labels(rois, field)
    axes = "YX" if labels.ndim == 2 else "ZYX"
    image = Image(labels, axes, pixel_size_um=field.pixel_size_um, z_step_um=field.z_step_um)
    writing = write_ome_tiff(Path(path), image, overwrite=overwrite)

    def job() -> Job[Path]:
        written = yield from writing
        yield Progress("Writing labels", image.n_planes, image.n_planes, labels.note())
        return written

    return job()


class Labels:
    """The image of labels, painted slice by slice when it is asked for.

    Parameters
    ----------
    rois : Rois
        What to paint.
    field : FieldOfView
        Size of the image.
    """

    def __init__(self, rois: Rois, field: FieldOfView) -> None:
        # painted in this order: the last one stays on top
        self._rois = rois.where(np.lexsort((-rois.ids, -rois.circles[:, 2])))
        last = int(rois.slices.max(initial=-1))
        self._in_slices = last >= 0
        if self._in_slices and field.n_slices is not None and last >= field.n_slices:
            raise InputError(
                f"A ROI lies on slice {last}, but the z-stack has the slices 0 to "
                f"{field.n_slices - 1}: these ROIs belong to another one."
            )
        slices = (field.n_slices or last + 1,) if self._in_slices else ()
        self.shape: tuple[int, ...] = (*slices, *field.shape)
        self.ndim = len(self.shape)
        wide = int(rois.ids.max(initial=0)) > np.iinfo(np.uint16).max
        self.dtype = np.dtype(np.uint32 if wide else np.uint16)
        self._shared = 0
        self._seen: set[int] = set()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        whole = self[0 : self.shape[0]] if self._in_slices else self._paint(self._rois)
        return whole.astype(dtype or self.dtype, copy=False)

    def __getitem__(self, slices: slice) -> npt.NDArray[Any]:
        chosen = range(*slices.indices(self.shape[0]))
        return np.stack([self._paint(self._rois.where(self._rois.on_slice(z))) for z in chosen])

    def note(self) -> str:
        """What became of ROIs that overlap, once all of it has been painted."""
        sentences = []
        if self._shared:
            sentences.append(
                f"{counted(self._shared, 'pixel')} in several ROIs: the smallest gives its id."
            )
        hidden = sorted(set(self._rois.ids.tolist()) - self._seen)
        if hidden:
            ids = ", ".join(map(str, hidden[:10])) + (", ..." if len(hidden) > 10 else "")
            sentences.append(f"Without a pixel of their own: ROI {ids}.")
        return " ".join(sentences)

    def _paint(self, rois: Rois) -> npt.NDArray[Any]:
        size = (self.shape[-2], self.shape[-1])
        labels = np.zeros(size, self.dtype)
        covers = np.zeros(size, np.uint16)
        for circle, roi_id in zip(rois.circles, rois.ids.tolist(), strict=True):
            pixels = pixels_in(circle, size)
            labels[pixels] = roi_id
            covers[pixels] += 1
        self._shared += int(np.count_nonzero(covers > 1))
        self._seen.update(np.unique(labels).tolist())
        return labels


def pixels_in(circle: Circles, shape: tuple[int, int]) -> Pixels:
    """Rows and columns of the pixels whose centres lie in a circle, or of the one it lies in."""
    y, x, radius = circle.tolist()
    y0, x0 = max(int(np.ceil(y - radius)), 0), max(int(np.ceil(x - radius)), 0)
    y1, x1 = min(int(y + radius) + 1, shape[0]), min(int(x + radius) + 1, shape[1])
    ys, xs = np.ogrid[y0 : max(y1, y0), x0 : max(x1, x0)]
    rows, columns = np.nonzero((ys - y) ** 2 + (xs - x) ** 2 <= radius**2)
    row, column = round(y), round(x)
    if not len(rows) and 0 <= row < shape[0] and 0 <= column < shape[1]:
        return np.array([row]), np.array([column])
    return rows + y0, columns + x0
