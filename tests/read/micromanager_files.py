"""Files as Micro-Manager writes them: OME-TIFF with tables of its own between header and pages."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from .written import INTERVAL_S, NAMES, PIXEL_UM, Z_STEP_UM, Acquisition

INDEX, DISPLAY, COMMENTS, SUMMARY = 54773648, 483765892, 99384722, 2355492
INDEX_MAP = 3453623
"""Numbers by which its tables are known."""
ASCII, SHORT, LONG = 2, 3, 4
FIRST_OFFSET = 40


def mmstack(
    path: Path, made: Acquisition, slices_first: bool = False, n_written: int | None = None
) -> Path:
    """Write a file of one position.

    Parameters
    ----------
    path : pathlib.Path
        Ends in '_MMStack_Pos0.ome.tif'.
    made : Acquisition
    slices_first : bool
        Whether all slices of a channel come before the next channel.
    n_written : int, optional
        Images that were written before it was stopped.
    """
    n_slices = max(made.n_slices, 1)
    sizes = (len(made.frames) // n_slices, n_slices, made.n_channels)
    order = "ZCT" if slices_first else "CZT"
    images = list(_in_order(made, sizes, slices_first))[:n_written]
    summary = json.dumps(_summary(sizes, slices_first)).encode()
    head = [INDEX, 0, DISPLAY, 0, COMMENTS, 0, SUMMARY, len(summary)]
    content = bytearray(struct.pack("<2sHI8I", b"II", 42, 0, *head) + summary)
    content += bytes(len(content) % 2)
    described = _ome(path.name, made, sizes, order, [at for at, _ in images])
    link, places = 4, []
    for k, (at, image) in enumerate(images):
        struct.pack_into("<I", content, link, len(content))
        places.append((*at, len(content)))
        link = _add_page(content, image, described if k == 0 else b"", _imagej(sizes, k))
    struct.pack_into("<I", content, 12, len(content))
    content += struct.pack("<2I", INDEX_MAP, len(places))
    for t, z, c, offset in places:
        content += struct.pack("<5I", c, z, t, 0, offset)
    path.write_bytes(content)
    return path


def _in_order(made: Acquisition, sizes: tuple[int, int, int], slices_first: bool) -> Any:
    """Images as they follow one another, each with its (t, z, c)."""
    n_times, n_slices, n_channels = sizes
    for t in range(n_times):
        inner = [(z, c) for z in range(n_slices) for c in range(n_channels)]
        for z, c in sorted(inner, key=lambda at: at[::-1]) if slices_first else inner:
            yield (t, z, c), made.frames[t * n_slices + z, c]


def _summary(sizes: tuple[int, int, int], slices_first: bool) -> dict[str, Any]:
    n_times, n_slices, n_channels = sizes
    return {
        "MicroManagerVersion": "2.0.0",
        "Frames": n_times,
        "Slices": n_slices,
        "Channels": n_channels,
        "Positions": 1,
        "SlicesFirst": slices_first,
        "TimeFirst": False,
        "AxisOrder": [
            "position",
            "time",
            *(("channel", "z") if slices_first else ("z", "channel")),
        ],
        "PixelSize_um": PIXEL_UM[1],
        "z-step_um": Z_STEP_UM,
        "Interval_ms": INTERVAL_S * 1000,
        "ChNames": list(NAMES[:n_channels]),
        "Prefix": "x",
    }


def _ome(
    name: str,
    made: Acquisition,
    sizes: tuple[int, int, int],
    order: str,
    places: list[tuple[int, int, int]],
) -> bytes:
    """Description of the first page, with a line for each image."""
    n_times, n_slices, n_channels = sizes
    n_rows, n_columns = made.frames.shape[2:]
    channels = "".join(
        f'<Channel ID="Channel:0:{c}" Name="{NAMES[c]}" SamplesPerPixel="1"/>'
        for c in range(n_channels)
    )
    images = "".join(
        f'<TiffData FirstC="{c}" FirstT="{t}" FirstZ="{z}" IFD="{k}" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:1</UUID></TiffData>'
        for k, (t, z, c) in enumerate(places)
    )
    times = "".join(
        f'<Plane DeltaT="{(t + z / n_slices) * INTERVAL_S * 1000}" DeltaTUnit="ms" ExposureTime="9"'
        f' TheC="{c}" TheT="{t}" TheZ="{z}"/>'
        for t, z, c in places
    )
    y, x = PIXEL_UM
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2013-06" UUID="urn:uuid:1">'
        f'<Image ID="Image:0" Name="{name}"><Pixels BigEndian="false" DimensionOrder="XY{order}"'
        f' ID="Pixels:0" Type="uint16" SizeX="{n_columns}" SizeY="{n_rows}" SizeZ="{n_slices}"'
        f' SizeC="{n_channels}" SizeT="{n_times}" PhysicalSizeX="{x}" PhysicalSizeY="{y}"'
        f' PhysicalSizeZ="{Z_STEP_UM}">{channels}{images}{times}</Pixels></Image></OME>'
    ).encode() + b"\0"


def _imagej(sizes: tuple[int, int, int], k: int) -> bytes:
    """Second description of the first page, for ImageJ."""
    n_times, n_slices, n_channels = sizes
    if k:
        return b""
    return (
        f"ImageJ=1.52p\nimages={n_times * n_slices * n_channels}\nchannels={n_channels}\n"
        f"slices={n_slices}\nframes={n_times}\nhyperstack=true\nmode=composite\nunit=um\n"
        f"spacing={Z_STEP_UM}\nloop=false\n"
    ).encode() + b"\0"


def _add_page(content: bytearray, image: Any, ome: bytes, imagej: bytes) -> int:
    """Add a page; return where the offset of the next one is to be written."""
    n_rows, n_columns = image.shape
    known = json.dumps({"PixelType": "GRAY16", "ElapsedTime-ms": 1}).encode() + b"\0"
    texts = [(270, text) for text in (ome, imagej) if text] + [(51123, known)]
    fields = {
        256: (LONG, n_columns),
        257: (LONG, n_rows),
        258: (SHORT, 16),
        259: (SHORT, 1),
        262: (SHORT, 1),
        277: (SHORT, 1),
        278: (LONG, n_rows),
        279: (LONG, image.nbytes),
    }
    n_entries = len(fields) + len(texts) + 1
    at = len(content) + 2 + 12 * n_entries + 4
    entries = [(tag, kind, 1, value) for tag, (kind, value) in fields.items()]
    entries.append((273, LONG, 1, at))
    behind = image.astype("<u2").tobytes()
    for tag, text in texts:
        entries.append((tag, ASCII, len(text), at + len(behind)))
        behind += text + bytes(len(text) % 2)
    content += struct.pack("<H", n_entries)
    for entry in sorted(entries, key=lambda entry: entry[0]):
        content += struct.pack("<HHII", *entry)
    link = len(content)
    content += bytes(4) + behind
    return link
