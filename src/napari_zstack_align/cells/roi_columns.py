"""Columns of tables of ROIs as other programs name them, in those of ours.

A table of Fiji's (``Measure``) has X, Y and Area of each ROI. ImageJ counts from the corner of the
first pixel, not from its centre, so that its positions are half a pixel larger; where its image had
a scale, they are in its unit, which the table doesn't name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import pi, sqrt

from napari_zstack_align.cells.cell_texts import Column, finite, of_each, whole
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import Remark, RemarkCode, as_notes, as_warnings

CIRCLE = ("y", "x", "radius")
SLICES = ("first_slice", "last_slice")
OTHER_NAMES = {
    "id": ("roi", "label", "index", "", "#"),
    "y": ("centroid-0", "centroid_y"),
    "x": ("centroid-1", "centroid_x"),
    "radius": ("r",),
}
"""As well as ours in capitals. Fiji writes the number of a row without a title."""
VOLUME_AXIS = "centroid-2"
"""Column that scikit-image writes of labels in volumes alone."""
_UNIT = re.compile(
    r"(?P<unit>[(\[]\s*(?:(?P<um>[µ\u03bc]m|um|microns?)|px|pixels?)(?:\^?2|²)?\s*[)\]]"
    r"|[_ ](?:(?P<um_>[µ\u03bc]m|um|microns?)|px|pixels?)(?:\^?2|²)?$)"
)
"""Unit in brackets or at the end of a title, with the micro sign or the Greek letter."""
CORNER = 0.5
"""Px by which positions of ImageJ are larger."""

Columns = dict[str, Column]


SIZES: dict[str, Callable[[float], float]] = {
    "diameter": lambda d: d / 2,
    "equivalent_diameter_area": lambda d: d / 2,
    "equivalent_diameter": lambda d: d / 2,
    "area": lambda a: sqrt(max(a, 0.0) / pi),
}
"""Columns that tell the radius in another way."""


def in_our_columns(
    columns: Columns, pixel_size_um: float | None
) -> tuple[Columns, tuple[Remark, ...]]:
    """Give columns our names and units.

    Parameters
    ----------
    columns : dict of str to Column
        Texts of each column by its title.
    pixel_size_um : float, optional
        Where the table counts in µm: size of a pixel.

    Returns
    -------
    columns : dict of str to Column
        With id, y, x and radius, unless the table has nothing for them.
    remarks : tuple of Remark
        What was assumed.
    """
    found = {}
    _check_flat(columns)
    names = {_plain(title): title for title in reversed(columns)}
    names |= {title.strip().lower(): title for title in reversed(columns)}
    for ours in ("id", *CIRCLE):
        title = next((names[n] for n in (ours, *OTHER_NAMES[ours]) if n in names), None)
        if title is not None:
            found[ours] = title
    is_fiji = "radius" not in found and "area" in names and {"X", "Y"} <= set(columns)
    size = next((n for n in SIZES if n in names), None) if "radius" not in found else None
    theirs = {title: ours for ours, title in found.items()}
    renamed = {theirs.get(title, title): column for title, column in columns.items()}
    if size is not None:
        renamed["radius"] = of_each(renamed.pop(names[size]), SIZES[size])
    remarks: tuple[Remark, ...] = ()
    if "id" not in renamed and set(CIRCLE) <= set(renamed):
        renamed["id"] = _counted(renamed["y"])
        remarks += as_notes("The table has no ids: its rows were numbered from 1.")
    if not set(CIRCLE) <= set(renamed):
        return renamed, remarks
    circle = [found.get(ours) or names[str(size)] for ours in CIRCLE]
    _check_units(circle, pixel_size_um)
    if pixel_size_um is None and not is_fiji:
        remarks += _in_um(circle)
    if pixel_size_um is not None:
        renamed |= {n: of_each(renamed[n], lambda v: v / pixel_size_um) for n in CIRCLE}
    if is_fiji:
        renamed |= {n: of_each(renamed[n], lambda v: v - CORNER) for n in ("y", "x")}
        remarks += _of_fiji(pixel_size_um)
        renamed |= _slices_of_fiji(renamed)
    return _one_row_each(renamed), remarks


def _plain(title: str) -> str:
    """Title in small letters, without a unit."""
    plain = _UNIT.sub("", title.strip().lower())
    return plain.partition("(")[0].partition("[")[0].strip()


def _unit(title: str) -> str:
    """'µm' or 'px', as a title names it; '' where it doesn't."""
    found = _UNIT.search(title.strip().lower())
    return "" if found is None else "µm" if found["um"] or found["um_"] else "px"


def _check_flat(columns: Columns) -> None:
    """Raise InputError for centroids in volumes, whose first axis is z."""
    if VOLUME_AXIS in map(_plain, columns):
        raise InputError(
            f"Its centroids are in three dimensions (column {VOLUME_AXIS}), and ROIs are circles "
            f"in a plane: give the columns y, x and radius instead."
        )


def _check_units(titles: list[str], pixel_size_um: float | None) -> None:
    """Raise InputError where titles name pixels beside µm, or beside the size of a pixel."""
    units = {_unit(title): title for title in titles}
    if {"px", "µm"} <= set(units):
        raise InputError(
            f"Column {units['µm']} is in µm, and {units['px']} in pixels: give all in one unit."
        )
    if pixel_size_um is not None and "px" in units:
        raise InputError(f"Column {units['px']} counts in pixels: leave out the size of a pixel.")


def _in_um(titles: list[str]) -> tuple[Remark, ...]:
    """Warn of titles that name µm, where nobody gave the size of a pixel."""
    named = [title for title in titles if _unit(title) == "µm"]
    if not named:
        return ()
    code = RemarkCode.IN_UM if len(named) == len(titles) else RemarkCode.UNIT_OPEN
    return as_warnings(
        f"The table names µm (column {named[0]}), but was taken in pixels: read the ROIs with "
        f"`rois_pixel_size=…`, the size of a pixel in µm.",
        code=code,
    )


def _of_fiji(pixel_size_um: float | None) -> tuple[Remark, ...]:
    if pixel_size_um is not None:
        return as_notes("Each ROI of Fiji's table became a circle of its area.")
    return as_warnings(
        "Each ROI of Fiji's table became a circle of its area, in pixels: where the image had a "
        "scale in Fiji, the table is in its unit, and the ROIs have to be read with "
        "`rois_pixel_size=…`, the size of a pixel in µm.",
        code=RemarkCode.UNIT_OPEN,
    )


def _slices_of_fiji(columns: Columns) -> Columns:
    """Slices, which Fiji counts from 1, where there are several."""
    if "Slice" not in columns or len(set(columns["Slice"].texts)) < 2:
        return {}
    slices = [n - 1 for n in whole(columns["Slice"])]
    texts = Column("Slice", list(map(str, slices)), columns["Slice"].lines)
    return dict.fromkeys(SLICES, texts)


def _counted(like: Column) -> Column:
    return Column("id", [str(i + 1) for i in range(len(like.texts))], like.lines)


def _one_row_each(columns: Columns) -> Columns:
    """Leave out rows that repeat a ROI: of other channels and recordings, in exported tables."""
    if "recording" not in columns or "channel" not in columns:
        return columns
    own = {name: columns[name] for name in ("id", *CIRCLE)}
    ids, circles = whole(own["id"]), list(zip(*(finite(own[n]) for n in CIRCLE), strict=True))
    first: dict[int, int] = {}
    for row, number in enumerate(ids):
        if circles[first.setdefault(number, row)] != circles[row]:
            raise InputError(
                f"ROI {number} has another place in row {own['id'].lines[row]} than in row "
                f"{own['id'].lines[first[number]]}: keep the rows of one set of ROIs."
            )
    return {name: column.where(list(first.values())) for name, column in own.items()}
