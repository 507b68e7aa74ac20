"""The files of an alignment, a folder ``NAME.zalign`` that other programs can read.

``run.json`` (parameters, provenance, raw files, state) lists the others by their roles:
``transforms`` (.npz), ``quality`` (.csv), ``reference`` (.tif) and, where there are any, ``chunks``
(.csv), ``mask`` (.tif), ``artefacts`` (.tif), ``artefact_rows`` (.csv), ``frame_times`` (.csv) and
``frame_digests`` (.npy).
Nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile
from pydantic import FiniteFloat

from napari_zstack_align import params as models
from napari_zstack_align import saved
from napari_zstack_align.acquisition import COLUMNS, RAW_FRAME
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.artefact_rows import ROWS, fault_of_rows
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.fill import Fill, FillSource
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.raw_frames import (
    DIGESTS,
    MissingSource,
    StackAndInputs,
    check_stack,
    find_stack,
    raw_facts,
    read_digests,
    subject_of,
)
from napari_zstack_align.alignment.tables import (
    Table,
    npy_content,
    read_table,
    read_transforms,
    table_bytes,
    write_transforms,
)
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import (
    Content,
    Kind,
    Part,
    Reading,
    Result,
    read_tiff,
)
from napari_zstack_align.stack import Stack

TIMES = np.dtype([("frame", np.int32), *COLUMNS])


def save_alignment(alignment: Alignment, folder: str | Path, overwrite: bool = True) -> Path:
    """Write an alignment; see `Alignment.save`."""
    target = saved.target_of(folder, Kind.ALIGNMENT)
    check = partial(_check_reference, alignment)
    written = saved.save(result_of(alignment, target), target, overwrite, check)
    if alignment.complete:
        saved.discard_journal(written, alignment.provenance.get("journal", ""))
    return written


def result_of(alignment: Alignment, folder: Path) -> Result:
    """Return what is written of an alignment to a folder.

    Raises
    ------
    InputError
        For parameters of a model that isn't listed: nobody could load them.
    """
    stack, params = alignment.stack, alignment.params
    if type(params) not in _models():
        raise InputError(
            f"{type(params).__name__} is no parameter model that can be read back: list it in "
            f"MODELS (params/__init__.py)."
        )
    done = int(np.count_nonzero(alignment.placed)) - alignment.n_unreadable
    if not alignment.complete:  # by its last stage, though each frame has a transform
        done = min(done, stack.n_frames - 1)
    return Result(
        Kind.ALIGNMENT,
        subject_of(stack, done),
        alignment.provenance,
        _files(alignment),
        {
            "params": {"model": type(params).__name__, "values": params.model_dump(mode="json")},
            **raw_facts(stack, folder, alignment.frame_digests),
            "outside": _outside(alignment),
        },
    )


def load_alignment(folder: str | Path, stack: Stack | None = None) -> Alignment:
    """Read one alignment, ``NAME.zalign``; see `session.load_saved` for sessions too.

    Parameters
    ----------
    folder : str or pathlib.Path
        ``NAME.zalign``.
    stack : Stack, optional
        The raw frames; by default they are opened from where they were. Where they are gone, the
        transforms and the quality table can be used all the same, and asking for pixels says
        what is missing.

    Returns
    -------
    Alignment

    Raises
    ------
    InputError
        Where the folder is no alignment, is damaged, or ``stack`` is not the one that was aligned.
    """
    return saved.read_result(folder, Kind.ALIGNMENT, partial(read_alignment, stack=stack))


@dataclass(frozen=True, eq=False)
class Made:
    """How an alignment was made, and came out: what is known without its transforms and frames.

    Attributes
    ----------
    params : Params
    quality : numpy.ndarray
        As of `Alignment`.
    mask : numpy.ndarray, optional
        (Y, X) float32 weights; None for everywhere.
    pixel_size_um : tuple of float, optional
    frame_times_s : numpy.ndarray, optional
        (T,) float64.
    frame_numbers : numpy.ndarray
        (T,) numbers of its frames in the files, those of other planes and of flyback counted.
    said : dict
        What was said at opening of its files, as arguments of `open_stack`.
    """

    params: models.Params
    quality: Table
    mask: npt.NDArray[Any] | None
    pixel_size_um: tuple[float, float] | None
    frame_times_s: npt.NDArray[np.float64] | None
    frame_numbers: npt.NDArray[np.intp]
    said: Mapping[str, Any] = field(default_factory=dict)


def read_made(folder: str | Path) -> Made:
    """Read how an alignment was made; errors are those of `load_alignment`."""
    return saved.read_result(folder, Kind.ALIGNMENT, _read_made)


def _read_made(reading: Reading) -> Made:
    times = _optional(reading, "frame_times", partial(read_table, empty=_empty_times))
    stack = reading.facts(StackAndInputs).stack
    numbers = np.arange(stack.shape[0]) if times is None else times[RAW_FRAME].astype(np.intp)
    return Made(
        _read_params(reading),
        reading.file("quality", partial(read_table, empty=_empty_quality)),
        _optional(reading, "mask", read_tiff),
        stack.pixel_size_um,
        None if times is None or np.isnan(times["time_s"]).all() else times["time_s"],
        numbers,
        stack.said,
    )


def read_alignment(reading: Reading, stack: Stack | None = None) -> Alignment:
    """Make an alignment of its files, after checking that they belong together."""
    raw = reading.facts(StackAndInputs)
    params = _read_params(reading)
    n_frames = raw.stack.shape[0]
    transforms = reading.file("transforms", partial(read_transforms, n_frames=n_frames))
    quality = reading.file("quality", partial(read_table, empty=_empty_quality))
    chunks = _optional(reading, "chunks", partial(read_table, empty=_empty_chunks))
    times = _optional(reading, "frame_times", partial(read_table, empty=_empty_times))
    reference = _read_reference(reading)
    mask = _optional(reading, "mask", read_tiff)
    artefacts = _optional(reading, "artefacts", read_tiff)
    artefact_rows = _optional(reading, "artefact_rows", partial(read_table, empty=_no_rows))
    check_rows(reading, "quality", quality["frame"], n_frames)
    if times is not None:
        check_rows(reading, "frame_times", times["frame"], n_frames)
    if chunks is not None:
        check_rows(reading, "chunks", chunks["chunk"], len(chunks))
        if not np.isfinite(chunks["matrix"]).all():
            raise reading.refused("chunks", "a matrix holds numbers that aren't finite")
    for role, image in (("reference", reference), ("mask", mask)):
        if image is not None and image.shape != transforms.shape:
            raise reading.refused(
                role, f"its shape is {image.shape}, but the transforms are for {transforms.shape}"
            )
    if artefacts is not None and artefacts.shape != raw.stack.shape[2:]:
        raise reading.refused(
            "artefacts",
            f"its shape is {artefacts.shape}, but the raw frames are {raw.stack.shape[2:]}",
        )
    if artefact_rows is not None and (
        fault := fault_of_rows(artefact_rows, n_frames, raw.stack.shape[2])
    ):
        raise reading.refused("artefact_rows", fault)
    seen = read_digests(reading, raw)
    if stack is None:
        stack = find_stack(reading.folder, raw, seen)
    else:
        stack = check_stack(stack, raw.stack, seen)
    if times is not None:
        stack = _with_times(stack, times)
    return Alignment(
        stack,
        transforms,
        reference,
        quality,
        params,
        mask,
        reading.provenance,
        chunks,
        seen,
        _read_fill(reading, stack),
        None if artefacts is None else artefacts != 0,
        artefact_rows,
    )


def check_rows(reading: Reading, role: str, numbers: npt.NDArray[np.integer], n_rows: int) -> None:
    """Raise InputError where the rows of a table aren't those of 0 to n - 1, in order."""
    if not np.array_equal(numbers, np.arange(n_rows)):
        raise reading.refused(
            role,
            f"its rows must be numbered from 0 to {n_rows - 1}, in order; it has {len(numbers)}",
        )


def _check_reference(alignment: Alignment, folder: Path) -> None:
    """Raise InputError where a session would get a recording with another reference."""
    session = saved.session_of(folder)
    if session is None:
        return
    members = (session.folder / member.folder for member in session.members)
    reference = _reference_in_first(each for each in members if each.resolve() != folder.resolve())
    if reference is not None and not np.array_equal(reference, alignment.reference, equal_nan=True):
        raise InputError(
            f"{folder} belongs to {session.folder}, whose recordings are in the coordinates of "
            f"another reference: choose another name, or register them together again."
        )


def _reference_in_first(folders: Iterable[Path]) -> npt.NDArray[np.float32] | None:
    """Read the reference of the first alignment that is intact; None where none is."""
    for folder in folders:
        with suppress(InputError):  # loading the session says what is damaged
            return saved.read_result(folder, Kind.ALIGNMENT, _read_reference)
    return None


def _read_reference(reading: Reading) -> npt.NDArray[np.float32]:
    return reading.file("reference", read_tiff)


# -- the parts ---------------------------------------------------------------------------------


class _Params(Part):
    model: str
    values: dict[str, Any]


class _Outside(Part):
    values: tuple[FiniteFloat, ...] | None
    source: FillSource


class _FillFacts(Part):
    outside: _Outside | None = None


class _ParamsFacts(Part):
    params: _Params


def _files(alignment: Alignment) -> dict[str, Content]:
    raw = alignment.stack.acquisition
    files: dict[str, Content] = {
        "transforms": partial(write_transforms, transforms=alignment.transforms),
        "quality": table_bytes(raw.beside(alignment.quality)),
        "reference": _image(alignment.reference),
    }
    if alignment.chunks is not None:
        first = raw.take(alignment.chunks["start"])
        files["chunks"] = table_bytes(first.beside(alignment.chunks))
    if alignment.stack.frame_times_s is not None or alignment.stack.frame_numbers is not None:
        files["frame_times"] = table_bytes(raw.table())
    if alignment.frame_digests is not None:
        files[DIGESTS] = npy_content(alignment.frame_digests.digests)
    if alignment.mask is not None:
        files["mask"] = _image(alignment.mask)
    if alignment.artefacts is not None:
        files["artefacts"] = _image(alignment.artefacts.astype(np.uint8))
    if alignment.artefact_rows is not None:
        of_rows = raw.take(alignment.artefact_rows["frame"])
        files["artefact_rows"] = table_bytes(of_rows.beside(alignment.artefact_rows))
    return files


def _outside(alignment: Alignment) -> dict[str, Any] | None:
    """Describe the fill; None where it was never decided and the raw frames are gone."""
    if alignment.known_fill is None and isinstance(alignment.stack.source, MissingSource):
        return None
    fill = alignment.fill
    known = None if fill.source == "not a number" else list(fill.values)  # JSON has no NaN
    return {"values": known, "source": fill.source}


def _read_fill(reading: Reading, stack: Stack) -> Fill | None:
    """Fill as it was decided; None in results that were saved without."""
    outside = reading.facts(_FillFacts).outside
    if outside is None:
        return None
    n_channels = stack.shape[1]
    values = (float("nan"),) * n_channels if outside.values is None else outside.values
    if len(values) != n_channels or (stack.dtype.kind == "f") != (outside.values is None):
        raise InputError(
            f"{reading.manifest.path} is damaged: its values outside the raw frames don't fit "
            f"{n_channels} channels of {stack.dtype}."
        )
    return Fill(values, outside.source)


def _read_params(reading: Reading) -> models.Params:
    described = reading.facts(_ParamsFacts).params
    path = reading.manifest.path
    model = {model.__name__: model for model in _models()}.get(described.model)
    if model is None:
        raise InputError(f"{path} has the unknown parameters {described.model!r}: make it again.")
    try:
        return model(**described.values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _models() -> tuple[type[models.Params], ...]:
    """Models of parameters that are read back; transforms from elsewhere have the empty one."""
    return (models.Params, *models.MODELS)


def _optional(reading: Reading, role: str, read: Callable[[Path], Any]) -> Any:
    return reading.file(role, read) if reading.has(role) else None


def _empty_quality(names: list[str], n_frames: int) -> Table:
    if len(names) < 2:
        raise saved.UnfitContent("the quality table has no columns")
    return empty_table(n_frames, names[1])


def _empty_chunks(_: list[str], n_chunks: int) -> Table:
    return empty_chunks(n_chunks)


def _empty_times(names: list[str], n_frames: int) -> Table:
    table = np.zeros(n_frames, TIMES)
    if RAW_FRAME not in names:  # of earlier versions
        table[RAW_FRAME] = np.arange(n_frames)
    return table


def _no_rows(_: list[str], n_rows: int) -> Table:
    return np.zeros(n_rows, ROWS)


def _with_times(stack: Stack, table: Table) -> Stack:
    """Return the stack with the times and numbers that its frames had, where they were known."""
    numbers, times = table[RAW_FRAME].astype(np.intp), table["time_s"]
    known: dict[str, Any] = {}
    if not np.array_equal(numbers, np.arange(len(numbers))):
        known["frame_numbers"] = numbers
    if not np.isnan(times).all():
        known["frame_times_s"] = times.copy()
    return stack.replace(**known)


def _image(image: npt.NDArray[Any]) -> Content:
    def write(file: BinaryIO) -> None:
        tifffile.imwrite(file, image)

    return write
