"""Jobs of the Cells tab; they run in its worker, without touching a widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells import Rois, load_rois, valid_in
from napari_zstack_align.cells.agreement import agreement
from napari_zstack_align.cells.blobs import BlobResult, detect
from napari_zstack_align.cells.images import session_image, slice_image, source_image
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cells.scale_space import ScaleSpace, build_scale_space
from napari_zstack_align.cells.volume import detect_cells
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells.merge import merged, merged_on_slice
from napari_zstack_align.gui.cells.sources import SLICE, ImagesEntry
from napari_zstack_align.params import BlobParams
from napari_zstack_align.progress import Job, Progress

Image = npt.NDArray[Any]


def make_image(
    source: ImagesEntry, kind: str, channel: int, frames: tuple[int, int] | None, z: int
) -> Job[Image]:
    """Make the chosen image (Y, X)."""
    if source.image is not None:
        yield Progress("Reading", 0, 1)
        return np.asarray(source.image[z] if kind == SLICE else source.image)
    of_each = [a or s for a, s in zip(source.alignments, source.stacks, strict=True)]
    if kind == SLICE:
        return (yield from slice_image(of_each[0], z, channel=channel))
    if len(of_each) > 1:
        aligned = [each for each in of_each if isinstance(each, Alignment)]
        return (yield from session_image(aligned, kind, channel=channel))  # type: ignore[arg-type]
    return (
        yield from source_image(of_each[0], kind, frames=frames, channel=channel)  # type: ignore[arg-type]
    )


def make_rois(
    method: str,
    params: Mapping[str, BlobParams],
    spaces: Mapping[str, ScaleSpace],
    image: Image,
    mask: npt.NDArray[np.bool_] | None,
    old: Rois,
    z: int | None,
    source: ImagesEntry | None,
) -> Job[Rois]:
    """Make ROIs of one method's blobs, with how many methods find each."""
    results: dict[str, BlobResult] = {}
    for name, each in params.items():
        space = spaces.get(name)
        if space is None or not space.fits(each) or not space.whole:
            space = yield from build_scale_space(image, each)
        results[name] = detect(space, each, mask)
    chosen = results.pop(method)
    if not len(chosen):
        raise InputError("There are no blobs to make ROIs of: lower the threshold first.")
    votes = agreement(chosen.circles, [result.circles for result in results.values()])
    slices = None if z is None else np.full((len(chosen), 2), z)
    found = Rois.of(
        chosen.circles,
        slices=slices,
        features={"strength": chosen.strengths, "agreement": votes},
        made_on=made_on(None if source is None else source.made_of),
    )
    return merged(old, found) if z is None else merged_on_slice(old, found, z)


def find_in_volume(
    source: ImagesEntry,
    channel: int,
    params: BlobParams,
    mask: npt.NDArray[np.bool_] | None,
    old: Rois,
) -> Job[Rois]:
    """Find cells in all slices of a z-stack."""
    planes = source.image if source.image is not None else source.alignments[0] or source.stacks[0]
    found = yield from detect_cells(planes, params, mask, channel=channel)
    if not len(found):
        raise InputError("No cells are found in the volume with these values: lower the threshold.")
    return merged(old, found)


def loading(path: Path, pixel_size_um: float | None = None) -> Job[Rois]:
    """Read ROIs from a file, whose table may be in µm."""
    yield Progress("Loading", 0, 1)
    return load_rois(path, pixel_size_um=pixel_size_um)


def saving(rois: Rois, path: Path, source: ImagesEntry | None) -> Job[Path]:
    """Write ROIs to a file; those that were all drawn by hand lie on the image of the source."""
    yield Progress("Saving", 0, 1)
    if rois.made_on is None and source is not None:
        rois = replace(rois, made_on=made_on(source.made_of))
    return rois.save(path, overwrite=True)


def finding_valid(
    rois: Rois, alignments: Sequence[Alignment]
) -> Job[tuple[Rois, npt.NDArray[np.bool_]]]:
    """Tell in which recordings ROIs are valid, (N, R)."""
    columns = []
    for done, alignment in enumerate(alignments):
        yield Progress("Looking where ROIs are valid", done, len(alignments))
        columns.append(valid_in(rois, [alignment]))
    return rois, np.concatenate(columns, axis=1)
