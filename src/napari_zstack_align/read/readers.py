"""``READERS``: the formats that can be opened, one row each, and what follows from the table.

A new format is a module with a `FORMAT` and a row here. Dialogs, drag and drop, messages, help
texts and the patterns of napari's manifest follow. The table is light: what a row opens with is
imported when the first file of its format is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from napari_zstack_align.extras import load_format

if TYPE_CHECKING:
    from napari_zstack_align.read._format import Format

HDF5 = b"\x89HDF\r\n\x1a\n"

Recogniser: TypeAlias = Callable[[Path, bytes], bool]
"""Whether a path is of a format, from the path and its first 16 bytes (none of a folder)."""


def starts_with(*magics: bytes) -> Recogniser:
    """Recognise files by their first bytes."""
    return lambda _, start: start.startswith(magics)


def named(suffix: str, *magics: bytes) -> Recogniser:
    """Recognise files by the ending of their name and their first bytes."""
    return lambda path, start: path.suffix.lower() == suffix and start.startswith(magics)


def folder_of_bruker(path: Path, start: bytes) -> bool:
    """Recognise folders of Prairie View by its XML, or by the names of the images in them."""
    if start or not path.is_dir():
        return False
    from napari_zstack_align.read.bruker.names import is_bruker

    return is_bruker(path)


def beside(companion: str, suffix: str, *frames: str) -> Recogniser:
    """Recognise raw files by a file beside them that describes them, and folders of both.

    Parameters
    ----------
    companion : str
        Name of the file that describes them.
    suffix : str
        Ending of the raw files.
    *frames : str
        Patterns of the names of raw files, one of which makes a folder a recording.
    """

    def recognises(path: Path, start: bytes) -> bool:
        if start:
            return path.suffix.lower() == suffix and (path.parent / companion).is_file()
        return (path / companion).is_file() and any(any(path.glob(each)) for each in frames)

    return recognises


def named_alike(suffix: str, companion: str) -> Recogniser:
    """Recognise files by a file of the same name and another ending that describes them."""

    def recognises(path: Path, start: bytes) -> bool:
        is_such = bool(start) and path.suffix.lower() == suffix
        return is_such and path.with_suffix(companion).is_file()

    return recognises


def of_ndtiff(path: Path, start: bytes) -> bool:
    """Recognise folders of NDTiff by their index, and the TIFF files beside it."""
    if start:
        is_named = path.stem.rstrip("0123456789_").endswith("NDTiffStack")
        return is_named and (path.parent / "NDTiff.index").is_file()
    return (path / "NDTiff.index").is_file()


def is_tiff(path: Path, start: bytes) -> bool:
    """Recognise TIFF files but those of which an index says what their pages are."""
    return start.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")) and not of_ndtiff(path, start)


def folder_with(*marks: str) -> Recogniser:
    """Recognise folders by a file in them."""
    return lambda path, start: not start and any((path / mark).is_file() for mark in marks)


@dataclass(frozen=True)
class Reader:
    """A format that can be opened.

    Attributes
    ----------
    name : str
        Short name.
    title : str
        As people call it.
    suffixes : tuple of str
        Usual endings of names, in lower case; a file is recognised by its content.
    recognises : callable
        Whether a path is of this format. The first row that says so opens it.
    gives : str
        What its files say besides the frames.
    module : str
        Module in this package whose ``FORMAT`` opens it.
    is_folder : bool
        Whether a folder is one recording or z-stack.
    is_file : bool
        Whether a file is one.
    describes_others : bool
        Whether such a file holds no pixels, but says what the images beside it are.
    is_often_a_table : bool
        Whether such files beside images of another format are left out of a list of recordings.
    stands_alone : bool
        Whether such files beside images of another format are left out of the stack that their
        folder makes: they are results of an analysis more often than a part of it.
    extra, package : str
        Extra that installs the package which it needs; '' where the base installation is enough.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognises: Recogniser
    gives: str
    module: str
    is_folder: bool = False
    is_file: bool = True
    describes_others: bool = False
    is_often_a_table: bool = False
    stands_alone: bool = False
    extra: str = ""
    package: str = ""

    def load(self) -> Format:
        """Import what opens this format.

        Raises
        ------
        InputError
            Where a package is missing; it names the extra.
        """
        module = load_format(self.module, self.title, self.extra, self.package)
        opens: Format = module.FORMAT
        return opens


READERS = (
    Reader(
        name="tiff",
        title="TIFF",
        suffixes=(".tif", ".tiff", ".btf", ".tf2", ".tf8"),
        recognises=is_tiff,
        gives="pixel size, z-step, times, channels and repeats, as OME, ImageJ and ScanImage do",
        module="napari_zstack_align.read.tiff.files",
    ),
    Reader(
        name="ome-companion",
        title="OME companion file",
        suffixes=(".companion.ome",),
        recognises=lambda path, start: bool(start) and path.name.lower().endswith(".companion.ome"),
        gives="as OME-TIFF: which TIFF file beside it holds which frame",
        module="napari_zstack_align.read.tiff.companion",
        describes_others=True,
    ),
    Reader(
        name="npy",
        title="NumPy",
        suffixes=(".npy",),
        recognises=starts_with(b"\x93NUMPY"),
        gives="nothing else",
        module="napari_zstack_align.read._npy",
        is_often_a_table=True,
    ),
    Reader(
        name="zarr",
        title="Zarr",
        suffixes=(".zarr",),
        recognises=folder_with("zarr.json", ".zarray", ".zgroup"),
        gives="pixel size, z-step, times and channels of an OME-Zarr",
        module="napari_zstack_align.read._zarr",
        is_folder=True,
        is_file=False,
    ),
    Reader(
        name="bruker",
        title="Bruker",
        suffixes=(),
        recognises=folder_of_bruker,
        gives="volumes, channels, pixel size, z-step, depths, times and start from Prairie's XML",
        module="napari_zstack_align.read.bruker.folder",
        is_folder=True,
        is_file=False,
    ),
    Reader(
        name="ndtiff",
        title="NDTiff",
        suffixes=(),
        recognises=of_ndtiff,
        gives="times, slices, channels, positions, pixel size and z-step, as NDTiff.index says",
        module="napari_zstack_align.read._ndtiff",
        is_folder=True,
        is_file=False,
    ),
    Reader(
        name="czi",
        title="Zeiss CZI",
        suffixes=(".czi",),
        recognises=starts_with(b"ZISRAWFILE"),
        gives="volumes, channels, scenes, pixel size and z-step",
        module="napari_zstack_align.read._czi",
    ),
    Reader(
        name="nwb",
        title="NWB",
        suffixes=(".nwb",),
        recognises=named(".nwb", HDF5),
        gives="pixel size, z-step, times, start and channel of an imaging series",
        module="napari_zstack_align.read.hdf5.nwb",
        is_often_a_table=True,
        stands_alone=True,
        extra="hdf5",
        package="h5py",
    ),
    Reader(
        name="femtonics",
        title="Femtonics",
        suffixes=(".mesc",),
        recognises=named(".mesc", HDF5),
        gives="pixel size, z-step or frame rate, channels and start of a measurement",
        module="napari_zstack_align.read.hdf5.femtonics",
        extra="hdf5",
        package="h5py",
    ),
    Reader(
        name="hdf5",
        title="HDF5",
        suffixes=(".h5", ".hdf5"),
        recognises=starts_with(HDF5),
        gives="pixel size, z-step, frame rate, channels and axes, where attributes name them",
        module="napari_zstack_align.read.hdf5.files",
        is_often_a_table=True,
        stands_alone=True,
        extra="hdf5",
        package="h5py",
    ),
    Reader(
        name="suite2p",
        title="Suite2p binary",
        suffixes=(".bin",),
        recognises=beside("ops.npy", ".bin", "data.bin", "data_raw.bin"),
        gives="frame rate and channels, as ops.npy says",
        module="napari_zstack_align.read.suite2p.binary",
        is_folder=True,
        is_often_a_table=True,
        stands_alone=True,
    ),
    Reader(
        name="thor",
        title="ThorImage",
        suffixes=(".raw",),
        recognises=beside("Experiment.xml", ".raw", "Image*.raw"),
        gives="pixel size, z-step, times, start, channels and planes, as Experiment.xml says",
        module="napari_zstack_align.read._thor",
        is_folder=True,
        stands_alone=True,
    ),
    Reader(
        name="scanbox",
        title="Scanbox",
        suffixes=(".sbx",),
        recognises=named_alike(".sbx", ".mat"),
        gives="frame rate, channels and slices of the optotune, as the .mat says",
        module="napari_zstack_align.read._scanbox",
    ),
    Reader(
        name="inscopix",
        title="Inscopix",
        suffixes=(".isxd",),
        recognises=lambda path, start: bool(start) and path.suffix.lower() == ".isxd",
        gives="frame rate, start and dropped frames",
        module="napari_zstack_align.read._inscopix",
    ),
)


def folder_reader(path: Path) -> Reader | None:
    """Return the format of which a folder is one recording or z-stack; None for other folders."""
    folders = (reader for reader in READERS if reader.is_folder) if path.is_dir() else ()
    return next((reader for reader in folders if reader.recognises(path, b"")), None)


def named_like_image(path: Path) -> Reader | None:
    """Return the format that a name's ending promises; None for others and hidden files."""
    name = path.name.lower()
    if name.startswith("."):
        return None
    return next((reader for reader in READERS if name.endswith(reader.suffixes)), None)


def file_suffixes() -> tuple[str, ...]:
    """Endings of the formats of which a file is one recording or z-stack."""
    return tuple(s for reader in READERS if reader.is_file for s in reader.suffixes)


def known_formats() -> str:
    """Return all formats in words, such as 'TIFF, NumPy or Zarr'."""
    return _either(tuple(reader.title for reader in READERS))


def file_formats() -> str:
    """Return the formats of files in words, such as 'TIFF or NumPy'."""
    return _either(tuple(reader.title for reader in READERS if reader.is_file))


def folder_formats() -> str:
    """Return the formats of which a folder is one recording in words, such as 'Zarr'."""
    return _either(tuple(reader.title for reader in READERS if reader.is_folder))


def formats_with_endings() -> str:
    """Return all formats with their endings, for messages."""
    named = (
        f"{reader.title} ({', '.join(reader.suffixes)})" if reader.suffixes else reader.title
        for reader in READERS
    )
    return _either(tuple(named))


def without_ending(name: str) -> str:
    """Return a file's name without the ending of its format, and without '.ome'."""
    endings = [ending for reader in READERS for ending in reader.suffixes]
    for ending in (*endings, ".ome"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name


def _either(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
