"""An alignment on disk: a folder ``NAME.zalign`` of files that other programs can read.

``run.json`` (parameters, versions, inputs, state), ``transforms.npz``, ``quality.csv``,
``reference.tif`` and, where there are any, ``chunks.csv``, ``mask.tif`` and ``frame_times.csv``.
Each file is written atomically; nothing is pickled.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import tifffile

from napari_zstack_align import params as models
from napari_zstack_align._version import __version__
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.raw_frames import (
    check_stack,
    find_stack,
    input_facts,
    stack_facts,
)
from napari_zstack_align.alignment.tables import (
    Table,
    read_table,
    read_transforms,
    table_bytes,
    transforms_bytes,
)
from napari_zstack_align.atomic import replacing
from napari_zstack_align.errors import InputError
from napari_zstack_align.stack import Stack

SCHEMA_VERSION = 1
SUFFIX = ".zalign"
WRITTEN_BY = f"napari-zstack-align {__version__}"


def save_alignment(alignment: Alignment, folder: str | Path) -> Path:
    """Write an alignment; what an earlier one of the same name holds is replaced file by file.

    Parameters
    ----------
    alignment : Alignment
        Complete or partial.
    folder : str or pathlib.Path
        ``NAME.zalign``; the suffix is added where it is missing.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        Where the folder can't be written, or holds something else.
    """
    folder = Path(folder)
    if folder.suffix != SUFFIX:
        folder = folder.with_name(folder.name + SUFFIX)
    if folder.exists() and not (folder / "run.json").exists() and any(_listing(folder)):
        raise InputError(f"{folder} exists and is no alignment: choose another name.")
    if other := _other_kind(folder):
        raise InputError(f"{folder} holds a {other}: choose another name.")
    contents = _contents(alignment, folder)
    make_folder(folder)
    for name, content in contents.items():
        if content is None:
            (folder / name).unlink(missing_ok=True)
        else:
            write_bytes(folder / name, content)
    return folder


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
        Where the folder is no alignment, or ``stack`` is not the one that was aligned.
    """
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"There is no alignment {folder}.")
    facts = read_facts(folder / "run.json", f"{folder} is no alignment: it has no run.json.")
    if kind := facts.get("kind"):
        raise InputError(f"{folder} holds a {kind}, no alignment: give the .zalign of one.")
    try:
        described = facts["stack"]
        transforms = read_transforms(folder / "transforms.npz")
        quality = read_table(folder / "quality.csv", _empty_quality)
        chunks = _read_optional(folder / "chunks.csv", lambda _, n: empty_chunks(n))
        times = _read_optional(folder / "frame_times.csv", lambda _, n: np.zeros(n, TIMES))
        reference = tifffile.imread(folder / "reference.tif")
        mask_path = folder / "mask.tif"
        mask = tifffile.imread(mask_path) if mask_path.exists() else None
        params = _read_params(facts["params"])
        if stack is None:
            stack = find_stack(folder, described, facts["inputs"])
        else:
            stack = check_stack(stack, described)
        if times is not None:
            stack = stack.replace(frame_times_s=times["time_s"].copy())
        return Alignment(
            stack, transforms, reference, quality, params, mask, facts["provenance"], chunks
        )
    except (OSError, KeyError, ValueError, BadZipFile, tifffile.TiffFileError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder} is damaged and can't be read: {error}.") from error


# -- the parts ---------------------------------------------------------------------------------

TIMES = np.dtype([("frame", np.int32), ("time_s", np.float64)])


def _contents(alignment: Alignment, folder: Path) -> dict[str, bytes | None]:
    """Every file of the folder, in the order of writing; None: there must be none.

    run.json comes last: a folder without it is no alignment.
    """
    mask, chunks = alignment.mask, alignment.chunks
    return {
        "transforms.npz": transforms_bytes(alignment.transforms),
        "quality.csv": table_bytes(alignment.quality),
        "chunks.csv": None if chunks is None else table_bytes(chunks),
        "frame_times.csv": _times_bytes(alignment.stack),
        "reference.tif": _image_bytes(alignment.reference),
        "mask.tif": None if mask is None else _image_bytes(mask),
        "run.json": json.dumps(_facts(alignment, folder), indent=2).encode(),
    }


def _facts(alignment: Alignment, folder: Path) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "state": "complete" if alignment.complete else "incomplete",
        "written_by": WRITTEN_BY,
        "params": {
            "model": type(alignment.params).__name__,
            "values": alignment.params.model_dump(mode="json"),
        },
        "provenance": alignment.provenance,
        "stack": stack_facts(alignment.stack),
        "inputs": [input_facts(path, folder) for path in alignment.stack.paths],
    }


def _read_params(described: dict[str, Any]) -> models.Params:
    model = getattr(models, described["model"], None)
    if not (isinstance(model, type) and issubclass(model, models.Params)):
        raise InputError(f"Unknown parameters {described['model']!r} in run.json.")
    return model(**described["values"])


def _empty_quality(names: list[str], n_frames: int) -> Table:
    if len(names) < 2:
        raise ValueError("the quality table has no columns")
    return empty_table(n_frames, names[1])


def _read_optional(path: Path, empty: Any) -> Table | None:
    return read_table(path, empty) if path.exists() else None


def _times_bytes(stack: Stack) -> bytes | None:
    if stack.frame_times_s is None:
        return None
    table = np.zeros(stack.n_frames, TIMES)
    table["frame"], table["time_s"] = np.arange(stack.n_frames), stack.frame_times_s
    return table_bytes(table)


def _image_bytes(image: npt.NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image)
    return buffer.getvalue()


# -- files -------------------------------------------------------------------------------------


def read_facts(path: Path, missing: str) -> dict[str, Any]:
    """Read a JSON file with ``schema_version``; InputError where it can't be, or is newer."""
    if not path.exists():
        raise InputError(missing)
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        newer = facts["schema_version"] > SCHEMA_VERSION
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged and can't be read: {error}.") from None
    if newer:
        raise InputError(
            f"{path.parent} was written by a newer version ({facts.get('written_by')}): update "
            f"napari-zstack-align."
        )
    return facts


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, over what is there."""
    with replacing(path, overwrite=True) as unfinished:
        unfinished.write_bytes(content)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; InputError where that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} can't be written: {error.strerror or error}.") from None


def _other_kind(folder: Path) -> str:
    """What a folder holds that is no alignment though it has a run.json; '' for nothing."""
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(facts.get("kind", "")) if isinstance(facts, dict) else ""


def _listing(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else [folder]
