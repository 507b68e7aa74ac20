"""Write results as version 1 of the schema did: fixed names, no checksums."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.alignment.raw_frames import raw_facts
from napari_zstack_align.alignment.storage import TIMES
from napari_zstack_align.alignment.tables import table_bytes, write_transforms
from napari_zstack_align.cells.roi_table import rois_bytes
from napari_zstack_align.zshift.storage import FRAMES as DEPTHS


def write(result: Any, path: Path) -> Path:
    """Write an alignment, a session, traces (of one recording or several) or a z-shift."""
    if isinstance(result, list):
        return _session(result, path)
    path.mkdir(parents=True)
    if isinstance(result, nza.Traces):
        return _traces(result, path)
    facts = {
        "schema_version": 1,
        "state": "complete",
        "written_by": "napari-zstack-align 0.1",
        "params": {
            "model": type(result.params).__name__,
            "values": result.params.model_dump(mode="json"),
        },
        "provenance": result.provenance,
        **raw_facts(result.stack, path),
    }
    more = _zshift(result, path) if isinstance(result, nza.ZShift) else _alignment(result, path)
    (path / "run.json").write_text(json.dumps(facts | more))
    return path


def _session(results: list[Any], path: Path) -> Path:
    path.mkdir(parents=True)
    if isinstance(results[0], nza.Traces):
        for number, each in enumerate(results, start=1):
            write(each, path / f"{number:03d}_{each.recording}")
        return path
    names = [f"{each.stack.name}.zalign" for each in results]
    for each, name in zip(results, names, strict=True):
        write(each, path / name)
    recordings = [
        {"name": each.stack.name, "folder": name, "frames": each.stack.n_frames}
        for each, name in zip(results, names, strict=True)
    ]
    facts = {"schema_version": 1, "state": "complete", "recordings": recordings}
    (path / "session.json").write_text(json.dumps(facts))
    return path


def _alignment(result: nza.Alignment, path: Path) -> dict[str, Any]:
    _transforms(result.transforms, path)
    (path / "quality.csv").write_bytes(table_bytes(result.quality))
    tifffile.imwrite(path / "reference.tif", result.reference)
    if result.chunks is not None:
        (path / "chunks.csv").write_bytes(table_bytes(result.chunks))
    if result.mask is not None:
        tifffile.imwrite(path / "mask.tif", result.mask)
    if result.stack.frame_times_s is not None:
        table = np.zeros(result.stack.n_frames, TIMES)
        table["frame"], table["time_s"] = np.arange(len(table)), result.stack.frame_times_s
        (path / "frame_times.csv").write_bytes(table_bytes(table))
    return {}


def _zshift(result: nza.ZShift, path: Path) -> dict[str, Any]:
    for name in ("patch_z", "raw_patch_z", "patch_confidence", "lateral", "slice_gain"):
        np.save(path / f"{name}.npy", getattr(result, name))
    table = np.zeros(len(result.z), DEPTHS)
    for name in result.quality.dtype.names:
        table[name] = result.quality[name]
    table["z"], table["z_um"] = result.z, result.z_um
    (path / "frames.csv").write_bytes(table_bytes(table))
    volume = result.reference.read(0, result.reference.n_frames)[:, 0]
    tifffile.imwrite(path / "reference.tif", volume, photometric="minisblack")
    if result.transforms is not None:
        _transforms(result.transforms, path)
    y, x = result.centres
    reference = {"name": result.reference.name, "pixel_size_um": None, "z_step_um": 2.0}
    return {"kind": "z-shift", "anchor": result.anchor, "centres_y": y.tolist(),
            "centres_x": x.tolist(), "reference": reference}  # fmt: skip


def _traces(result: nza.Traces, path: Path) -> Path:
    for name in ("F", "Fneu", "corrected", "dff", "motion_explained"):
        np.save(path / f"{name}.npy", getattr(result, name))
    (path / "rois.csv").write_bytes(rois_bytes(result.rois))
    (path / "frames.csv").write_bytes(table_bytes(result.frames))
    facts = {
        "schema_version": 1,
        "state": "complete",
        "recording": result.recording,
        "channel_names": result.channel_names,
        "dark_level": {"values": result.dark.values.tolist(), "source": "given", "accepted": True},
        "params": result.params.model_dump(mode="json"),
        "frame_shape": result.frame_shape,
        "pixel_size_um": None,
        "remarks": [],
        "provenance": result.provenance,
    }
    (path / "traces.json").write_text(json.dumps(facts))
    return path


def _transforms(transforms: nza.Transforms, path: Path) -> None:
    buffer = io.BytesIO()
    write_transforms(buffer, transforms)
    (path / "transforms.npz").write_bytes(buffer.getvalue())
