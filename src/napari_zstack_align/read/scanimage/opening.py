"""TIFF files of ScanImage as one source of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError, MissingFrameError
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._format import Wish
from napari_zstack_align.read._same_facts import without_contradicted
from napari_zstack_align.read._time_axis import FileTimes, one_time_axis
from napari_zstack_align.read._window import WindowOf
from napari_zstack_align.read.scanimage.acquisition import arranged, slice_depths
from napari_zstack_align.read.scanimage.header import Header
from napari_zstack_align.read.scanimage.parts import Part, acquisitions, parts_of
from napari_zstack_align.read.scanimage.rois import chosen, not_split, roi_windows, windowed
from napari_zstack_align.read.scanimage.texts import PageTexts, read_texts
from napari_zstack_align.read.tiff.pages import Pages
from napari_zstack_align.read.tiff.planes import page_by_page
from napari_zstack_align.read.tiff.source import TiffSource
from napari_zstack_align.sources import FrameSource, WithGaps

SKIPPED = "Frame {} was skipped by the microscope, or its file is missing: it has no pixels."


def open_scanimage(headers: Sequence[Header], pages: Pages, wish: Wish) -> Opened:
    """Open the pages of ScanImage files, each with its header.

    Raises
    ------
    InputError
        For z-stacks of several acquisitions, and for an image that isn't there.
    """
    texts = read_texts(pages)
    found, remarks = acquisitions(parts_of(pages.paths, headers, pages.per_file, texts))
    header = found[0][0].header
    shape = pages.kinds[int(pages.kind[0])].shape[1:]
    opened = [_of_one(group, texts, shape) for group in found]
    facts, planes = _joined(opened, pages.paths, [group[0].path.name for group in found])
    if wish.as_planes:
        facts, planes = page_by_page(facts, pages)
    facts = replace(facts, remarks=(*facts.remarks, *remarks))
    depths = slice_depths(header) if header.has_slices else header.depths_um[:1]
    windows, odd = roi_windows(header, depths, shape)
    if facts.layout is None and any(len(set(window.rows)) > 1 for window in windows):
        windows, odd = (), not_split("they differ between the slices")
    facts = replace(facts, remarks=(*facts.remarks, *odd))
    if not windows:
        if wish.image:
            raise one_image(pages.paths[0], wish.image)
        return Opened(_source(pages, planes, facts), pages.paths, facts, wish.as_planes)
    window, others = chosen(windows, wish.image, pages.paths[0].name)
    facts, planes, rows = windowed(window, header, facts, planes)
    source = WindowOf(_source(pages, planes, facts), rows, window.roi.height, window.roi.width)
    names = tuple(each.roi.name for each in windows)
    facts = replace(facts, images=names, remarks=(*facts.remarks, *others))
    return Opened(source, pages.paths, facts, wish.as_planes)


def _source(pages: Pages, planes: npt.NDArray[np.intp], facts: Facts) -> FrameSource:
    """Frames, of which those that are missing can't be read."""
    source = TiffSource(pages, planes)
    numbers = np.arange(len(planes)) if facts.numbers is None else facts.numbers
    missing = np.flatnonzero(np.isin(numbers, facts.missing)).tolist()
    if not missing:
        return source
    return WithGaps(source, {t: MissingFrameError(SKIPPED.format(numbers[t])) for t in missing})


def one_image(path: Path, image: int | str) -> InputError:
    """Make the error for an image that was asked for in a file of one."""
    return InputError(f"{path} has one image, of which {image!r} is none: leave out `image`.")


def _of_one(
    parts: list[Part], texts: PageTexts, shape: tuple[int, int]
) -> tuple[Facts, npt.NDArray[np.intp]]:
    """Facts and pages (T, C) of one acquisition."""
    rows = np.concatenate([part.rows for part in parts])
    facts, planes = arranged(parts[0].header, texts.take(rows), shape)
    return facts, rows[planes]


def _joined(
    opened: list[tuple[Facts, npt.NDArray[np.intp]]], paths: tuple[Path, ...], names: list[str]
) -> tuple[Facts, npt.NDArray[np.intp]]:
    """Recordings one behind the other, by the clock where it is known."""
    first, planes = opened[0]
    if len(opened) == 1:
        return first, planes
    if len({each.shape[1] for _, each in opened}) > 1:
        counts = sorted({each.shape[1] for _, each in opened})
        raise InputError(
            f"The files of {paths[0].parent} have {counts[0]} and {counts[-1]} channels: open "
            f"files of one kind together."
        )
    remarks = dict.fromkeys(remark for facts, _ in opened for remark in facts.remarks)
    joined = np.concatenate([each for _, each in opened])
    axis = one_time_axis(
        [
            FileTimes.of(name, facts, len(planes))
            for name, (facts, planes) in zip(names, opened, strict=True)
        ]
    )
    facts = replace(first, sizes=(len(joined),), remarks=(*remarks, *axis.remarks))
    later = [
        (Path(name), replace(facts, interval_s=None))  # the time axis speaks of intervals
        for name, (facts, _) in zip(names[1:], opened[1:], strict=True)
    ]
    facts = without_contradicted(facts, Path(names[0]), later)
    return replace(facts, frame_times_s=axis.times_s), joined
