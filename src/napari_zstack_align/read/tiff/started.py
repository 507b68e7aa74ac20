"""When a recording was started, where its TIFF says it."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from napari_zstack_align.read._quiet import tags_of_first_page
from napari_zstack_align.read.scanimage.header import start_of
from napari_zstack_align.read.tiff.ome import start_in

OME_DATE = re.compile(r"<(?:\w+:)?AcquisitionDate>([^<]+)<")
TIFF_FORMATS = ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d %H:%M:%S.%f", "%Y%m%d %H:%M:%S")


def started_at(path: Path) -> datetime | None:
    """Return the start of a recording as its TIFF says it, without a time zone.

    OME's ``AcquisitionDate``, ScanImage's ``epoch`` or ``triggerTimeString``, and the tag
    ``DateTime`` are looked at, in this order.

    Returns
    -------
    datetime or None
        None where the file doesn't say it.
    """
    text, date = tags_of_first_page(path, "ImageDescription", "DateTime")
    return of_ome(text) or start_of(text) or _of_tag(date)


def of_ome(text: str) -> datetime | None:
    """When OME metadata say that it was."""
    found = OME_DATE.search(text)
    return start_in(found[1]) if found else None


def _of_tag(date: str) -> datetime | None:
    for form in TIFF_FORMATS:
        try:
            return datetime.strptime(date.strip("\0 "), form)
        except ValueError:
            continue
    return None
