"""napari's Save for image layers: the formats of volumes, with sizes in µm and channel names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import dask.array as da
from napari.utils import progress

from napari_zstack_align.alignment.checks import check_raw_files_stay
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.recordings.layers import SessionLayers
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.taking import axes_of, sizes_in_um
from napari_zstack_align.gui.zshift.layers import ZShiftLayers
from napari_zstack_align.progress import Job, Progress, run
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.export import export_volume
from napari_zstack_align.write.writers import Takes, Writer, writers_of

FullLayerData = tuple[Any, dict[str, Any], str]
"""Data, attributes and type of a layer, as napari hands them over."""


def __getattr__(name: str) -> Callable[[str, list[FullLayerData]], list[str]]:
    """Return what writes image layers in a format of the table; several layers are its channels.

    napari.yaml names the row ``ome-tiff`` of ``WRITERS`` ``write_ome_tiff``, and so on.
    """
    for writer in writers_of(Takes.VOLUME):
        if name == f"write_{writer.name.replace('-', '_')}":
            return partial(_write, writer)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _write(writer: Writer, path: str, layers: list[FullLayerData]) -> list[str]:
    """Write under the name that was asked for, which napari's dialog has agreed to replace.

    A name without an ending of the format gets the usual one; what stands under that name was not
    asked about, and stays.
    """
    target = writer.named(Path(path))
    is_whole = target == Path(path)
    check_raw_files_stay(target, _raw_files(layers))
    data, axes = _joined(layers)
    first = layers[0][1]
    in_um = sizes_in_um(axes.replace("C", ""), first["scale"], first["units"])
    names = tuple(str(described["name"]) for _, described, _ in layers) if "C" in axes else ()
    job: Job[Path] = export_volume(
        target,
        data,
        axes,
        overwrite=is_whole,
        pixel_size_um=(in_um["Y"], in_um["X"]) if {"Y", "X"} <= set(in_um) else None,
        z_step_um=in_um.get("Z"),
        channel_names=names if len(layers) > 1 else (),
    )
    with progress(total=1, desc=f"Writing {target.name}") as bar:
        written = run(job, on_progress=lambda step: _show(bar, step))
    return [str(written)]


def _show(bar: Any, step: Progress) -> None:
    bar.total = step.total
    bar.update(step.done - bar.n)


def _joined(layers: list[FullLayerData]) -> tuple[Any, str]:
    """Return the array and its axes; the arrays of several layers become channels."""
    arrays = []
    for data, described, _ in layers:
        if described.get("rgb"):
            raise InputError(
                f"{described['name']} is a colour image (RGB): split it into channels first."
            )
        arrays.append(data[0] if described.get("multiscale") else data)
    axes = axes_of(layers[0][1]["axis_labels"], arrays[0].ndim).replace("R", "T")
    if len(arrays) == 1:
        return arrays[0], axes
    kinds = {(tuple(array.shape), str(array.dtype)) for array in arrays}
    if len(kinds) > 1 or "C" in axes:
        raise InputError(
            "Layers that are saved into one file become its channels, so they must have one shape "
            "and data type, and no channels themselves: save them one by one."
        )
    at = axes.index("T") + 1 if "T" in axes else 0
    whole_images = [_images_as_chunks(array) for array in arrays]
    return da.stack(whole_images, axis=at), f"{axes[:at]}C{axes[at:]}"


def _images_as_chunks(array: Any) -> da.Array:
    if isinstance(array, da.Array):
        return array
    chunks = (*(1 for _ in array.shape[:-2]), *array.shape[-2:])
    return da.from_array(array, chunks=chunks, asarray=False, name=False)


def _raw_files(layers: list[FullLayerData]) -> list[Path]:
    """Files that the layers are read from."""
    owners = (described.get("metadata", {}).get(KEY) for _, described, _ in layers)
    return [path for owner in owners for stack in _stacks_of(owner) for path in stack.paths]


def _stacks_of(owner: Any) -> list[Stack]:
    if isinstance(owner, Stack):
        return [owner]
    if isinstance(owner, StackLayers):
        return [owner.stack]
    if isinstance(owner, SessionLayers):
        return [recording.stack for recording in owner.recordings]
    if isinstance(owner, ZShiftLayers) and owner.view is not None:
        return [owner.view.zshift.stack]
    return []
