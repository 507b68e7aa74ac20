"""An alignment on disk: a folder ``NAME.zalign`` of files that other programs can read.

``run.json`` (parameters, versions, inputs, state), ``transforms.npz``, ``quality.csv``,
``reference.tif`` and, where there is one, ``mask.tif``. Each file is written atomically; nothing
is pickled.
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_zstack_align import params as models
from napari_zstack_align._version import __version__
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Link, SplineLink, Transforms
from napari_zstack_align.atomic import replacing
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import open_stack
from napari_zstack_align.stack import Stack

SCHEMA_VERSION = 1
SUFFIX = ".zalign"


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
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} can't be written: {error.strerror or error}.") from None
    _write(folder / "transforms.npz", _transforms_bytes(alignment.transforms))
    _write(folder / "quality.csv", _table_bytes(alignment.quality))
    _write(folder / "reference.tif", _image_bytes(alignment.reference))
    if alignment.mask is not None:
        _write(folder / "mask.tif", _image_bytes(alignment.mask))
    else:
        (folder / "mask.tif").unlink(missing_ok=True)
    # run.json comes last: a folder without it is no alignment.
    _write(folder / "run.json", json.dumps(_facts(alignment, folder), indent=2).encode())
    return folder


def load_alignment(folder: str | Path, stack: Stack | None = None) -> Alignment:
    """Read an alignment written by :meth:`Alignment.save`.

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
    facts = _read_facts(folder)
    try:
        transforms = _read_transforms(folder / "transforms.npz")
        quality = _read_table(folder / "quality.csv")
        reference = tifffile.imread(folder / "reference.tif")
        mask_path = folder / "mask.tif"
        mask = tifffile.imread(mask_path) if mask_path.exists() else None
        params = _read_params(facts["params"])
        stack = _check_stack(stack, facts) if stack is not None else _find_stack(folder, facts)
    except (OSError, KeyError, ValueError, tifffile.TiffFileError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder} is damaged and can't be read: {error}.") from error
    return Alignment(stack, transforms, reference, quality, params, mask, facts["provenance"])


# -- run.json ----------------------------------------------------------------------------------


def _facts(alignment: Alignment, folder: Path) -> dict[str, Any]:
    stack = alignment.stack
    return {
        "schema_version": SCHEMA_VERSION,
        "state": "complete" if alignment.complete else "incomplete",
        "written_by": f"napari-zstack-align {__version__}",
        "params": {
            "model": type(alignment.params).__name__,
            "values": alignment.params.model_dump(mode="json"),
        },
        "provenance": alignment.provenance,
        "stack": {
            "name": stack.name,
            "shape": stack.shape,
            "dtype": stack.dtype.str,
            "frames_per_slice": stack.frames_per_slice,
            "order": stack.order,
            "pixel_size_um": stack.pixel_size_um,
            "z_step_um": stack.z_step_um,
            "channel_names": stack.channel_names,
            "fingerprint": fingerprint(stack),
        },
        "inputs": [_input_facts(path, folder) for path in stack.paths],
    }


def _input_facts(path: Path, folder: Path) -> dict[str, Any]:
    path = path.absolute()
    try:
        relative = os.path.relpath(path, folder.absolute())
    except ValueError:  # another drive
        relative = str(path)
    size = path.stat().st_size if path.is_file() else None
    return {"path": str(path), "relative_path": relative, "size_bytes": size}


def _read_facts(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    if not folder.exists():
        raise InputError(f"There is no alignment {folder}.")
    if not path.exists():
        raise InputError(f"{folder} is no alignment: it has no run.json.")
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = facts["schema_version"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged and can't be read: {error}.") from None
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{folder} was written by a newer version ({facts.get('written_by')}): update "
            f"napari-zstack-align."
        )
    return facts


def _read_params(described: dict[str, Any]) -> models.Params:
    model = getattr(models, described["model"], None)
    if not (isinstance(model, type) and issubclass(model, models.Params)):
        raise InputError(f"Unknown parameters {described['model']!r} in run.json.")
    return model(**described["values"])


# -- the raw frames ----------------------------------------------------------------------------


@dataclass(frozen=True)
class MissingSource:
    """Stands for frames that are not where they were; asking for pixels says so."""

    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    message: str

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Raise InputError: there are no pixels."""
        raise InputError(self.message)


def _find_stack(folder: Path, facts: dict[str, Any]) -> Stack:
    inputs = facts["inputs"]
    if not inputs:
        return _missing(facts, "was an array in memory")
    for key in ("path", "relative_path"):
        paths = [folder / item[key] for item in inputs]
        if all(path.exists() for path in paths):
            try:
                stack = open_stack(paths if len(paths) > 1 else paths[0])
                return _check_stack(stack, facts)
            except InputError as error:
                return _missing(facts, f"can't be used any more ({error})")
    return _missing(facts, f"is not at {inputs[0]['path']} any more")


def _missing(facts: dict[str, Any], what: str) -> Stack:
    described = facts["stack"]
    message = (
        f"The raw stack {described['name']} {what}: give it with load_alignment(folder, stack=...)."
    )
    source = MissingSource(tuple(described["shape"]), np.dtype(described["dtype"]), message)
    return _described(Stack(source), described)


def _check_stack(stack: Stack, facts: dict[str, Any]) -> Stack:
    described = facts["stack"]
    expected = described["fingerprint"]
    same_shape = list(stack.shape) == list(described["shape"])
    if not same_shape or (expected and fingerprint(stack) != expected):
        raise InputError(
            f"{stack.name} {stack.shape} is not the stack that was aligned "
            f"({described['name']}, {tuple(described['shape'])}), or its pixels have changed: give "
            f"that one, or align anew."
        )
    return _described(stack, described)


def _described(stack: Stack, described: dict[str, Any]) -> Stack:
    pixel_size = described["pixel_size_um"]
    return stack.replace(
        frames_per_slice=described["frames_per_slice"],
        order=described["order"],
        pixel_size_um=None if pixel_size is None else tuple(pixel_size),
        z_step_um=described["z_step_um"],
        channel_names=tuple(described["channel_names"]),
        name=described["name"],
    )


# -- tables and images -------------------------------------------------------------------------


def _transforms_bytes(transforms: Transforms) -> bytes:
    arrays: dict[str, Any] = {
        "shape": np.array(transforms.shape),
        "kinds": np.array([link.kind for link in transforms.links]),
    }
    for i, link in enumerate(transforms.links):
        if isinstance(link, SplineLink):
            arrays[f"link{i}_coefficients"] = link.coefficients
            arrays[f"link{i}_spacing_px"] = np.array(link.spacing_px)
        else:
            arrays[f"link{i}_matrices"] = link.matrices
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _read_transforms(path: Path) -> Transforms:
    with np.load(path, allow_pickle=False) as arrays:
        shape = (int(arrays["shape"][0]), int(arrays["shape"][1]))
        links: list[Link] = []
        for i, kind in enumerate(arrays["kinds"]):
            if kind == SplineLink.kind:
                spacing = float(arrays[f"link{i}_spacing_px"])
                links.append(SplineLink(arrays[f"link{i}_coefficients"], spacing, shape))
            else:
                links.append(AffineLink(arrays[f"link{i}_matrices"]))
    return Transforms(shape, tuple(links))


def _table_bytes(table: npt.NDArray[np.void]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(table.dtype.names or ())
    writer.writerows(table.tolist())
    return buffer.getvalue().encode()


def _read_table(path: Path) -> npt.NDArray[np.void]:
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    table = empty_table(len(rows), names[1])
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        values: Any = column
        if table.dtype[name].kind == "b":
            values = [text == "True" for text in column]
        table[name] = values
    return table


def _image_bytes(image: npt.NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image)
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    with replacing(path, overwrite=True) as unfinished:
        unfinished.write_bytes(content)


def _listing(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else [folder]
