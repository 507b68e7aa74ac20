"""TIFF files as one source of frames: pages checked against each other, ordered by metadata."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts, Opened, without_single_axes
from napari_zstack_align.read._ome import Ome, Place, parse
from napari_zstack_align.read._tiff_head import Head, declared_planes, facts_of, read_head
from napari_zstack_align.read._tiff_pages import RGB, PageKind, Pages, joined, truncated
from napari_zstack_align.read._tiff_source import TiffSource
from napari_zstack_align.read._tiff_table import read_many


def open_tiff(paths: list[Path]) -> Opened:
    """Open TIFF files as one source; the first file's metadata holds for all.

    Raises
    ------
    InputError
        For files that are truncated, without pages, of mixed shapes or RGB.
    """
    tables = read_many(paths)
    head = read_head(paths[0])
    ome = parse(head.ome, paths[0].name) if head.ome is not None else None
    if ome is None:
        tables = [_expanded(table, head if i == 0 else None) for i, table in enumerate(tables)]
    elif len(paths) == 1:
        tables += read_many(_companions(ome, paths[0]))
    declared = None if ome is not None else declared_planes(head)
    for i, table in enumerate(tables):
        _check_whole(table, declared if i == 0 else None)
    pages = joined(tables)
    _check_alike(pages, head)
    if ome is None or pages.split > 1:
        facts = ome.facts if ome is not None else facts_of(head, int(pages.per_file[0]))
        facts, planes = _by_axes(_with_samples(facts, pages), pages)
    else:
        facts, planes = _by_ome(ome, pages)
    facts = replace(facts, remarks=(*facts.remarks, *_oddities(pages, head, ome)))
    return Opened(TiffSource(pages, planes), pages.paths, facts)


def _expanded(pages: Pages, head: Head | None) -> Pages:
    """Spell out the frames of a file that describes one page and holds many behind it."""
    kind = pages.kinds[int(pages.kind[0])]
    if len(pages) > 1 or not pages.contiguous[0] or pages.broken[0] or kind.shape[0] > 1:
        return pages
    if head is None:
        if pages.sizes[0] < pages.offset[0] + 2 * kind.n_bytes:
            return pages
        head = read_head(pages.paths[0])
    declared = declared_planes(head)
    return pages.repeated(declared) if declared is not None and declared > 1 else pages


def _check_whole(pages: Pages, declared: int | None) -> None:
    """Refuse a file that ends before its pages do."""
    path, size = pages.paths[0], pages.sizes[0]
    whole = int((pages.end <= size).sum())
    broken = pages.broken[0]
    if not broken:
        if whole < len(pages):
            raise truncated(path, whole, len(pages))
        return
    expected = declared if declared is not None and declared > len(pages) else None
    if len(pages) == 1 and pages.contiguous[0]:  # the pixels of all may lie behind the first page
        offset, n_bytes = int(pages.offset[0]), pages.kinds[int(pages.kind[0])].n_bytes
        there, ahead = (size - offset) // n_bytes, (broken - offset) // n_bytes
        whole = max(0, min(there, ahead))
        expected = expected or (ahead if ahead > 1 else None)
    raise truncated(path, whole, expected)


def _check_alike(pages: Pages, head: Head) -> None:
    """Refuse pages of several shapes or types, RGB, and volumes in one page."""
    shapes = [(kind.shape, kind.dtype) for kind in pages.kinds]
    used = np.unique(pages.kind)
    odd = next((int(k) for k in used if shapes[k] != shapes[int(pages.kind[0])]), None)
    if odd is not None:
        raise _mixed(pages, odd)
    kind = pages.kinds[int(pages.kind[0])]
    if (kind[262] in RGB and not _is_frames(kind, head)) or kind.shape[0] in (3, 4):
        raise InputError(
            f"{pages.paths[0]} holds RGB colours, not intensities: save it as grayscale, or as "
            f"separate channels."
        )
    if kind.shape[0] > 2:
        raise InputError(
            f"{pages.paths[0]} holds {kind.shape[0]} values a pixel: save each channel as pages of "
            f"its own."
        )
    if kind[32997] > 1:
        raise InputError(
            f"{pages.paths[0]} holds volumes of {kind[32997]} slices in a page: save it with a "
            f"page a slice."
        )


def _is_frames(kind: PageKind, head: Head) -> bool:
    """Whether planes marked as colours are frames.

    tifffile marks any array whose third last axis has a length of 3 or 4 so, and keeps the planes
    apart. Its description gives it away by the axes; without those, 8 bits suggest colours.
    """
    if kind[284] != 2 or head.shaped is None:
        return False
    axes = str(head.shaped.get("axes", ""))
    return "S" not in axes if axes else kind.dtype != np.uint8


def _mixed(pages: Pages, odd: int) -> InputError:
    def words(k: int) -> str:
        kind = pages.kinds[k]
        samples = f" × {kind.shape[0]} samples" if kind.shape[0] > 1 else ""
        return f"{kind.shape[1]} × {kind.shape[2]}{samples} {kind.dtype}"

    usual = words(int(pages.kind[0]))
    page = int(np.flatnonzero(pages.kind == odd)[0])
    path, index = pages.paths[int(pages.file[page])], int(pages.index[page])
    if pages.file[page] != pages.file[0]:
        return InputError(
            f"{path} holds frames of {words(odd)}, but {pages.paths[0].name} of {usual}: frames "
            f"of one stack must have one shape and type."
        )
    return InputError(
        f"{path} mixes shapes: page {index} is {words(odd)}, page 0 is {usual}: split it into "
        f"files of one shape and type."
    )


# -- which page holds which plane ------------------------------------------------------------------


def _with_samples(facts: Facts, pages: Pages) -> Facts:
    """Add planes that a page keeps apart to the axes, as channels, where they aren't there."""
    n_planes = int(pages.per_file[0])
    if pages.split == 1 or (prod(facts.sizes) == n_planes and facts.axes != "T"):
        return facts
    colours = pages.kinds[0][262] in RGB
    if colours:
        remark = "The file marks its planes as colours; they were read as frames."
        return replace(facts, axes="T", sizes=(n_planes,), remarks=(*facts.remarks, remark))
    sizes = tuple(n for a, n in zip(facts.axes, facts.sizes, strict=True) if a != "C")
    axes = facts.axes.replace("C", "")
    if prod(sizes) * pages.split != n_planes:
        axes, sizes = "T", (n_planes // pages.split,)
    return replace(facts, axes=axes + "C", sizes=(*sizes, pages.split))


def _by_axes(facts: Facts, pages: Pages) -> tuple[Facts, npt.NDArray[np.intp]]:
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
        remark = "The files are of different length, so that their axes were left aside."
        facts = replace(facts, axes="T", sizes=(len(pages),), remarks=(*facts.remarks, remark))
        return replace(facts, channel_names=()), np.arange(len(pages))[:, np.newaxis]
    borders = np.cumsum([0, *counts])
    if (counts == counts[0]).all():
        planes = _frames_by_channels(np.arange(len(pages)).reshape(n_files, *sizes), "T" + axes)
    else:
        blocks = [np.arange(a, b).reshape(-1, *sizes[1:]) for a, b in pairwise(borders)]
        planes = np.concatenate([_frames_by_channels(block, axes) for block in blocks])
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


def _frames_by_channels(planes: npt.NDArray[np.intp], axes: str) -> npt.NDArray[np.intp]:
    """Planes along ``axes`` as (T, C)."""
    if "C" not in axes:
        return planes.reshape(-1, 1)
    last = np.moveaxis(planes, axes.index("C"), -1)
    return last.reshape(-1, last.shape[-1])


def _by_ome(ome: Ome, pages: Pages) -> tuple[Facts, npt.NDArray[np.intp]]:
    """Order the planes as the OME metadata says, or plainly where it doesn't fit the files."""
    rows = _page_numbers(ome.places, pages)
    if rows is None:
        n_first = int(pages.per_file[0])
        fits = prod(ome.facts.sizes) == n_first
        return _by_axes(ome.facts if fits else _reduced(ome.facts, n_first), pages)
    planes = _frames_by_channels(np.array(rows).reshape(ome.facts.sizes), ome.facts.axes)
    there = np.all(planes >= 0, axis=1).reshape(-1)
    n_frames = len(there) if there.all() else int(there.argmin())
    if n_frames == 0 or there[n_frames:].any():
        if len(pages.paths) > 1:
            return _by_axes(_reduced(ome.facts, len(pages)), pages)
        raise InputError(
            f"The OME metadata of {pages.paths[0]} speaks of pages that are not there: copy all "
            f"files of the acquisition into one folder."
        )
    if n_frames == len(there):
        return ome.facts, planes
    n_frames, facts = _stopped(ome.facts, n_frames, len(there))
    return facts, planes[:n_frames]


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


def _companions(ome: Ome, path: Path) -> list[Path]:
    """Find the other files that the metadata speaks of, if they lie in the same folder."""
    names = list(dict.fromkeys(place[0] for place in ome.places if place is not None))
    if path.name not in names:
        return []
    return [
        path.with_name(name)
        for name in names
        if name != path.name and path.with_name(name).is_file()
    ]


def _reduced(facts: Facts, n_planes: int) -> Facts:
    """Keep the units of metadata whose axes are those of other files."""
    remark = "The OME metadata describes other files too, so that its axes were left aside."
    return replace(
        facts,
        axes="T",
        sizes=(n_planes,),
        frame_times_s=None,
        channel_names=(),
        remarks=(*facts.remarks, remark),
    )


def _stopped(facts: Facts, n_frames: int, planned: int) -> tuple[int, Facts]:
    """Frames to keep of an acquisition that was stopped early, and facts of those.

    A volume that was begun is left out: what is kept has all planes.
    """
    axes, sizes = without_single_axes(facts.axes, facts.sizes)
    kept = [(a, n) for a, n in zip(axes, sizes, strict=True) if a != "C"]
    axes, sizes = "".join(a for a, _ in kept), tuple(n for _, n in kept)
    remark = f"The file holds {n_frames:,} of the {planned:,} frames that were planned."
    if axes == "TZ" and n_frames >= sizes[1]:
        n_frames -= n_frames % sizes[1]
    elif axes == "TZ":
        axes, sizes = "Z", (n_frames,)
    times = None if facts.frame_times_s is None else facts.frame_times_s[:n_frames]
    rounds = -(-n_frames // prod(sizes[1:]))
    facts = replace(
        facts,
        axes=axes,
        sizes=(rounds, *sizes[1:]),
        frame_times_s=times,
        remarks=(*facts.remarks, remark),
    )
    return n_frames, facts


def _oddities(pages: Pages, head: Head, ome: Ome | None) -> tuple[str, ...]:
    remarks = head.remarks if ome is not None else ()
    if any(pages.looped):
        name = pages.paths[pages.looped.index(True)].name
        remarks += (f"The chain of pages in {name} runs in a circle; each was read once.",)
    if pages.kinds[int(pages.kind[0])][262] == 0:
        remarks += ("The file says that 0 is white; the values were left as they are.",)
    return remarks
