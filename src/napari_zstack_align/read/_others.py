"""Files that are recognised but can't be opened, each with its way out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHOOSE = ""
"""Way out of a file of which no program makes frames: another one has to be chosen."""
VIDEO = "open the recording that it was made of, or save its frames as TIFF with Fiji"
FIJI = "save it as TIFF with Fiji"
OME_TIFF = "export it to OME-TIFF with"


@dataclass(frozen=True)
class Other:
    """A kind of file.

    Attributes
    ----------
    what : str
        What it is, with its article.
    way_out : str
        What to do with it.
    endings : tuple of str
        Of names, in lower case.
    magics : tuple of bytes
        First bytes; these go before endings.
    place : int
        Where in the file they stand.
    """

    what: str
    way_out: str
    endings: tuple[str, ...] = ()
    magics: tuple[bytes, ...] = ()
    place: int = 0


OTHERS = (
    Other("a file without the head of a Zeiss CZI file", "copy it again", (".czi",)),
    Other("a file of an older Zeiss AxioVision", f"{OME_TIFF} ZEN", (".zvi",)),
    Other("a Leica file", f"{OME_TIFF} LAS X", (".lif", ".lof", ".xlef")),
    Other("a Nikon ND2 file", f"{OME_TIFF} NIS-Elements", (".nd2",), (b"\xda\xce\xbe\x0a",)),
    Other("an Olympus OIR file", f"{OME_TIFF} FV31S-SW", (".oir", ".poir"), (b"OLYMPUSRAWFORMAT",)),
    Other("an Olympus FluoView file", f"{OME_TIFF} FV10-ASW", (".oib", ".oif")),
    Other("an Olympus VSI file", f"{OME_TIFF} cellSens", (".vsi", ".ets")),
    Other(
        "a video of Inscopix",
        "export it to TIFF with the Inscopix Data Processing Software",
        (".isxb",),
    ),
    Other("an Imaris file", "save it as OME-TIFF with Imaris", (".ims",)),
    Other(
        "a Matlab file",
        "save its frames as TIFF",
        (".mat",),
        (b"MATLAB 5.0 MAT-f", b"MATLAB 7.3 MAT-f"),
    ),
    Other("a DICOM file", FIJI, (".dcm", ".dicom")),
    Other("a NIfTI file", FIJI, (".nii", ".nii.gz")),
    Other("an NRRD file", FIJI, (".nrrd", ".nhdr"), (b"NRRD000",)),
    Other("an ICS file", FIJI, (".ics", ".ids"), (b"\tics_version", b"ics_version")),
    Other("a video", VIDEO, (".avi",), (b"AVI ",), place=8),
    Other("a video", VIDEO, (".mp4", ".mov", ".m4v"), (b"ftyp",), place=4),
    Other("a video", VIDEO, (".mkv", ".webm"), (b"\x1aE\xdf\xa3",)),
    Other("a video", VIDEO, (".wmv", ".mpg", ".mpeg"), (b"\0\0\x01\xba", b"0&\xb2u")),
    Other("a zip archive (.npz is one too)", CHOOSE, magics=(b"PK\x03\x04",)),
    Other("a PNG picture", CHOOSE, magics=(b"\x89PNG",)),
    Other("a JPEG picture", CHOOSE, magics=(b"\xff\xd8\xff",)),
    Other("a GIF picture", CHOOSE, magics=(b"GIF8",)),
    Other(
        "a raw file without the Experiment.xml that describes it",
        "copy both into one folder",
        (".raw",),
    ),
    Other(
        "the index of an NDTiff acquisition",
        "open the folder that it is in",
        ("ndtiff.index",),
    ),
    Other(
        "a Scanbox file without the .mat of the same name that describes it",
        "copy both into one folder",
        (".sbx",),
    ),
    Other(
        "a binary without the ops.npy that describes it",
        "copy the whole folder of Suite2p",
        (".bin",),
    ),
)


def other_of(path: Path, start: bytes) -> Other | None:
    """Return what a file is that no row of ``READERS`` recognises; None for unknown ones.

    Parameters
    ----------
    path : pathlib.Path
    start : bytes
        Its first 16 bytes.
    """
    of_content = (
        other for other in OTHERS if other.magics and start.startswith(other.magics, other.place)
    )
    return next(of_content, None) or named_like_other(path)


def named_like_other(path: Path) -> Other | None:
    """Return the kind of file that a name's ending promises."""
    name = path.name.lower()
    return next((other for other in OTHERS if other.endings and name.endswith(other.endings)), None)
