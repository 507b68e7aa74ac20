"""A z-shift on disk: a folder ``NAME.zalign`` of files that other programs can read.

``run.json`` (parameters, versions, inputs, state), ``frames.csv``, ``patch_z.npy`` and its likes,
``reference.tif`` and, of aligned frames, ``transforms.npz``. Each file is written atomically;
nothing is pickled.
"""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import tifffile

from napari_zstack_align.alignment.raw_frames import (
    MissingSource,
    check_stack,
    find_stack,
    input_facts,
    stack_facts,
)
from napari_zstack_align.alignment.storage import (
    SUFFIX,
    WRITTEN_BY,
    make_folder,
    read_facts,
    write_bytes,
)
from napari_zstack_align.alignment.tables import (
    read_table,
    read_transforms,
    table_bytes,
    transforms_bytes,
)
from napari_zstack_align.atomic import replacing
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.sources import ArraySource
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.zshift import QUALITY, ZShift

SCHEMA_VERSION = 1
KIND = "z-shift"
FACTS = "run.json"
ARRAYS = ("patch_z", "raw_patch_z", "patch_confidence", "lateral", "slice_gain")
FRAMES = np.dtype([*QUALITY.descr, ("z", np.float32), ("z_um", np.float32)])


def save_zshift(zshift: ZShift, folder: Path) -> Path:
    """Write a z-shift; see `ZShift.save`."""
    folder = named(folder)
    check_folder(folder)
    make_folder(folder)
    # What says that there is a z-shift goes first and comes last.
    (folder / FACTS).unlink(missing_ok=True)
    for name in ARRAYS:
        write_bytes(folder / f"{name}.npy", _npy(getattr(zshift, name)))
    write_bytes(folder / "frames.csv", table_bytes(_frames(zshift)))
    if zshift.transforms is None:
        (folder / "transforms.npz").unlink(missing_ok=True)
    else:
        write_bytes(folder / "transforms.npz", transforms_bytes(zshift.transforms))
    _write_reference(folder / "reference.tif", zshift.reference)
    facts = json.dumps(_facts(zshift, folder), indent=2, ensure_ascii=False)
    write_bytes(folder / FACTS, facts.encode())
    return folder


def named(folder: Path) -> Path:
    """Return the folder's name with the suffix .zalign."""
    return folder if folder.suffix == SUFFIX else folder.with_name(folder.name + SUFFIX)


def check_folder(folder: Path) -> None:
    """Raise InputError where a folder holds something else than a z-shift."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not is_zshift(folder):
        raise InputError(f"{folder} exists and holds no z-shift: choose another name.")


def is_zshift(folder: Path) -> bool:
    """Whether a folder holds a z-shift."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and facts.get("kind") == KIND


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
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"There is no z-shift {folder}.")
    facts = read_facts(folder / FACTS, f"{folder} holds no z-shift: it has no {FACTS}.")
    if facts.get("kind") != KIND:
        raise InputError(f"{folder} holds no z-shift: open it as what it is, an alignment.")
    try:
        return _loaded(folder, facts, stack)
    except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder} is damaged and can't be read: {error}.") from error
    except tifffile.TiffFileError as error:
        raise InputError(f"{folder} is damaged and can't be read: {error}.") from error


def _loaded(folder: Path, facts: dict[str, Any], stack: Stack | None) -> ZShift:
    described = facts["stack"]
    if stack is not None:
        stack = check_stack(stack, described)
    else:
        stack = _told_apart(find_stack(folder, described, facts["inputs"]))
    arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS}
    frames = read_table(folder / "frames.csv", lambda _, n: np.zeros(n, FRAMES))
    if len(frames) != stack.n_frames:
        raise ValueError(f"frames.csv has {len(frames)} rows for {stack.n_frames} frames")
    quality = np.zeros(len(frames), QUALITY)
    for name in QUALITY.names or ():
        quality[name] = frames[name]
    if stack.frame_times_s is None and np.isfinite(quality["time_s"]).all():
        stack = stack.replace(frame_times_s=quality["time_s"].copy())
    moved = folder / "transforms.npz"
    return ZShift(
        stack=stack,
        reference=_read_reference(folder / "reference.tif", facts["reference"]),
        transforms=read_transforms(moved) if moved.exists() else None,
        z=frames["z"].copy(),
        centres=(np.array(facts["centres_y"], float), np.array(facts["centres_x"], float)),
        quality=quality,
        anchor=float(facts["anchor"]),
        params=ZShiftParams(**facts["params"]["values"]),
        provenance=facts["provenance"],
        **arrays,
    )


def _told_apart(stack: Stack) -> Stack:
    """Return the recording; where it is gone, let it say how a z-shift gets it back."""
    if not isinstance(stack.source, MissingSource):
        return stack
    message = stack.source.message.replace("load_alignment(", "load_zshift(")
    return stack.replace(source=replace(stack.source, message=message))


def _facts(zshift: ZShift, folder: Path) -> dict[str, Any]:
    y, x = zshift.centres
    reference = zshift.reference
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "state": "complete" if zshift.complete else "incomplete",
        "written_by": WRITTEN_BY,
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
        },
        "provenance": zshift.provenance,
        "stack": stack_facts(zshift.stack),
        "inputs": [input_facts(path, folder) for path in zshift.stack.paths],
        "arrays": "(frame, patch along y, patch along x); depths in slices, counted from 0",
    }


def _frames(zshift: ZShift) -> npt.NDArray[np.void]:
    table = np.zeros(len(zshift.z), FRAMES)
    for name in QUALITY.names or ():
        table[name] = zshift.quality[name]
    table["z"], table["z_um"] = zshift.z, zshift.z_um
    return table


def _write_reference(path: Path, reference: Stack) -> None:
    """Write the volume slice by slice."""
    with (
        replacing(path, overwrite=True) as unfinished,
        tifffile.TiffWriter(unfinished, bigtiff=True) as file,
    ):
        for k in range(reference.n_frames):
            file.write(reference.read(k, k + 1)[0, 0], contiguous=True)


def _read_reference(path: Path, described: dict[str, Any]) -> Stack:
    size = described["pixel_size_um"]
    return Stack(
        ArraySource(tifffile.imread(path), "ZYX"),
        pixel_size_um=None if size is None else (size[0], size[1]),
        z_step_um=described["z_step_um"],
        frames_per_slice=1,
        name=described["name"],
    )


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
