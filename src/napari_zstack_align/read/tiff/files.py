"""TIFF files as one source of frames: pages checked against each other, ordered by metadata."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._broken_off import whole_frames_of
from napari_zstack_align.read._facts import Facts, Opened, frame_axes
from napari_zstack_align.read._files import magic
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._lost_files import remark_on, with_lost_frames
from napari_zstack_align.read._same_facts import check_same_axes, without_contradicted
from napari_zstack_align.read._time_axis import FileTimes, one_time_axis
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.read.own_exports import with_gaps
from napari_zstack_align.read.scanimage.header import Header
from napari_zstack_align.read.scanimage.opening import one_image, open_scanimage
from napari_zstack_align.read.tiff.head import Head, declared_planes, facts_of, read_head
from napari_zstack_align.read.tiff.offsets import channel_offsets, detector_settings
from napari_zstack_align.read.tiff.ome import Ome, holds_several, parse
from napari_zstack_align.read.tiff.ome_set import (
    Description,
    description_of,
    files_of,
    metadata_in,
)
from napari_zstack_align.read.tiff.pages import RGB, PageKind, Pages, joined
from napari_zstack_align.read.tiff.planes import (
    by_axes,
    by_ome,
    lost_files,
    of_image,
    page_by_page,
    with_samples,
)
from napari_zstack_align.read.tiff.source import TiffSource
from napari_zstack_align.read.tiff.started import started_at
from napari_zstack_align.read.tiff.table import read_first, read_many
from napari_zstack_align.remark import Remark, as_notes, as_warnings

PAGES_GLANCED_AT = 4
"""Pages that are looked at before a file is opened: enough to see that they differ in size."""


def glance(path: Path) -> Glance:
    """Look at the first pages of a file.

    Raises
    ------
    InputError
        As `open_tiff`, for what is wrong with the first pages.
    """
    pages = read_first(path, PAGES_GLANCED_AT)
    head = read_head(path)
    head = replace(head, ome=description_of(path, head.ome).xml)
    if head.ome is not None:  # of several images, the first is looked at
        pages = pages.take(pages.kind == pages.kind[0])
    check_alike(pages, head)
    kind = pages.kinds[int(pages.kind[0])]
    frame = (kind.shape[0] * pages.split, *kind.shape[1:])
    if head.ome is not None:
        return Glance(frame, kind.dtype, holds_several(head.ome, path.name))
    declared = declared_planes(head) or 0
    pages = _expanded(pages, head)
    _whole(pages, declared, PLAIN)
    there_may_be_more = len(pages) == PAGES_GLANCED_AT
    n_planes = max(len(pages), declared) if there_may_be_more else len(pages)
    if head.scanimage is not None:
        n_planes //= max(len(head.scanimage.channels), 1)
        return Glance(frame, kind.dtype, n_planes > 1)
    facts = with_samples(facts_of(head, n_planes), pages)
    return Glance(frame, kind.dtype, prod(frame_axes(facts)[1]) > 1)


def open_tiff(paths: list[Path], wish: Wish = PLAIN) -> Opened:
    """Open TIFF files as one source; what files contradict is unknown, other axes are refused.

    Raises
    ------
    InputError
        For files that are truncated, without pages, of mixed shapes or RGB.
    """
    tables = read_many(paths)
    head = read_head(paths[0])
    described = description_of(paths[0], head.ome)
    head = replace(head, ome=described.xml, remarks=(*head.remarks, *described.remarks))
    if described.xml is None:
        return _open_plain(paths, tables, head, wish)
    ome = parse(described.xml, described.path.name, wish.image)
    if len(paths) > 1:
        return _open_ome(paths, tables, head, ome, wish, is_set=_are_all(paths, ome))
    if described.path == paths[0]:
        others = _companions(ome, paths[0])
        of_files = dict(zip([*paths, *others], [*tables, *read_many(others)], strict=True))
        files = in_natural_order(of_files)
        tables = [of_files[file] for file in files]
        return _open_ome(files, tables, head, ome, wish, is_set=True)
    return _open_set(paths[0], described, wish)


def open_described(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open the TIFF files that a file of OME metadata describes.

    Raises
    ------
    InputError
        Where it is damaged, or none of the files is there.
    """
    ome = parse(metadata_in(path), path.name, wish.image)
    files = files_of(ome, path.parent, path.name)
    return _open_ome(files, read_many(files), read_head(files[0]), ome, wish, is_set=True)


def _open_set(path: Path, described: Description, wish: Wish) -> Opened:
    """Open all files of the set to which a file belongs that another one describes."""
    is_tiff = magic(described.path)[:2] in (b"II", b"MM")
    opened = open_tiff([described.path], wish) if is_tiff else open_described(described.path, wish)
    n_files = counted(len(opened.paths), "file")
    remark = (
        f"{path.name} is one of {n_files} that {described.path.name} describes: all were opened."
    )
    remarks = (*as_notes(remark), *opened.facts.remarks)
    return replace(opened, facts=replace(opened.facts, remarks=remarks))


def _open_plain(paths: list[Path], tables: list[Pages], head: Head, wish: Wish) -> Opened:
    """Open files whose own tags say what their pages are."""
    tables = [_expanded(table, head if i == 0 else None) for i, table in enumerate(tables)]
    pages, odd = _whole_of_all(tables, declared_planes(head), wish)
    check_alike(pages, head)
    odd = (*odd, *_oddities(pages, head, False))
    if head.scanimage is not None and pages.split == pages.kinds[0].shape[0] == 1:
        opened = open_scanimage(_headers(head.scanimage, paths), pages, wish)
        return replace(opened, facts=replace(opened.facts, remarks=(*opened.facts.remarks, *odd)))
    if wish.image:
        raise one_image(paths[0], wish.image)
    described = facts_of(head, int(pages.per_file[0]))
    if wish.as_planes:
        facts, planes = page_by_page(facts_of(head, len(pages)), pages)
    else:
        facts, planes = by_axes(with_samples(described, pages), pages)
    return _opened(paths, described, facts, pages, planes, odd, wish)


def _open_ome(
    paths: list[Path],
    tables: list[Pages],
    head: Head,
    ome: Ome,
    wish: Wish,
    *,
    is_set: bool = False,
) -> Opened:
    """Open files whose OME metadata say what their pages are.

    With ``is_set`` they are all that are there of those which the metadata name.
    """
    pages, odd = _whole_of_all(tables, None, wish)
    if len(ome.images) > 1:
        pages = of_image(ome, pages)
    check_alike(pages, head)
    odd = (*odd, *_oddities(pages, head, True))
    lost: dict[int, str] = {}
    if wish.as_planes:
        facts, planes = page_by_page(ome.facts, pages)
    elif pages.split > 1:
        facts, planes = by_axes(with_samples(ome.facts, pages), pages)
    else:
        lost = lost_files(ome, pages) if is_set else {}
        facts, planes = by_ome(ome, pages, keeps_gaps=bool(lost))
    odd = (*odd, *remark_on(lost, paths[0].parent))
    opened = _opened(paths[:1] if is_set else paths, ome.facts, facts, pages, planes, odd, wish)
    return replace(
        opened,
        source=with_lost_frames(opened.source, lost, paths[0].parent),
        facts=replace(opened.facts, missing=tuple(sorted({*lost, *opened.facts.missing}))),
    )


def _opened(
    paths: list[Path],
    described: Facts,
    facts: Facts,
    pages: Pages,
    planes: npt.NDArray[np.intp],
    odd: tuple[Remark, ...],
    wish: Wish,
) -> Opened:
    """Source of the planes; what later files say goes against what the first is described as."""
    later = _described(paths[1:], pages)
    for path, others in later:
        check_same_axes(paths[0], described, path, others)
    known = facts.interval_s
    facts = without_contradicted(facts, paths[0], later)
    if facts.interval_s == known:
        facts = _on_one_axis(facts, described, later, paths, pages)
    facts = replace(facts, remarks=(*facts.remarks, *odd))
    is_planes = wish.as_planes and pages.kinds[0].shape[0] == 1
    opened = Opened(TiffSource(pages, planes), pages.paths, facts, is_planes)
    return opened if is_planes else with_gaps(opened)


def _on_one_axis(
    facts: Facts,
    described: Facts,
    later: list[tuple[Path, Facts]],
    paths: list[Path],
    pages: Pages,
) -> Facts:
    """Facts of a recording in several files with the time of every frame.

    Files of one page each say nothing: they are frames of one recording. A later file that doesn't
    give its frame interval has that of the first, and stands by its own clock all the same.
    """
    if len(paths) < 2 or len(later) < len(paths) - 1 or frame_axes(facts)[0] not in ("", "T"):
        return facts
    n_channels = dict(zip(facts.axes, facts.sizes, strict=True)).get("C", 1)
    first = described.interval_s
    counts = (pages.per_file // n_channels).tolist()
    each = zip(paths, (described, *(others for _, others in later)), counts, strict=True)
    axis = one_time_axis(
        [
            FileTimes.of(path.name, replace(own, interval_s=own.interval_s or first), n_frames)
            for path, own, n_frames in each
        ]
    )
    if axis.times_s is None:
        return replace(facts, remarks=(*facts.remarks, *axis.remarks))
    return replace(
        facts,
        frame_times_s=axis.times_s,
        started_at=axis.started_at,
        remarks=(*facts.remarks, *axis.remarks),
    )


def _whole_of_all(
    tables: list[Pages], declared: int | None, wish: Wish
) -> tuple[Pages, tuple[Remark, ...]]:
    """Pages of all files, of which the first may say how many planes it has."""
    whole = [_whole(table, declared if i == 0 else None, wish) for i, table in enumerate(tables)]
    pages = joined([table for table, _ in whole])
    return pages, tuple(each for _, remarks in whole for each in remarks)


def _headers(first: Header, paths: list[Path]) -> list[Header]:
    """Headers of ScanImage of all files."""
    headers = [first]
    for path in paths[1:]:
        header = read_head(path).scanimage
        if header is None:
            raise InputError(
                f"{path.name} is no file of ScanImage's, and {paths[0].name} is: open files of one "
                f"acquisition together."
            )
        headers.append(header)
    return headers


def _described(paths: list[Path], pages: Pages) -> list[tuple[Path, Facts]]:
    """What files after the first say of their planes; of one page each, there may be thousands."""
    described = []
    for path, n_planes in zip(paths, pages.per_file[1:].tolist(), strict=False):
        if n_planes == 1:
            continue
        head = read_head(path)
        if head.scanimage is not None:
            raise InputError(
                f"{path.name} is a file of ScanImage's, and the first file is not: open files of "
                f"one acquisition together."
            )
        if head.ome is not None:
            with suppress(InputError):  # files of a set may point to the one that describes all
                described.append((path, parse(head.ome, path.name).facts))
        elif head.imagej is not None or head.shaped is not None:
            described.append((path, facts_of(head, n_planes)))
    return described


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
    if declared is None or declared < 2 or _ends_with_page(pages):
        return pages
    return pages.repeated(declared)


def _ends_with_page(pages: Pages) -> bool:
    """Whether a file of one page ends with it, or with its tags behind it.

    Its description is then that of the stack from which the page was taken.
    """
    end, text = int(pages.end[0]), int(pages.text[0])
    return pages.sizes[0] == end or text >= end


def _whole(pages: Pages, declared: int | None, wish: Wish) -> tuple[Pages, tuple[Remark, ...]]:
    """Return the whole pages of a file that ends before its pages do, by consent.

    Raises
    ------
    InputError
        Where that isn't wished for, or no page is whole.
    """
    path, size = pages.paths[0], pages.sizes[0]
    is_whole = pages.end <= size
    whole = int(is_whole.sum())
    broken = pages.broken[0]
    if not broken:
        if whole == len(pages):
            return pages, ()
        remarks = whole_frames_of(path, whole, len(pages), wish)
        return pages.take(is_whole), remarks
    expected = declared if declared is not None and declared > len(pages) else None
    if len(pages) == 1 and pages.contiguous[0]:  # the pixels of all may lie behind the first page
        offset, n_bytes = int(pages.offset[0]), pages.kinds[int(pages.kind[0])].n_bytes
        there, ahead = (size - offset) // n_bytes, (broken - offset) // n_bytes
        whole = max(0, min(there, ahead))
        expected = expected or (ahead if ahead > 1 else None)
        return pages.repeated(max(whole, 1)), whole_frames_of(path, whole, expected, wish)
    return pages.take(is_whole), whole_frames_of(path, whole, expected, wish)


def check_alike(pages: Pages, head: Head) -> None:
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


def _are_all(paths: list[Path], ome: Ome) -> bool:
    """Whether files are all that are there of a set, as where a result opens them again."""
    folder, names = paths[0].parent, {place[0] for place in ome.places if place is not None}
    there = {folder / name for name in names if name and (folder / name).is_file()}
    return sorted(there) == sorted(paths)


def _oddities(pages: Pages, head: Head, is_ome: bool) -> tuple[Remark, ...]:
    remarks = head.remarks if is_ome else ()
    if any(pages.looped):
        name = pages.paths[pages.looped.index(True)].name
        remarks += as_warnings(
            f"The chain of pages in {name} runs in a circle; each was read once."
        )
    if pages.kinds[int(pages.kind[0])][262] == 0:
        remarks += as_warnings("The file says that 0 is white; the values were left as they are.")
    return remarks


FORMAT = Format(
    open_files=open_tiff,
    glance=glance,
    started_at=started_at,
    channel_offsets=channel_offsets,
    detector_settings=detector_settings,
    has_images=True,
)
