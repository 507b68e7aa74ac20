"""``WRITERS``: the formats that are exported, one row each, and what follows from the table.

A new format is a function in a file of its own and a row here. Combo boxes, dialogs, messages and
help texts follow. The table is light: a row's function is imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from napari_zstack_align.errors import InputError
from napari_zstack_align.extras import load_format


class Takes(StrEnum):
    """What can be exported, and what a row's function is called with besides ``overwrite``."""

    VOLUME = "volume"
    """The mean of each slice: a path and an `Image`."""
    MOVIE = "movie"
    """Frames, aligned or of a z-shift: a path and an `Image`."""
    TRANSFORMS = "transforms"
    """The matrix of every frame: a path and an `Alignment`."""
    ROIS = "rois"
    """A path, `Rois` and `CellOptions`."""
    TRACES = "traces"
    """A path, a sequence of `Traces` and `CellOptions`."""


@dataclass(frozen=True)
class Writer:
    """A format that can be written.

    Attributes
    ----------
    name : str
        Short name, as for ``--format``.
    title : str
        In combo boxes and dialogs.
    suffixes : tuple of str
        Endings of names that choose it, in lower case, the usual one first; '' for a folder.
    takes : tuple of Takes
        What it can hold.
    function : str
        'module:name' of what writes it; it returns a job that returns the path.
    program : str
        For which program it is, where that isn't its title; '' for many.
    makes_folder : bool
        Whether ``NAME.bin`` makes the folder ``NAME``.
    folder_marks : tuple of str
        Files by which a folder of this format is known; () where it is a file.
    holds_all : bool
        Whether one file holds all recordings; else each has one of its own.
    extra, package : str
        Extra that installs the package which it needs; '' where the base installation is enough.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    takes: tuple[Takes, ...]
    function: str
    program: str = ""
    makes_folder: bool = False
    folder_marks: tuple[str, ...] = ()
    holds_all: bool = False
    extra: str = ""
    package: str = ""

    @property
    def suffix(self) -> str:
        """The usual ending."""
        return self.suffixes[0]

    def load(self) -> Callable[..., Any]:
        """Import the function that writes this format.

        Raises
        ------
        InputError
            Where a package is missing; it names the extra.
        """
        module, _, name = self.function.partition(":")
        function: Callable[..., Any] = getattr(
            load_format(module, self.title, self.extra, self.package), name
        )
        return function

    def ending_of(self, path: Path) -> str | None:
        """Return the ending of a name that chooses this format; None where there is none."""
        name = path.name.lower()
        for suffix in self.suffixes:
            fits = name.endswith(suffix) and name != suffix if suffix else "." not in name
            if fits:
                return suffix
        return None

    def named(self, path: Path) -> Path:
        """Return a path with the usual ending where it has none of this format."""
        if self.ending_of(path) is not None or not self.suffix:
            return path
        return path.with_name(path.name + self.suffix)

    def target(self, path: Path) -> Path:
        """Return what is written, or replaced, under a name with its ending."""
        return path.with_suffix("") if self.makes_folder else path

    def marks(self, folder: Path) -> bool:
        """Whether a folder is one of this format."""
        return any((folder / name).is_file() for name in self.folder_marks)


_IMAGES = (Takes.VOLUME, Takes.MOVIE)
_WRITE = "napari_zstack_align.write"

WRITERS = (
    Writer(
        "ome-tiff",
        "OME-TIFF",
        (".ome.tif", ".tif", ".ome.tiff", ".tiff"),
        _IMAGES,
        f"{_WRITE}.ome_tiff:write_ome_tiff",
    ),
    Writer(
        "fiji",
        "TIFF for Fiji, 16 bit",
        (".fiji.tif",),
        _IMAGES,
        f"{_WRITE}.fiji:write_fiji",
        program="Fiji",
    ),
    Writer(
        "ome-zarr",
        "OME-Zarr",
        (".ome.zarr", ".zarr"),
        _IMAGES,
        f"{_WRITE}.ome_zarr:write_ome_zarr",
        folder_marks=("zarr.json", ".zgroup", ".zarray"),
    ),
    Writer(
        "hdf5",
        "HDF5",
        (".h5", ".hdf5"),
        (Takes.MOVIE,),
        f"{_WRITE}.hdf5:write_hdf5",
        program="Caiman",
        extra="hdf5",
        package="h5py",
    ),
    Writer(
        "suite2p-binary",
        "Suite2p binary",
        (".bin",),
        (Takes.MOVIE,),
        f"{_WRITE}.suite2p:write_suite2p",
        program="Suite2p",
        makes_folder=True,
        folder_marks=("data.bin",),
    ),
    Writer(
        "csv",
        "Table of matrices",
        (".csv",),
        (Takes.TRANSFORMS,),
        f"{_WRITE}.transforms:write_matrices_csv",
    ),
    Writer(
        "npy",
        "NumPy array of matrices",
        (".npy",),
        (Takes.TRANSFORMS,),
        f"{_WRITE}.transforms:write_matrices_npy",
    ),
    Writer(
        "tidy",
        "CSV, one row per ROI and frame",
        (".csv",),
        (Takes.TRACES,),
        f"{_WRITE}.cells.tidy_csv:write_tidy_csv",
        holds_all=True,
    ),
    Writer(
        "wide",
        "CSV, one row per frame",
        (".csv",),
        (Takes.TRACES,),
        f"{_WRITE}.cells.wide_csv:write_wide_csv",
        holds_all=True,
    ),
    Writer(
        "summary",
        "CSV, one row per ROI",
        (".csv",),
        (Takes.TRACES,),
        f"{_WRITE}.cells.summary_csv:write_summary_csv",
        holds_all=True,
    ),
    Writer("npz", "NumPy", (".npz",), (Takes.TRACES,), f"{_WRITE}.cells.npz:write_traces_npz"),
    Writer(
        "suite2p",
        "Suite2p folder",
        ("",),
        (Takes.TRACES,),
        f"{_WRITE}.cells.suite2p:write_suite2p_folder",
        program="Suite2p",
        folder_marks=("stat.npy",),
    ),
    Writer(
        "nwb",
        "NWB",
        (".nwb",),
        (Takes.TRACES,),
        f"{_WRITE}.cells.nwb:write_nwb",
        extra="nwb",
        package="pynwb",
    ),
    Writer(
        "imagej",
        "ROIs for ImageJ",
        (".zip",),
        (Takes.ROIS,),
        f"{_WRITE}.cells.imagej:write_imagej",
        program="ImageJ",
        extra="imagej",
        package="roifile",
    ),
    Writer(
        "csv", "ROIs as CSV", (".csv",), (Takes.ROIS,), f"{_WRITE}.cells.roi_csv:write_rois_csv"
    ),
    Writer("npz", "ROIs as NumPy", (".npz",), (Takes.ROIS,), f"{_WRITE}.cells.npz:write_rois_npz"),
    Writer(
        "labels",
        "ROIs as image of labels",
        (".ome.tif", ".tif", ".ome.tiff", ".tiff"),
        (Takes.ROIS,),
        f"{_WRITE}.cells.labels:write_labels",
    ),
)
"""The longest ending of a name chooses; of several rows with one ending, the first."""


def writers_of(*takes: Takes) -> tuple[Writer, ...]:
    """Return the formats that can hold any of these."""
    return tuple(writer for writer in WRITERS if set(takes) & set(writer.takes))


def names_of(*takes: Takes) -> tuple[str, ...]:
    """Return the short names of these formats, each once."""
    return tuple(dict.fromkeys(writer.name for writer in writers_of(*takes)))


def roi_table() -> Writer:
    """Return the table of ROIs, the format that `load_rois` reads."""
    return next(writer for writer in writers_of(Takes.ROIS) if writer.name == "csv")


def choose_writer(path: Path, *takes: Takes, name: str | None = None) -> Writer:
    """Return the format that a name's ending chooses, or that is asked for.

    Parameters
    ----------
    path : pathlib.Path
        What is to be written.
    *takes : Takes
        What is to be exported.
    name : str, optional
        Short name of the format; the ending must be one of its own, but a folder may have any.

    Raises
    ------
    InputError
        Where there is no such format, or the ending chooses none.
    """
    if path.name in ("", ".."):
        raise InputError(f"'{path}' is no name for a file or folder: give one.")
    known = writers_of(*takes)
    if name is not None:
        if name not in names_of(*takes):
            raise InputError(
                f"The format must be one of {', '.join(names_of(*takes))}, not {name!r}."
            )
        known = tuple(writer for writer in known if writer.name == name)
    if (chosen := by_ending(path, known)) is not None:
        return chosen
    if name is not None and not known[0].suffix:
        return known[0]
    raise InputError(f"{path} must {_endings(known)}, which chooses the format.")


def by_ending(path: Path, writers: Sequence[Writer]) -> Writer | None:
    """Return the format whose ending fits most of a name; None where none does."""
    endings = [writer.ending_of(path) for writer in writers]
    fitting = [k for k, ending in enumerate(endings) if ending is not None]
    # '.fiji.tif' is more than '.tif'; of several alike, the first.
    return writers[max(fitting, key=lambda k: len(endings[k] or ""))] if fitting else None


def target_named(path: Path) -> Path:
    """Return what an export under a name writes, whatever it is of: ``NAME.bin`` is a folder."""
    chosen = by_ending(path, WRITERS)
    return path if chosen is None else chosen.target(path)


def endings_in_words(*takes: Takes) -> str:
    """Return the endings of these formats with the programs they are for, for help texts."""
    rows = writers_of(*takes)
    programs = {suffix: row.program for row in reversed(rows) for suffix in row.suffixes}
    words = [
        f"{suffix} ({programs[suffix]})" if programs[suffix] and suffix == row.suffix else suffix
        for row in rows
        for suffix in row.suffixes
        if suffix
    ]
    folders = [f" or is a folder ({row.program})" for row in rows if "" in row.suffixes]
    return f"ends in {_either(dict.fromkeys(words))}{''.join(folders)}"


def _endings(known: tuple[Writer, ...]) -> str:
    endings = dict.fromkeys(suffix for writer in known for suffix in writer.suffixes if suffix)
    folder = any("" in writer.suffixes for writer in known)
    if not endings:
        return "have no ending (a folder)"
    return f"end in {_either(endings)}{', or be a folder without ending' if folder else ''}"


def _either(words: dict[str, Any]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
