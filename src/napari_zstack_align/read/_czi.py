"""Zeiss CZI: a directory that names every image by its place, and the images, packed or not.

A file is a series of segments: its header says where the directory and the metadata are, and the
directory where each image is. Images lie in the order in which they were taken.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from io import FileIO
from math import prod
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._broken_off import whole_frames_of
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._places import axes_of_places, in_frames
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._units import number
from napari_zstack_align.remark import Remark, as_notes, as_warnings

FILE, DIRECTORY = b"ZISRAWFILE", b"ZISRAWDIRECTORY"
METADATA, IMAGE = b"ZISRAWMETADATA", b"ZISRAWSUBBLOCK"
HEAD = 32
"""Bytes before the content of a segment: 16 of its name, and two lengths."""
DIRECTORY_AT = HEAD + 52
"""Where the header says at which bytes directory and metadata begin."""
ENTRIES_AT, XML_AT = HEAD + 128, HEAD + 256
SMALLEST_ENTRY = 240
"""An image's own entry takes up so many bytes at least."""
TYPES = {0: "<u1", 1: "<u2", 2: "<f4"}
COLOURS = (3, 4, 8, 9)
PLAIN_PIXELS, ZSTD, ZSTD_WITH_HEAD = 0, 5, 6
PACKED = {1: "JPEG", 2: "LZW", 4: "JPEG XR"}
MOST_PACKED = 2**15
"""Zstandard packs at most 128 KiB into a block of 4 bytes."""
CHOSEN = "S"
"""Axis of which one place is opened: scenes."""
OTHERS = {"H": "phases", "V": "views", "I": "illuminations", "R": "rotations", "B": "blocks"}
LARGEST_SIDE, LARGEST_XML, MOST_IMAGES = 10**5, 2**28, 10**7
WAY_OUT = "export it to OME-TIFF with ZEN"


class _Damaged(Exception):
    """A length or name that can't be."""


@dataclass(frozen=True)
class Image:
    """An entry of the directory.

    Attributes
    ----------
    at : int
        Where its segment begins.
    kind, packing : int
        Numbers of the type of its pixels, and of how they are packed.
    start, size : dict of str to int
        Along each axis, by its letter.
    is_overview : bool
        Whether it shows others in fewer pixels.
    """

    at: int
    kind: int
    packing: int
    start: dict[str, int] = field(repr=False)
    size: dict[str, int] = field(repr=False)
    is_overview: bool = False

    def along(self, axis: str) -> int:
        """Place along an axis, 0 along those that it hasn't."""
        return self.start.get(axis, 0)

    @property
    def place(self) -> tuple[int, int, int]:
        """(time, slice, channel)."""
        return self.along("T"), self.along("Z"), self.along("C")


class CziSource:
    """Frames of a CZI file, each image of which is unpacked when it is read.

    Parameters
    ----------
    path : pathlib.Path
    images : numpy.ndarray
        (T, C) int64, where the segment of each image begins.
    shape : tuple of int
        (Y, X) of an image.
    stored : numpy.dtype
        Of a pixel.
    """

    reads_singly = True

    def __init__(
        self,
        path: Path,
        images: npt.NDArray[np.int64],
        shape: tuple[int, int],
        stored: np.dtype[Any],
    ) -> None:
        self._path = path
        self._images = images
        self._frame = shape
        self._stored = stored

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        n_frames, n_channels = self._images.shape
        return n_frames, n_channels, *self._frame

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._stored.newbyteorder("=")

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        wanted = self._images[start:stop]
        out = np.empty((*wanted.shape, *self._frame), self._stored)
        with readable(self._path), self._path.open("rb", buffering=0) as file:
            for frame, places in zip(out, wanted.tolist(), strict=True):
                for image, at in zip(frame, places, strict=True):
                    self._fill(image, file, at)
        return out.astype(self.dtype, copy=False)

    def _fill(self, out: npt.NDArray[Any], file: FileIO, at: int) -> None:
        try:
            entry, begin, length = _pixels_at(file, at)
            file.seek(begin)
            content = _read(file, length)
            out[:] = self._unpacked(entry, content)
        except (_Damaged, struct.error):
            raise InputError(f"{self._path} is damaged at byte {at:,}: copy it again.") from None

    def _unpacked(self, entry: Image, content: bytes) -> npt.NDArray[Any]:
        if entry.packing in (ZSTD, ZSTD_WITH_HEAD):
            try:
                content = _without_zstd(content, entry.packing, self._stored, prod(self._frame))
            except (imagecodecs.ZstdError, ValueError, IndexError):
                raise _Damaged from None
        if len(content) != prod(self._frame) * self._stored.itemsize:
            raise _Damaged
        return np.frombuffer(content, self._stored).reshape(self._frame)


def _without_zstd(content: bytes, packing: int, stored: np.dtype[Any], n_pixels: int) -> bytes:
    """Unpack pixels; a head may say that their low bytes come first, and then the high ones."""
    is_parted = False
    if packing == ZSTD_WITH_HEAD:
        length = content[0]
        is_parted = length >= 3 and content[1] == 1 and bool(content[2] & 1)
        content = content[length:]
    found = bytes(imagecodecs.zstd_decode(content, out=n_pixels * stored.itemsize))
    if is_parted and stored.itemsize == 2:
        return np.frombuffer(found, np.uint8).reshape(2, -1).T.tobytes()
    return found


def open_czi(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open the frames of a CZI; no pixel is read.

    Parameters
    ----------
    path : pathlib.Path
    wish : Wish
        Its ``image`` is the number or name of one of several scenes.

    Raises
    ------
    InputError
        If the file is damaged or wasn't closed, or holds no plain frames.
    """
    with readable(path), path.open("rb") as file:
        try:
            (all_images, xml), is_whole = _described(file), True
        except (_Damaged, struct.error):
            all_images, xml, is_whole = _found(file), b"", False
    if not all_images:
        raise InputError(f"{path} is damaged: no image is found in it. Copy it again.")
    images, names, of_scenes = _chosen(all_images, wish.image, path)
    stored, shape = _checked(images, path)
    _check_room(images, prod(shape) * stored.itemsize, path)
    if wish.as_planes:
        rows, of_frames = [[i] for i in range(len(images))], tuple[Remark, ...]()
    else:
        rows, of_frames = in_frames([image.place for image in images], path)
    if not is_whole:
        of_frames += whole_frames_of(path, len(rows), None, wish)
    places = [images[row[0]].place[:2] for row in rows]
    axes, sizes, of_layout = ("T", (len(rows),), ()) if wish.as_planes else axes_of_places(places)
    rows = rows[: prod(sizes)]
    n_channels = len(rows[0])
    facts = Facts(
        axes=axes + ("C" if n_channels > 1 else ""),
        sizes=(*sizes, n_channels)[: len(sizes) + (n_channels > 1)],
        images=names,
        remarks=(*of_scenes, *of_frames, *of_layout),
    )
    at = np.array([[images[i].at for i in row] for row in rows], np.int64)
    source = CziSource(path, at, shape, stored)
    channels = sorted({image.along("C") for image in images})
    return Opened(source, (path,), _with_settings(facts, xml, channels), wish.as_planes)


def _described(file: Any) -> tuple[list[Image], bytes]:
    """All images in the directory, in the order of the file, and the metadata."""
    n_bytes = file.seek(0, 2)
    file.seek(0)
    head = _read(file, DIRECTORY_AT + 16)
    directory, metadata = struct.unpack_from("<2q", head, DIRECTORY_AT)
    (part,) = struct.unpack_from("<i", head, DIRECTORY_AT - 4)
    if not head.startswith(FILE) or part or not 0 < directory < n_bytes:
        raise _Damaged
    content = _segment(file, directory, DIRECTORY, n_bytes)
    (count,) = struct.unpack_from("<i", content, 0)
    if not 0 < count <= MOST_IMAGES:
        raise _Damaged
    images, at = [], ENTRIES_AT - HEAD
    for _ in range(count):
        image, at = _entry(content, at)
        images.append(image)
    xml = b""
    if 0 < metadata < n_bytes:
        content = _segment(file, metadata, METADATA, n_bytes)
        (length,) = struct.unpack_from("<i", content, 0)
        xml = content[XML_AT - HEAD :][: max(length, 0)]
    kept = [image for image in images if not image.is_overview]
    return sorted(kept, key=lambda image: image.at), xml


def _found(file: Any) -> list[Image]:
    """Whole images of a file without a directory, as one has that wasn't closed."""
    n_bytes = file.seek(0, 2)
    images, at = list[Image](), 0
    while at + HEAD <= n_bytes and len(images) < MOST_IMAGES:
        file.seek(at)
        head = _read(file, HEAD)
        (allocated,) = struct.unpack_from("<q", head, 16)
        if not head.startswith(b"ZISRAW") or allocated < 0:
            break
        try:
            if head.startswith(IMAGE):
                images.append(replace(_pixels_at(file, at)[0], at=at))
        except (_Damaged, struct.error):
            break
        at += HEAD + allocated
    return [image for image in images if not image.is_overview]


def _segment(file: Any, at: int, name: bytes, n_bytes: int) -> bytes:
    """Content of a segment that is known by its name."""
    _go_to(file, at, n_bytes)
    head = _read(file, HEAD)
    _, used = struct.unpack_from("<2q", head, 16)
    if head[:16].rstrip(b"\0") != name or not 0 <= used <= min(n_bytes - at, LARGEST_XML):
        raise _Damaged
    return _read(file, used)


def _go_to(file: Any, at: int, n_bytes: int) -> None:
    """Go to a place that a file of so many bytes has."""
    if not 0 <= at < n_bytes:
        raise _Damaged
    file.seek(at)


def _read(file: Any, length: int) -> bytes:
    """Read so many bytes, all of which have to be there."""
    found = file.read(length)
    while len(found) < length:
        part = file.read(length - len(found))
        if not part:
            raise _Damaged
        found += part
    return bytes(found)


def _entry(content: bytes, at: int) -> tuple[Image, int]:
    """Read an entry of the directory; return it, and where the next one begins."""
    mark, kind, place, part, packing, pyramid, count = struct.unpack_from(
        "<2siqiiB5xi", content, at
    )
    if mark != b"DV" or part or place <= 0 or not 0 < count <= 64:
        raise _Damaged
    start, size, is_reduced = {}, {}, pyramid != 0
    for k in range(count):
        axis, first, length, _, stored = struct.unpack_from("<4siifi", content, at + HEAD + 20 * k)
        letter = axis.rstrip(b"\0").decode("latin-1")
        start[letter], size[letter] = first, length
        is_reduced = is_reduced or (letter in "XY" and stored != length)
    return Image(place, kind, packing, start, size, is_reduced), at + HEAD + 20 * count


def _pixels_at(file: Any, at: int) -> tuple[Image, int, int]:
    """Entry of an image, and where its pixels begin, with their number of bytes."""
    n_bytes = file.seek(0, 2)
    _go_to(file, at, n_bytes)
    head = _read(file, HEAD + 16 + HEAD)
    of_metadata, _, length = struct.unpack_from("<iiq", head, HEAD)
    (count,) = struct.unpack_from("<i", head, HEAD + 16 + HEAD - 4)
    if head[:16].rstrip(b"\0") != IMAGE or of_metadata < 0 or not 0 < count <= 64:
        raise _Damaged
    entry, _ = _entry(head[HEAD + 16 :] + _read(file, 20 * count), 0)
    begin = at + HEAD + 16 + max(SMALLEST_ENTRY, HEAD + 20 * count) + of_metadata
    if not 0 < length <= n_bytes - begin:
        raise _Damaged  # no memory is asked for what the file can't hold
    return entry, begin, length


def _chosen(
    images: list[Image], wanted: int | str, path: Path
) -> tuple[list[Image], tuple[str, ...], tuple[Remark, ...]]:
    """Images of one scene."""
    scenes = sorted({image.along(CHOSEN) for image in images})
    names = tuple(f"scene {scene}" for scene in scenes)
    name = wanted if isinstance(wanted, str) else dict(enumerate(names)).get(wanted, "")
    if name not in names:
        raise InputError(f"{path} has no image {wanted!r}: choose {', '.join(names[:4])}.")
    kept = [image for image in images if image.along(CHOSEN) == scenes[names.index(name)]]
    if len(names) == 1:
        return kept, (), ()
    rest = [each for each in names if each != name]
    remark = (
        f"The file holds {len(names)} images: {name} was opened, not {', '.join(rest[:4])}"
        f"{' ...' if len(rest) > 4 else ''}. Another one is chosen by `image='{rest[0]}'`."
    )
    return kept, names, () if wanted else as_notes(remark)


def _checked(images: list[Image], path: Path) -> tuple[np.dtype[Any], tuple[int, int]]:
    """Type and size of the images, all of which have to be whole frames of one kind."""
    kinds = {image.kind for image in images}
    if kinds & set(COLOURS):
        raise InputError(f"{path} holds pictures in colour, no intensities: save it as grayscale.")
    for packing in {image.packing for image in images}:
        if packing not in (PLAIN_PIXELS, ZSTD, ZSTD_WITH_HEAD):
            how = PACKED.get(packing, "an unknown way")
            raise InputError(f"{path} is packed by {how}, which can't be read: {WAY_OUT}.")
    for axis, what in OTHERS.items():
        if len({image.along(axis) for image in images}) > 1:
            raise InputError(f"{path} holds several {what} of each frame: {WAY_OUT}, one by one.")
    if len({image.place for image in images}) < len(images):
        raise InputError(f"{path} holds frames of several tiles: stitch them, and {WAY_OUT}.")
    sizes = {(image.size.get("Y", 0), image.size.get("X", 0)) for image in images}
    shape = next(iter(sizes))
    if len(kinds) > 1 or len(sizes) > 1 or not 0 < min(shape) <= max(shape) <= LARGEST_SIDE:
        raise InputError(f"{path} holds images of several sizes or types: {WAY_OUT}, one by one.")
    name = TYPES.get(kinds.pop())
    if name is None:
        raise InputError(f"{path} holds pixels of a type that can't be read: {WAY_OUT}.")
    return np.dtype(name), shape


def _check_room(images: list[Image], n_bytes: int, path: Path) -> None:
    """Raise InputError where a file can't hold so many bytes of each image."""
    with readable(path):
        room = path.stat().st_size
    needed = sum(
        n_bytes if each.packing == PLAIN_PIXELS else n_bytes / MOST_PACKED for each in images
    )
    if needed > room:
        raise InputError(
            f"{path} is damaged: it is too small for {counted(len(images), 'image')} of the size "
            f"that it names. Copy it again."
        )


def _with_settings(facts: Facts, xml: bytes, channels: list[int]) -> Facts:
    """Add sizes and names of channels, as the metadata say."""
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError, LookupError):
        odd = as_warnings("The metadata can't be read: sizes and channels have to be said.")
        return replace(facts, remarks=(*facts.remarks, *odd))
    sizes = {axis: _size(root, axis) for axis in "XYZ"}
    y, x = sizes["Y"], sizes["X"]
    named = root.findall("./Metadata/Information/Image/Dimensions/Channels/Channel")
    names = [channel.get("Name") or channel.get("Id") or "" for channel in named]
    kept = [names[channel] for channel in channels if channel < len(names)]
    return replace(
        facts,
        pixel_size_um=(y, x) if y and x else None,
        z_step_um=sizes["Z"],
        channel_names=tuple(kept) if len(kept) == len(channels) and all(kept) else (),
        remarks=(*facts.remarks, *_of_times(facts)),
    )


def _size(root: ElementTree.Element, axis: str) -> float | None:
    """Distance along an axis in µm; the file gives it in m."""
    found = number(root.findtext(f"./Metadata/Scaling/Items/Distance[@Id='{axis}']/Value"))
    return found * 1e6 if found and found > 0 else None


def _of_times(facts: Facts) -> tuple[Remark, ...]:
    n_times = dict(zip(facts.axes, facts.sizes, strict=True)).get("T", 1)
    if n_times == 1:
        return ()
    return as_notes(
        f"Times of CZI files aren't read: for {counted(n_times, 'time point')}, give "
        f"`frame_rate_hz`."
    )


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_czi(path, wish) for path in paths]),
    glance=lambda path: Glance.of(open_czi(path)),
    has_images=True,
)
