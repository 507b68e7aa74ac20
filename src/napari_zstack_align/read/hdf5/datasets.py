"""HDF5 files and the datasets in them: opened for each read, and closed again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._damage import ANY_DAMAGE, damage
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._quiet import shortened
from napari_zstack_align.read._raw_source import RawSource, ScatteredSource, SidewaysSource
from napari_zstack_align.read._units import number
from napari_zstack_align.remark import Remark, as_warnings
from napari_zstack_align.sources import ArraySource, FrameSource

OPEN_ELSEWHERE = ("unable to lock file", "already open for write", "file is already open")
T = TypeVar("T")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for the length of a block.

    Raises
    ------
    InputError
        Where it can't be read, is cut off, or another program writes it.
    """
    with readable(path):
        path.stat()
    with damage(ANY_DAMAGE, partial(unreadable, path)):
        file = h5py.File(path, "r")
    with file:
        yield file


def asked(path: Path, ask: Callable[[], T]) -> T:
    """Return what h5py answers; damage is one sentence. ``ask`` runs nothing but its code."""
    with damage(ANY_DAMAGE, partial(unreadable, path)):
        return ask()


def unreadable(path: Path, error: Exception) -> InputError:
    """Make the error for a file that HDF5 refuses."""
    text = str(error)
    if "truncated file" in text:
        return InputError(
            f"{path} is truncated: it ends before its data do; copy it again from where it was "
            f"recorded."
        )
    if any(words in text for words in OPEN_ELSEWHERE):
        return InputError(f"{path} is being written by another program: open it when it is done.")
    why = shortened(text)
    return InputError(f"{path} can't be read as HDF5 ({why}): it may be damaged, copy it again.")


def attributes(node: Any, path: Path) -> dict[str, Any]:
    """Return the attributes of a file, group or dataset, without those that can't be read."""
    names = asked(path, lambda: list(node.attrs))
    found = {str(name): attribute(node, name, path) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def attribute(node: Any, name: str, path: Path) -> Any:
    """Return one attribute; None where it isn't there, or can't be read."""
    try:
        return asked(path, lambda: node.attrs.get(name))
    except InputError:
        return None  # of an unknown type: what it would say counts as unknown


def text_of(value: Any) -> str:
    """Return a text, as bytes or as str, in an array of one too; '' for anything else."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def numbers_of(value: Any) -> tuple[float, ...]:
    """Return one or several numbers as a tuple; empty for anything else."""
    if not isinstance(value, int | float | np.number | np.ndarray | list | tuple):
        return ()
    try:
        return tuple(float(each) for each in np.ravel(value)[:16])
    except (TypeError, ValueError):
        return ()


def number_of(value: Any) -> float | None:
    """Return one number, as a text too, other than 0, which means 'not set'."""
    numbers = numbers_of(value)
    return number(numbers[0]) if len(numbers) == 1 else number(text_of(value))


class H5Array:
    """A dataset that is read like an array; its file is open during a read alone.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    dataset : h5py.Dataset
        Open now: its name, shape and type are kept.
    """

    def __init__(self, path: Path, dataset: Any) -> None:
        self._path = path
        self._name = str(dataset.name)
        self.shape: tuple[int, ...] = tuple(map(int, dataset.shape))
        self._stored: np.dtype[Any] = dataset.dtype
        self.dtype = self._stored.newbyteorder("=")

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        with opened(self._path) as file:
            dataset = asked(self._path, lambda: file[self._name])
            shape = getattr(dataset, "shape", None)
            if shape != self.shape or dataset.dtype != self._stored:
                raise InputError(f"{self._path} has changed since it was opened: open it again.")
            block = asked(self._path, lambda: dataset[index])
        return np.asarray(block).astype(self.dtype, copy=False)


def source_of(dataset: Any, axes: str, path: Path) -> FrameSource:
    """Return the frames of a dataset that is open now.

    What isn't packed is read past HDF5, which takes six times as long, and one thread at a time.

    Parameters
    ----------
    dataset : h5py.Dataset
    axes : str
        One letter a dimension.
    path : pathlib.Path
    """
    _check_parts(dataset, path)
    if axes == "TXY":
        return SidewaysSource(source_of(dataset, "TYX", path))
    frame_ndim = 3 if axes.endswith("CYX") else 2
    planes = axes[: len(axes) - frame_ndim]
    if not axes.endswith("YX") or "C" in planes or dataset.shape[-2:].count(0):
        return ArraySource(H5Array(path, dataset), axes)
    frame = (1, *dataset.shape)[-3:] if frame_ndim == 3 else (1, *dataset.shape[-2:])
    offsets = asked(path, lambda: _offsets(dataset, frame_ndim))
    if offsets is None:
        return ArraySource(H5Array(path, dataset), axes)
    n_frames = prod(dataset.shape[: len(planes)])
    if isinstance(offsets, int):
        return RawSource(path, offsets, dataset.dtype, (n_frames, *frame))
    return ScatteredSource(path, offsets, dataset.dtype, frame)


def _offsets(dataset: Any, frame_ndim: int) -> int | npt.NDArray[np.int64] | None:
    """Where the first frame begins, or each of them; None where HDF5 has to unpack them."""
    is_plain = dataset.dtype.kind in "uif" and not dataset.is_virtual and not dataset.external
    if not is_plain or dataset.file.userblock_size or dataset.id.get_create_plist().get_nfilters():
        return None
    if dataset.chunks is None:
        offset = dataset.id.get_offset()  # None for a compact one, and for one never written
        return None if offset is None else int(offset)
    planes, frame = dataset.shape[:-frame_ndim], dataset.shape[-frame_ndim:]
    if dataset.chunks != (*(1,) * len(planes), *frame):
        return None
    found: list[tuple[int, int]] = []
    dataset.id.chunk_iter(lambda chunk: found.append((_place(chunk, planes), chunk.byte_offset)))
    offsets = np.full(prod(planes), -1, np.int64)
    if found:
        places, at = np.array(found, np.int64).T
        offsets[places] = at
    return None if (offsets < 0).any() else offsets  # what was never written is filled by HDF5


def _place(chunk: Any, planes: tuple[int, ...]) -> int:
    place = 0
    for index, size in zip(chunk.chunk_offset, planes, strict=False):
        place = place * size + index
    return place


def _check_parts(dataset: Any, path: Path) -> None:
    """Raise InputError where frames stand in other files that are gone: HDF5 reads zeros then."""
    elsewhere: list[str] = []
    if asked(path, lambda: dataset.is_virtual):
        elsewhere += [str(s.file_name) for s in asked(path, dataset.virtual_sources)]
    elsewhere += [str(part[0]) for part in asked(path, lambda: dataset.external) or ()]
    for name in dict.fromkeys(elsewhere):
        if name != "." and not os.path.isfile(path.parent / name):
            raise InputError(
                f"{path} refers to {name}, which isn't there: copy the files that belong to it "
                f"into the same folder."
            )


def unwritten(dataset: Any, path: Path) -> tuple[Remark, ...]:
    """Warn of pieces that were never written: HDF5 reads them as zeros.

    A microscope that stops leaves them in a dataset that was made at full size.
    """
    lacking, total = _n_unwritten(dataset, path)
    if lacking <= 0:
        return ()
    part = "All frames" if lacking == total else f"{lacking:,} of {counted(total, 'piece')}"
    return as_warnings(
        f"{part} of '{dataset.name.lstrip('/')}' {were(lacking)} never written and read as 0: "
        f"the recording was probably broken off."
    )


def _n_unwritten(dataset: Any, path: Path) -> tuple[int, int]:
    """Pieces that were never written, and all."""
    if asked(path, lambda: dataset.is_virtual or dataset.external):
        return 0, 0
    chunks = asked(path, lambda: dataset.chunks)
    if chunks is None:
        return int(asked(path, dataset.id.get_storage_size) == 0), 1
    total = prod(-(-n // c) for n, c in zip(dataset.shape, chunks, strict=True))
    return total - asked(path, dataset.id.get_num_chunks), total
