"""Files as Micro-Manager writes them: OME-TIFF with tables of its own between header and pages."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from .written import INTERVAL_S, NAMES, PIXEL_UM, STARTED, Z_STEP_UM, Acquisition

INDEX, DISPLAY, COMMENTS, SUMMARY = 54773648, 483765892, 99384722, 2355492
INDEX_MAP = 3453623
"""Numbers by which its tables are known."""
ASCII, SHORT, LONG = 2, 3, 4
NDTIFF, NDTIFF_VERSION = 483729, (3, 3)


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
    described = _ome(path.name, made, sizes, order, [at for at, _ in images]), _imagej(sizes)
    link, places = 4, []
    for k, (at, image) in enumerate(images):
        struct.pack_into("<I", content, link, len(content))
        places.append((*at, len(content)))
        settings = {"PixelType": "GRAY16", "ElapsedTime-ms": 1}
        link = _add_page(content, image, settings, *(b"" if k else each for each in described))
    struct.pack_into("<I", content, 12, len(content))
    content += struct.pack("<2I", INDEX_MAP, len(places))
    for t, z, c, offset in places:
        content += struct.pack("<5I", c, z, t, 0, offset)
    path.write_bytes(content)
    return path


def ndtiff(
    folder: Path,
    images: Iterable[tuple[dict[str, Any], Any]],
    summary: dict[str, Any],
    per_file: int = 10**9,
) -> Path:
    """Write a folder of NDTiff.

    Parameters
    ----------
    folder : pathlib.Path
        Is made.
    images : iterable of (dict, numpy.ndarray)
        Place along each axis, with the time in s as ``'s'``, and the image, as they were taken.
    summary : dict
        Settings of the acquisition.
    per_file : int
        Images before the next file begins.
    """
    folder.mkdir()
    text, index = json.dumps(summary).encode(), b""
    for k, part in enumerate(_in_groups(images, per_file)):
        name = f"x_NDTiffStack{f'_{k}' if k else ''}.tif"
        head = (NDTIFF, *NDTIFF_VERSION, SUMMARY, len(text))
        content = bytearray(struct.pack("<2sHI5I", b"II", 42, 0, *head) + text)
        content += bytes(len(content) % 2)
        link = 4
        for axes, image in part:
            place = {name: value for name, value in axes.items() if name != "s"}
            settings = {"ElapsedTime-ms": axes["s"] * 1000} if "s" in axes else {}
            struct.pack_into("<I", content, link, len(content))
            link = _add_page(content, image, settings)
            for each in (json.dumps(place).encode(), name.encode()):
                index += struct.pack("<I", len(each)) + each
            kind, at = {"u1": 0, "u2": 1}[image.dtype.str[1:]], link + 4
            text_at = (at + image.nbytes, len(json.dumps(settings)))
            index += struct.pack("<8I", at, *image.shape[::-1], kind, 0, *text_at, 0)
        (folder / name).write_bytes(content)
    (folder / "NDTiff.index").write_bytes(index)
    return folder


def _in_groups(images: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(images)
    while group := list(islice(rest, size)):
        yield group


def images_of(made: Acquisition, by_slice: bool = False) -> list[tuple[dict[str, Any], Any]]:
    """Images of volumes with their places, or of repeats of each slice."""
    n_slices = max(made.n_slices, 1)
    found = []
    for t, frame in enumerate(made.frames):
        slow, fast = divmod(t, len(made.frames) // n_slices if by_slice else n_slices)
        time, z = (fast, slow) if by_slice else (slow, fast)
        for name, image in zip(NAMES, frame, strict=False):
            place = {"channel": name, "time": time, "z": z, "s": 1.5 + t * INTERVAL_S / n_slices}
            found.append((place, image))
    return found


def ndtiff_of(folder: Path, made: Acquisition, by_slice: bool = False, **more: Any) -> Path:
    """Write an acquisition as a folder of NDTiff."""
    summary = {"z-step_um": Z_STEP_UM, "StartTime": f"{STARTED}.123 -0800", "Prefix": "x"}
    return ndtiff(folder / "run", images_of(made, by_slice), summary, **more)


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


def _imagej(sizes: tuple[int, int, int]) -> bytes:
    """Second description of the first page, for ImageJ."""
    n_times, n_slices, n_channels = sizes
    return (
        f"ImageJ=1.52p\nimages={n_times * n_slices * n_channels}\nchannels={n_channels}\n"
        f"slices={n_slices}\nframes={n_times}\nhyperstack=true\nmode=composite\nunit=um\n"
        f"spacing={Z_STEP_UM}\nloop=false\n"
    ).encode() + b"\0"


def _add_page(
    content: bytearray, image: Any, settings: dict[str, Any], ome: bytes = b"", imagej: bytes = b""
) -> int:
    """Add a page; return where the offset of the next one is to be written: 4 bytes before it."""
    n_rows, n_columns = image.shape
    known = json.dumps(settings).encode() + b"\0"
    texts = [(51123, known)] + [(270, text) for text in (ome, imagej) if text]
    fields = {
        256: (LONG, n_columns),
        257: (LONG, n_rows),
        258: (SHORT, 8 * image.itemsize),
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
