"""What ImageJ, tifffile ('shaped') and plain TIFF tags say about axes and units."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite, prod
from pathlib import Path
from typing import Any, TypeAlias

import tifffile

from napari_zstack_align.counting import are
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._damage import damage
from napari_zstack_align.read._facts import Facts
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._quiet import DAMAGED_TAGS, quiet_tifffile, remark_of
from napari_zstack_align.read._units import Known, interval, length, number
from napari_zstack_align.read._unnamed_axes import as_frames
from napari_zstack_align.read.own_exports import ALIGNED, on_aligned
from napari_zstack_align.read.scanimage.header import Header
from napari_zstack_align.read.scanimage.tags import header_of, texts_of
from napari_zstack_align.remark import Remark, as_notes, as_warnings

PLAIN_MAX_UM = 20.0
"""Resolution tags that give larger pixels are print settings (72 dpi is 353 µm)."""

PRINT_UNITS = ("cm", "centimeter", "inch", "inches", "in")
STRAIGHT_LINE = "0"
"""ImageJ's number for the calibration c0 + c1 × value."""
IMAGEJ_AXES = {"czt": "TZC", "ctz": "ZTC", "zct": "TCZ", "ztc": "CTZ", "tcz": "ZCT", "tzc": "CZT"}
IMAGEJ_SIZES = {"T": "frames", "Z": "slices", "C": "channels"}
METAMORPH_PLANES = 33629
"""Tag with an entry for each plane; their pixels lie behind the one page that is described."""
MOST_CHANNELS = 7
"""Of an ImageJ composite; where a gray file says more, the writer meant frames."""


@dataclass(frozen=True)
class Head:
    """First page of a TIFF file, as far as it describes the others."""

    imagej: dict[str, Any] | None
    shaped: dict[str, Any] | None
    ome: str | None
    scanimage: Header | None
    resolution: tuple[float, float]
    resolution_unit: int
    metamorph_planes: int
    remarks: tuple[Remark, ...]


def _unreadable(path: Path, why: object) -> InputError:
    return InputError(f"{path} can't be read as a TIFF file ({why}): it may be damaged.")


def _numbers(values: Iterable[Any], path: Path) -> list[float]:
    """Values of tags as numbers; InputError where a damaged file has something else there."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        raise _unreadable(path, "its resolution is no number") from None
    if not all(map(isfinite, numbers[2:])):
        raise _unreadable(path, "its unit of resolution is no number")
    return numbers


def read_head(path: Path) -> Head:
    """Read the description of the first page with tifffile, quietly."""
    with (
        readable(path),
        quiet_tifffile() as messages,
        damage(DAMAGED_TAGS, partial(_unreadable, path)),
        tifffile.TiffFile(path) as tiff,
    ):
        page = tiff.pages.first
        planes = page.tags.get(METAMORPH_PLANES)
        imagej = tiff.imagej_metadata if tiff.is_imagej else None
        ome = tiff.ome_metadata if tiff.is_ome else None
        description, page_shape = page.description, page.shape
        texts = texts_of(page)
        resolution, unit = page.get_resolution(), page.resolutionunit
    x_resolution, y_resolution, unit_code = _numbers((*resolution, unit), path)
    shaped, remarks = _without_samples(_json(description), page_shape)
    header = header_of(texts, path)
    was_saved_again = (imagej, shaped, ome) != (None, None, None)
    if header is not None and was_saved_again:
        remarks += as_notes(
            f"The header of {header.program} wasn't used: another program saved the file again."
        )
    return Head(
        imagej=imagej,
        shaped=shaped,
        ome=ome,
        scanimage=None if was_saved_again else header,
        resolution=(x_resolution, y_resolution),
        resolution_unit=int(unit_code),
        metamorph_planes=0 if planes is None else int(planes.count),
        remarks=(*remark_of(messages), *remarks, *on_aligned(texts[0].startswith(ALIGNED))),
    )


def _json(description: str) -> dict[str, Any] | None:
    """Read tifffile's own description; its property for this would look at all pages."""
    if not description.startswith("{") or '"shape"' not in description:
        return None
    try:
        meta = json.loads(description)
    except (ValueError, RecursionError):
        return None
    shape = meta.get("shape")
    whole = isinstance(shape, list) and all(isinstance(n, int) and n > 0 for n in shape)
    return meta if whole else None


def _without_samples(
    meta: dict[str, Any] | None, page_shape: tuple[int, ...]
) -> tuple[dict[str, Any] | None, tuple[Remark, ...]]:
    """Leave out a last axis of one value, which tifffile takes for the samples of a pixel."""
    shape = () if meta is None else tuple(meta["shape"])
    if meta is None or shape[-1:] != (1,) or shape[-3:-1] != page_shape:
        return meta, ()
    remark = f"The last axis of the shape {shape} has one value: the frames are {page_shape}."
    kept = {"shape": list(shape[:-1]), "axes": str(meta.get("axes", ""))[:-1]}
    return {**meta, **kept}, as_notes(remark)


def declared_planes(head: Head) -> int | None:
    """Number of planes that the description claims, where it does."""
    if head.imagej is not None:
        sizes = (_count(head.imagej, key) for key in IMAGEJ_SIZES.values())
        return max(prod(sizes), _count(head.imagej, "images"))
    if head.shaped is not None:
        return prod(head.shaped["shape"][:-2])
    return head.metamorph_planes or None


def facts_of(head: Head, n_planes: int) -> Facts:
    """Facts of a file without OME metadata that holds ``n_planes`` planes."""
    if head.imagej is not None:
        facts = _imagej(head.imagej, head, n_planes)
    elif head.shaped is not None:
        facts = _shaped(head.shaped, head, n_planes)
    else:
        facts = Facts(sizes=(n_planes,), pixel_size_um=_plain_pixel_size(head))
    return replace(facts, remarks=(*facts.remarks, *head.remarks))


def _imagej(meta: dict[str, Any], head: Head, n_planes: int) -> Facts:
    axes = IMAGEJ_AXES.get(str(meta.get("order", "czt")).lower(), "TZC")
    sizes = tuple(_count(meta, IMAGEJ_SIZES[axis]) for axis in axes)
    remarks: tuple[Remark, ...] = ()
    if prod(sizes) != n_planes:
        if prod(sizes) > 1:
            remarks = as_warnings(
                f"ImageJ's header speaks of {prod(sizes):,} planes, but {n_planes:,} "
                f"{are(n_planes)} there: {_as_what(n_planes)}."
            )
        axes, sizes = "T", (n_planes,)
    elif _count(meta, "channels") == n_planes > MOST_CHANNELS:
        axes, sizes = "T", (n_planes,)
        remarks = as_notes(f"ImageJ's header calls the {n_planes:,} frames channels.")
    elif axes == "TZC" and sizes == (1, n_planes, 1) and _is_series(meta):
        axes, sizes = "T", (n_planes,)
        remarks = as_notes(
            "ImageJ's header calls the frames slices, but gives a time between them."
        )
    facts = Facts(axes=axes, sizes=sizes, remarks=(*remarks, *_on_calibration(meta)))
    return _with_scales(facts, meta, _pixel_size(meta, head))


def _on_calibration(meta: dict[str, Any]) -> tuple[Remark, ...]:
    """Say where ImageJ shows other numbers than those in the file."""
    offset, step = number(meta.get("c0")) or 0.0, number(meta.get("c1")) or 1.0
    if str(meta.get("cf")) != STRAIGHT_LINE or (offset, step) == (0, 1):
        return ()
    return as_notes(
        f"ImageJ shows {offset:g} + {step:g} × the numbers of this file: they are read as they "
        f"are stored."
    )


def _as_what(n_planes: int) -> str:
    return "it was read by itself" if n_planes == 1 else "they were read as a recording"


def _is_series(meta: dict[str, Any]) -> bool:
    """Whether an ImageJ stack of 'slices' is one in time: ImageJ calls any plain stack so."""
    return (
        not meta.get("hyperstack") and "spacing" not in meta and bool(number(meta.get("finterval")))
    )


def _shaped(meta: dict[str, Any], head: Head, n_planes: int) -> Facts:
    """Facts from the JSON that tifffile writes; letters it doesn't define are taken for time."""
    shape = tuple(int(n) for n in meta["shape"])
    letters = str(meta.get("axes", ""))
    known = len(letters) == len(shape) and letters.endswith("YX")
    axes = "".join(a if a in "TZC" else "C" if a == "S" else "T" for a in letters[:-2])
    axes = axes if known else "T"
    sizes = shape[:-2] if known else (n_planes,)
    if prod(sizes) != n_planes:  # one page a write: the JSON tells of the first alone
        axes, sizes = "T" + axes, (n_planes // max(prod(sizes), 1), *sizes)
    odd: tuple[Remark, ...] = ()
    if prod(sizes) != n_planes:
        odd = as_warnings(
            f"The header speaks of planes in the shape {shape[:-2]}, but {n_planes:,} "
            f"{are(n_planes)} there: {_as_what(n_planes)}."
        )
        axes, sizes = "T", (n_planes,)
    size = _pixel_size(meta, head) if meta.get("unit") else (_plain_pixel_size(head), ())
    remarks = odd or (() if known else as_frames(shape))
    return _with_scales(Facts(axes=axes, sizes=sizes, remarks=remarks), meta, size)


PixelSize: TypeAlias = tuple[tuple[float, float] | None, tuple[Remark, ...]]
"""(y, x) in µm, None where unknown, and remarks on units that are."""


def _with_scales(facts: Facts, meta: dict[str, Any], pixel_size: PixelSize) -> Facts:
    """Add sizes and times to the facts, with a remark where a unit isn't known."""
    size, odd_size = pixel_size
    spacing, unit = meta.get("spacing"), meta.get("zunit") or meta.get("unit", "")
    z_step, odd_step = length(spacing, unit, "z-step")
    if _is_for_print(size, meta.get("unit", "")):
        odd_size = as_warnings(
            f"Pixels of {max(size or (0,)):,.0f} µm are a print setting in {meta['unit']}, not the "
            f"microscope's: their size is unknown, enter it by hand."
        )
        size, z_step = None, None if _is_for_print((z_step or 0, 0), unit) else z_step
    between, odd_time = _interval(meta)
    odd = tuple(dict.fromkeys((*odd_size, *odd_step, *odd_time)))
    return replace(
        facts,
        pixel_size_um=size,
        z_step_um=z_step,
        interval_s=between,
        remarks=(*facts.remarks, *odd),
    )


def _is_for_print(size: tuple[float, float] | None, unit: Any) -> bool:
    """Whether a size (y, x) in µm is that of a print: large, and in a unit of paper."""
    return size is not None and max(size) > PLAIN_MAX_UM and str(unit).lower() in PRINT_UNITS


def _interval(meta: dict[str, Any]) -> Known:
    """Time between frames: in ``tunit``, seconds by default; a rate is always one a second."""
    if number(meta.get("finterval")) is not None:
        return interval(meta["finterval"], meta.get("tunit") or "s")
    return interval(_inverse(meta.get("fps")), "s")


def _pixel_size(meta: dict[str, Any], head: Head) -> PixelSize:
    """Pixel size where the resolution is pixels per named unit, of which y may have its own."""
    unit = meta.get("unit", "")
    x, y = head.resolution
    if x <= 0 or y <= 0:
        return None, ()
    width, odd_width = length(1 / x, unit, "pixel size")
    height, odd_height = length(1 / y, meta.get("yunit") or unit, "pixel size")
    size = None if width is None or height is None else (height, width)
    return size, tuple(dict.fromkeys((*odd_width, *odd_height)))


def _plain_pixel_size(head: Head) -> tuple[float, float] | None:
    """Pixel size (y, x) from the resolution unit of plain TIFF, unless made for print."""
    scale = {2: 25400.0, 3: 10000.0, 4: 1000.0, 5: 1.0}.get(head.resolution_unit)
    x, y = head.resolution
    if scale is None or min(x, y) <= 1 / PLAIN_MAX_UM * scale:
        return None
    return scale / y, scale / x


def _count(meta: dict[str, Any], key: str) -> int:
    value = number(meta.get(key))
    return 1 if value is None else max(int(value), 1)


def _inverse(value: Any) -> float | None:
    found = number(value)
    return None if found is None else 1 / found
