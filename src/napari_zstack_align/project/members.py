"""The members of a project: each is an ordinary saved result under a name of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile

from napari_zstack_align.alignment.storage import load_alignment
from napari_zstack_align.alignment.tables import npy_content
from napari_zstack_align.cells import load_rois
from napari_zstack_align.cells.roi_table import rois_bytes
from napari_zstack_align.cells.traces import load_traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.project.facts import Item
from napari_zstack_align.project.project import NamedMask
from napari_zstack_align.remark import Remark
from napari_zstack_align.saved import UnfitContent, read_npy, read_tiff
from napari_zstack_align.saved.disk import Content, remove_if_possible, write_new
from napari_zstack_align.saved.facts import FileFacts, damaged
from napari_zstack_align.saved.generation import before_in, remove_left_over, remove_result
from napari_zstack_align.saved.names import GENERATION, new_generation, of_generation
from napari_zstack_align.zshift import load_zshift

TIMES = "times.npy"
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "masks": "mask.tif",
        "runs": "alignment.zalign",
        "rois": "rois.csv",
        "traces": "traces",
        "zshifts": "zshift.zalign",
    }
)
"""Name of the members of each section, without the generation."""


def _patterns() -> re.Pattern[str]:
    names = (name.partition(".") for name in (*_NAMES.values(), TIMES))
    each = (f"{stem}-{GENERATION}{re.escape(dot + end)}" for stem, dot, end in names)
    return re.compile("|".join(each))


_MEMBER = _patterns()


def is_member(path: Path) -> bool:
    """Whether a project gives its members such names."""
    return _MEMBER.fullmatch(path.name) is not None


def write_member(folder: Path, section: str, value: Any) -> FileFacts:
    """Write a value of a section under a name that nothing has; return its place in the folder."""
    path = _new_path(folder, _NAMES[section])
    if section == "masks":
        return write_new(path, _mask_content(value.labels))
    if section == "rois":
        return write_new(path, rois_bytes(value))
    value.save(path)
    return FileFacts(name=path.name)


def write_times(folder: Path, times: npt.NDArray[np.float64]) -> FileFacts:
    """Write the times of frames."""
    return write_new(_new_path(folder, TIMES), npy_content(times))


def remove_member(path: Path) -> None:
    """Remove a member that no project lists; what the user put into its folder stays."""
    if not path.is_dir():
        remove_if_possible(path)
    elif not path.is_symlink():
        manifest = before_in(path)
        if manifest is None:
            remove_left_over(path)
        else:
            remove_result(path, manifest.mark)


@dataclass(frozen=True)
class Read:
    """A member that was read.

    Attributes
    ----------
    value : object
    remark : Remark, optional
        Where it isn't as it was written.
    """

    value: Any
    remark: Remark | None = None


def read_member(folder: Path, section: str, item: Item, member: FileFacts) -> Read:
    """Read a member of a section; InputError where it can't be read."""
    path = folder / member.name
    if section == "masks":
        check_unchanged(path, member)
        return Read(_read_mask(path, item))
    if section == "rois":
        return Read(load_rois(path), _remark_on_table(path, member))
    loads: Mapping[str, Callable[[Path], Any]] = {
        "runs": load_alignment,
        "traces": load_traces,
        "zshifts": load_zshift,
    }
    return Read(loads[section](path))


def read_times(folder: Path, member: FileFacts, n_frames: int) -> npt.NDArray[np.float64]:
    """Read the times of frames; InputError where they can't be read."""
    path = folder / member.name
    check_unchanged(path, member)
    times = _parsed(path, partial(read_npy, path))
    if times.shape != (n_frames,) or times.dtype.kind != "f":
        raise damaged(path, f"it doesn't hold the times of {n_frames} frames")
    return times.astype(np.float64)


def check_unchanged(path: Path, member: FileFacts) -> None:
    """Raise InputError where a file is missing, or isn't the one that was written."""
    if not path.is_file():
        raise InputError(f"{path} is missing: restore the file from a copy.")
    if not _is_as_written(path, member):
        raise damaged(path, "its content has changed since it was written")


def digest_of(mask: NamedMask) -> str:
    """Digest of the pixels of a mask: one that was painted on is another one."""
    labels = np.ascontiguousarray(mask.labels)
    digest = hashlib.sha256(f"{labels.dtype.str} {labels.shape}".encode())
    digest.update(labels.data)
    return digest.hexdigest()


def _new_path(folder: Path, name: str) -> Path:
    taken = {generation for generation in map(_generation_in, folder.iterdir()) if generation}
    return folder / of_generation(name, new_generation(taken))


def _generation_in(path: Path) -> str:
    return path.name.partition("-")[2].partition(".")[0] if is_member(path) else ""


def _mask_content(labels: npt.NDArray[Any]) -> Content:
    pixels = labels.astype(np.uint8) if labels.dtype == np.dtype(bool) else labels

    def write(file: BinaryIO) -> None:
        tifffile.imwrite(file, pixels, photometric="minisblack", compression="zlib")

    return write


def _read_mask(path: Path, item: Item) -> npt.NDArray[Any]:
    pixels = _parsed(path, partial(read_tiff, path))
    try:
        return pixels.astype(np.dtype(item.facts["dtype"])).reshape(item.facts["shape"])
    except (LookupError, TypeError, ValueError) as error:
        raise damaged(path, str(error)) from None


def _parsed(path: Path, read: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    try:
        return read()
    except (UnfitContent, OSError) as error:
        raise damaged(path, str(error)) from error


def _remark_on_table(path: Path, member: FileFacts) -> Remark | None:
    """Warn where a table of ROIs was edited, or cut off: it may be read all the same."""
    if _is_as_written(path, member):
        return None
    return Remark(f"{path} has changed since the project was saved: check its ROIs.")


def _is_as_written(path: Path, member: FileFacts) -> bool:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return False
    return digest == member.sha256
