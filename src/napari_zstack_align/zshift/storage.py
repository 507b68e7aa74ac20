"""The files of a z-shift, a folder ``NAME.zalign`` that other programs can read.

``run.json`` (parameters, provenance, raw files, state) lists the others by their roles: ``frames``
(.csv), ``patch_z`` and its likes (.npy), ``frame_digests`` (.npy), ``reference`` (.tif) and, of
aligned frames, ``transforms`` (.npz). Nothing is pickled.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile
from pydantic import FiniteFloat

from napari_zstack_align import saved
from napari_zstack_align.alignment.raw_frames import (
    DIGESTS,
    StackAndInputs,
    check_stack,
    find_stack,
    raw_facts,
    read_digests,
    subject_of,
)
from napari_zstack_align.alignment.storage import check_rows
from napari_zstack_align.alignment.tables import (
    Table,
    npy_content,
    read_table,
    read_transforms,
    table_bytes,
    write_transforms,
)
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.saved import (
    Content,
    FrameDigests,
    Kind,
    Part,
    Reading,
    Result,
    read_npy,
    read_tiff,
)
from napari_zstack_align.sources import ArraySource
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.zshift import QUALITY, ZShift

ARRAYS = ("patch_z", "raw_patch_z", "patch_confidence", "lateral", "slice_gain")
FRAMES = np.dtype([*QUALITY.descr, ("z", np.float32), ("z_um", np.float32)])


def save_zshift(zshift: ZShift, folder: Path, overwrite: bool = True) -> Path:
    """Write a z-shift; see `ZShift.save`."""
    target = saved.target_of(folder, Kind.ZSHIFT)
    result = Result(
        Kind.ZSHIFT,
        subject_of(zshift.stack, zshift.n_read),
        zshift.provenance,
        _files(zshift),
        _facts(zshift, target),
    )
    written = saved.save(result, target, overwrite)
    if zshift.complete:
        saved.discard_journal(written, zshift.provenance.get("journal", ""))
    return written


def load_zshift(folder: str | Path, stack: Stack | None = None) -> ZShift:
    """Read a z-shift.

    Parameters
    ----------
    folder : str or pathlib.Path
        What `ZShift.save` wrote.
    stack : Stack, optional
        The recording; by default it is opened from where it was. Where it is gone, depths and
        the simulated movie can be used all the same, and asking for its pixels says what is
        missing.

    Returns
    -------
    ZShift

    Raises
    ------
    InputError
        Where the folder holds no z-shift, or it is damaged, or ``stack`` is another recording.
    """
    return saved.read_result(folder, Kind.ZSHIFT, partial(_read, stack=stack))


# -- inside ------------------------------------------------------------------------------------


class _Reference(Part):
    name: str
    pixel_size_um: tuple[float, float] | None
    z_step_um: float | None
    z_positions_um: tuple[FiniteFloat, ...] | None = None


class _Params(Part):
    values: dict[str, Any]


class _ZShiftFacts(StackAndInputs):
    """What the manifest of a z-shift says besides."""

    params: _Params
    anchor: float
    centres_y: tuple[float, ...]
    centres_x: tuple[float, ...]
    reference: _Reference


def _read(reading: Reading, stack: Stack | None) -> ZShift:
    facts = reading.facts(_ZShiftFacts)
    n_frames = facts.stack.shape[0]
    arrays = _read_arrays(reading, facts)
    frames = reading.file("frames", partial(read_table, empty=_empty_frames))
    check_rows(reading, "frames", frames["frame"], n_frames)
    transforms = None
    if reading.has("transforms"):
        transforms = reading.file("transforms", partial(read_transforms, n_frames=n_frames))
    reference = _read_reference(reading, facts.reference)
    if reference.n_frames != len(arrays["slice_gain"]):
        raise reading.refused(
            "slice_gain",
            f"it has {len(arrays['slice_gain'])} values, but the reference {reference.n_frames} "
            f"slices",
        )
    quality = np.zeros(len(frames), QUALITY)
    for name in QUALITY.names or ():
        quality[name] = frames[name]
    seen = read_digests(reading, facts)
    stack = _stack(reading, facts, stack, seen)
    if stack.frame_times_s is None and np.isfinite(quality["time_s"]).all():
        stack = stack.replace(frame_times_s=quality["time_s"].copy())
    return ZShift(
        stack=stack,
        reference=reference,
        transforms=transforms,
        z=frames["z"].copy(),
        centres=(np.array(facts.centres_y, float), np.array(facts.centres_x, float)),
        quality=quality,
        anchor=facts.anchor,
        params=_read_params(reading, facts),
        provenance=reading.provenance,
        frame_digests=seen,
        **arrays,
    )


def _stack(
    reading: Reading, facts: _ZShiftFacts, given: Stack | None, seen: FrameDigests | None
) -> Stack:
    """Return the recording; where it is gone, let it say so."""
    if given is not None:
        return check_stack(given, facts.stack, seen)
    return find_stack(reading.folder, facts, seen)


def _read_params(reading: Reading, facts: _ZShiftFacts) -> ZShiftParams:
    try:
        return ZShiftParams(**facts.params.values)
    except InputError as error:
        raise InputError(f"{reading.manifest.path}: {error}") from None


def _read_arrays(reading: Reading, facts: _ZShiftFacts) -> dict[str, npt.NDArray[Any]]:
    """Arrays by name; NaN in them is what couldn't be found."""
    arrays = {name: reading.file(name, read_npy) for name in ARRAYS}
    patches = (facts.stack.shape[0], len(facts.centres_y), len(facts.centres_x))
    expected = dict.fromkeys(ARRAYS[:3], patches) | {"lateral": (*patches, 2)}
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise reading.refused(
                name, f"its shape is {arrays[name].shape}, but frames and patches make {shape}"
            )
    for name, values in arrays.items():
        if values.dtype.kind not in "iuf":
            raise reading.refused(name, f"it holds {values.dtype}, no numbers")
    if arrays["slice_gain"].ndim != 1:
        raise reading.refused("slice_gain", "it is no row of numbers")
    if not np.isfinite(arrays["slice_gain"]).all():
        raise reading.refused("slice_gain", "it holds numbers that aren't finite")
    return arrays


def _files(zshift: ZShift) -> dict[str, Content]:
    files: dict[str, Content] = {name: npy_content(getattr(zshift, name)) for name in ARRAYS}
    files["frames"] = table_bytes(_frames(zshift))
    files["reference"] = partial(_write_reference, reference=zshift.reference)
    if zshift.frame_digests is not None:
        files[DIGESTS] = npy_content(zshift.frame_digests.digests)
    if zshift.transforms is not None:
        files["transforms"] = partial(write_transforms, transforms=zshift.transforms)
    return files


def _facts(zshift: ZShift, folder: Path) -> dict[str, Any]:
    y, x = zshift.centres
    reference = zshift.reference
    return {
        "params": {
            "model": type(zshift.params).__name__,
            "values": zshift.params.model_dump(mode="json"),
        },
        "direction": zshift.direction,
        "anchor": zshift.anchor,
        "centres_y": y.tolist(),
        "centres_x": x.tolist(),
        "reference": {
            "name": reference.name,
            "pixel_size_um": reference.pixel_size_um,
            "z_step_um": reference.z_step_um,
            "z_positions_um": reference.z_positions_um,
        },
        **raw_facts(zshift.stack, folder, zshift.frame_digests),
        "arrays": "(frame, patch along y, patch along x); depths in slices, counted from 0",
    }


def _frames(zshift: ZShift) -> Table:
    table = np.zeros(len(zshift.z), FRAMES)
    for name in QUALITY.names or ():
        table[name] = zshift.quality[name]
    table["z"], table["z_um"] = zshift.z, zshift.z_um
    return zshift.stack.acquisition.beside(table)


def _empty_frames(_: list[str], n_frames: int) -> Table:
    return np.zeros(n_frames, FRAMES)


def _write_reference(file: BinaryIO, reference: Stack) -> None:
    """Write the volume slice by slice."""
    with tifffile.TiffWriter(file, bigtiff=True) as tiff:
        for k in range(reference.n_frames):
            tiff.write(reference.read(k, k + 1)[0, 0], contiguous=True)


def _read_reference(reading: Reading, described: _Reference) -> Stack:
    volume = reading.file("reference", read_tiff)
    if volume.ndim not in (2, 3):
        raise reading.refused("reference", f"its shape is {volume.shape}, not (slice, y, x)")
    return Stack(
        ArraySource(volume.reshape(-1, *volume.shape[-2:]), "ZYX"),
        pixel_size_um=described.pixel_size_um,
        z_step_um=described.z_step_um,
        z_positions_um=described.z_positions_um,
        frames_per_slice=1,
        name=described.name,
    )
