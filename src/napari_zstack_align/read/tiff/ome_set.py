"""OME metadata of a set of files: it lies in one of them, or in a file of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import magic, readable
from napari_zstack_align.read.tiff.head import read_head
from napari_zstack_align.read.tiff.ome import Ome
from napari_zstack_align.remark import Remark, as_warnings

METADATA_FILE = re.compile(r"""<(?:\w+:)?BinaryOnly\b[^>]*\bMetadataFile\s*=\s*["']([^"']+)["']""")
"""In a file that has nothing but pixels: the name of the one that describes it."""
FILE_NAME = re.compile(r"""\bFileName\s*=\s*["']([^"']+)["']""")
MOST_BYTES = 500_000_000
"""A description of a hundred thousand files has a tenth of this: more is no metadata."""


@dataclass(frozen=True)
class Description:
    """The OME-XML that describes a file, if any, and the file in which it stands."""

    xml: str | None
    path: Path
    remarks: tuple[Remark, ...] = ()


def description_of(path: Path, xml: str | None) -> Description:
    """Follow a file that has nothing but pixels to the one that describes it.

    Parameters
    ----------
    path : pathlib.Path
        TIFF file.
    xml : str or None
        Its own OME-XML.

    Raises
    ------
    InputError
        Where the other file is damaged.
    """
    found = None if xml is None else METADATA_FILE.search(xml)
    if found is None:
        return Description(xml, path)
    other = path.with_name(re.split(r"[\\/]", found[1])[-1])
    if not other.is_file():
        remark = (
            f"{path.name} says that {other.name} describes it, which isn't in its folder: copy it "
            f"there, or say what the frames are."
        )
        return Description(None, path, as_warnings(remark))
    xml = metadata_in(other)
    if METADATA_FILE.search(xml):
        raise InputError(
            f"{path.name} says that {other.name} describes it, but that one has no description of "
            f"its own: open the folder, and say what its frames are."
        )
    return Description(xml, other)


def names_in(xml: str) -> frozenset[str]:
    """Names of all files that OME-XML describes, of whichever image."""
    return frozenset(unescape(name) for name in FILE_NAME.findall(xml))


def metadata_in(path: Path) -> str:
    """OME-XML of a TIFF file, or of a file of XML.

    Raises
    ------
    InputError
        Where there is none.
    """
    xml = _text_of(path) if magic(path).lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<" else None
    xml = read_head(path).ome if xml is None else xml
    if xml is None:
        raise InputError(f"{path} holds no OME metadata: copy it again from where it was recorded.")
    return xml


def _text_of(path: Path) -> str:
    with readable(path):
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is too large for OME metadata: open the images themselves.")
        return path.read_text(encoding="utf-8-sig", errors="replace")


def files_of(ome: Ome, folder: Path, by: str) -> list[Path]:
    """Files of a set that are there.

    Raises
    ------
    InputError
        Where none is.
    """
    names = list(dict.fromkeys(place[0] for place in ome.places if place is not None))
    there = [folder / name for name in names if name and (folder / name).is_file()]
    if not there:
        what = counted(len([name for name in names if name]), "image file")
        raise InputError(
            f"None of the {what} that {by} describes is in {folder}: copy them into it."
        )
    return there
