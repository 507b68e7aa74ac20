"""Which page of TIFF files holds which plane: (T, C), by axes or by OME metadata."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import were
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts, without_single_axes
from napari_zstack_align.read.said.axes import frames_and_channels
from napari_zstack_align.read.tiff.ome import Ome, Place
from napari_zstack_align.read.tiff.pages import RGB, Pages
from napari_zstack_align.remark import as_notes, as_warnings


def with_samples(facts: Facts, pages: Pages) -> Facts:
    """Add planes that a page keeps apart to the axes, as channels, where they aren't there."""
    n_planes = int(pages.per_file[0])
    if pages.split == 1 or (prod(facts.sizes) == n_planes and facts.axes != "T"):
        return facts
    colours = pages.kinds[0][262] in RGB
    if colours:
        remark = as_notes("The file marks its planes as colours; they were read as frames.")
        return replace(facts, axes="T", sizes=(n_planes,), remarks=facts.remarks + remark)
    sizes = tuple(n for a, n in zip(facts.axes, facts.sizes, strict=True) if a != "C")
    axes = facts.axes.replace("C", "")
    if prod(sizes) * pages.split != n_planes:
        axes, sizes = "T", (n_planes // pages.split,)
    return replace(facts, axes=axes + "C", sizes=(*sizes, pages.split))


def by_axes(facts: Facts, pages: Pages) -> tuple[Facts, npt.NDArray[np.intp]]:
    """Order the planes (T, C) by the axes of the first file, which hold in each file."""
    axes, sizes = without_single_axes(facts.axes, facts.sizes)
    if axes in ("", "T"):
        facts = replace(facts, axes="T", sizes=(len(pages),))
        return facts, np.arange(len(pages))[:, np.newaxis]
    counts = pages.per_file
    inner, n_files = prod(sizes[1:]), len(counts)
    grows = axes[0] != "C"
    fits = (counts % inner == 0) if grows else (counts == prod(sizes))
    if not fits.all():
        remark = as_warnings(
            "The files are of different length, so that their axes were left aside."
        )
        facts = replace(facts, axes="T", sizes=(len(pages),), remarks=facts.remarks + remark)
        return replace(facts, channel_names=()), np.arange(len(pages))[:, np.newaxis]
    borders = np.cumsum([0, *counts])
    if (counts == counts[0]).all():
        planes = frames_and_channels("T" + axes, (n_files, *sizes))
    else:
        lengths = ((int(a), (int(b - a) // inner, *sizes[1:])) for a, b in pairwise(borders))
        planes = np.concatenate([a + frames_and_channels(axes, each) for a, each in lengths])
    if n_files > 1:
        facts = _of_many(facts, axes, sizes, counts)
    return facts, planes


def _of_many(
    facts: Facts, axes: str, sizes: tuple[int, ...], counts: npt.NDArray[np.intp]
) -> Facts:
    """Axes of many files one behind the other: volumes repeat, other axes go on."""
    n_files = len(counts)
    total = int(counts.sum()) // prod(sizes[1:])
    facts = replace(facts, frame_times_s=None)
    if axes[0] == "C" or (axes.startswith("Z") and "T" not in axes and len(set(counts)) == 1):
        return replace(facts, axes="T" + axes, sizes=(n_files, *sizes), interval_s=None)
    return replace(facts, axes=axes, sizes=(total, *sizes[1:]))


def page_by_page(facts: Facts, pages: Pages) -> tuple[Facts, npt.NDArray[np.intp]]:
    """Leave the order of the planes open: each is a frame, whatever the metadata say."""
    facts = replace(
        facts,
        axes="T",
        sizes=(len(pages),),
        channel_names=(),
        layout=None,
        flyback=None,
        missing=(),
    )
    return facts, np.arange(len(pages))[:, np.newaxis]


def by_ome(
    ome: Ome, pages: Pages, *, keeps_gaps: bool = False
) -> tuple[Facts, npt.NDArray[np.intp]]:
    """Order the planes as the OME metadata says, or plainly where it doesn't fit the files.

    With ``keeps_gaps``, frames without a page keep their place (with that of another).
    """
    rows = _page_numbers(ome.places, pages)
    if rows is None:
        n_first = int(pages.per_file[0])
        fits = prod(ome.facts.sizes) == n_first
        return by_axes(ome.facts if fits else _reduced(ome.facts, n_first), pages)
    planes = np.array(rows)[frames_and_channels(ome.facts.axes, ome.facts.sizes)]
    there = np.all(planes >= 0, axis=1).reshape(-1)
    if keeps_gaps and there.any():
        return ome.facts, np.maximum(planes, 0)
    n_frames = len(there) if there.all() else int(there.argmin())
    if n_frames == 0 or there[n_frames:].any():
        if len(pages.paths) > 1:
            return by_axes(_reduced(ome.facts, len(pages)), pages)
        raise InputError(
            f"The OME metadata of {pages.paths[0]} speaks of pages that are not there: copy all "
            f"files of the acquisition into one folder."
        )
    if n_frames == len(there):
        return ome.facts, planes
    n_frames, facts = _stopped(ome.facts, n_frames, len(there))
    return facts, planes[:n_frames]


def lost_files(ome: Ome, pages: Pages) -> dict[int, str]:
    """Frames of a set that lack a file, and its name; none where all that is named is there."""
    rows = _page_numbers(ome.places, pages)
    there = {path.name for path in pages.paths}
    gone = [place is not None and bool(place[0]) and place[0] not in there for place in ome.places]
    if rows is None or not any(gone) or len({place[0] for place in ome.places if place}) == 1:
        return {}
    planes = frames_and_channels(ome.facts.axes, ome.facts.sizes)
    lacking = np.array(rows)[planes] < 0
    lost = {}
    for t in np.flatnonzero(lacking.any(axis=1)).tolist():
        place = ome.places[int(planes[t][lacking[t]][0])]
        lost[t] = "an image of a channel" if place is None else place[0]
    return lost


def of_image(ome: Ome, pages: Pages) -> Pages:
    """Keep the pages of one of several images, which may have another size than the others."""
    rows = _page_numbers(ome.places, pages)
    used = [] if rows is None else sorted({row for row in rows if row >= 0})
    return pages.take(np.array(used)) if used else pages


def _page_numbers(places: list[Place | None], pages: Pages) -> list[int] | None:
    """Row in ``pages`` of each plane, -1 where it's missing; None if other files are meant."""
    names = {path.name: i for i, path in enumerate(pages.paths)}
    mentioned = {place[0] for place in places if place is not None}
    if len(mentioned) == 1:  # one file, which may have been renamed
        if len(names) > 1:
            return None
        names = dict.fromkeys(mentioned, 0)
    names.setdefault("", 0)
    if len(names.keys() & mentioned) < min(len(pages.paths), 2):
        return None
    row_of = {
        (int(file), int(index)): row
        for row, (file, index) in enumerate(zip(pages.file, pages.index, strict=True))
    }
    return [
        -1 if place is None else row_of.get((names.get(place[0], -1), place[1]), -1)
        for place in places
    ]


def _reduced(facts: Facts, n_planes: int) -> Facts:
    """Keep the units of metadata whose axes are those of other files."""
    remark = as_warnings(
        "The OME metadata describes other files too, so that its axes were left aside."
    )
    return replace(
        facts,
        axes="T",
        sizes=(n_planes,),
        frame_times_s=None,
        channel_names=(),
        remarks=facts.remarks + remark,
    )


def _stopped(facts: Facts, n_frames: int, planned: int) -> tuple[int, Facts]:
    """Frames to keep of an acquisition that was stopped early, and facts of those.

    A volume that was begun is left out: what is kept has all planes.
    """
    axes, sizes = without_single_axes(facts.axes, facts.sizes)
    kept = [(a, n) for a, n in zip(axes, sizes, strict=True) if a != "C"]
    axes, sizes = "".join(a for a, _ in kept), tuple(n for _, n in kept)
    held, left = n_frames, 0
    if axes == "TZ" and n_frames >= sizes[1]:
        left = n_frames % sizes[1]
        n_frames -= left
    elif axes == "TZ":
        axes, sizes = "Z", (n_frames,)
    of_volume = f"; {left:,} of an unfinished volume {were(left)} left out" if left else ""
    remark = as_warnings(
        f"The file holds {held:,} of the {planned:,} frames that were planned{of_volume}."
    )
    times = None if facts.frame_times_s is None else facts.frame_times_s[:n_frames]
    rounds = -(-n_frames // prod(sizes[1:]))
    facts = replace(
        facts,
        axes=axes,
        sizes=(rounds, *sizes[1:]),
        frame_times_s=times,
        remarks=facts.remarks + remark,
    )
    return n_frames, facts
