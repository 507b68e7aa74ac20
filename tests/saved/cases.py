"""Two different results of each kind, and what of a loaded one must be the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import napari_zstack_align as nza
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, Transforms
from napari_zstack_align.cells.traces import DarkLevel
from napari_zstack_align.cells.traces.storage import save_session_traces
from napari_zstack_align.cells.traces.traces import FRAMES
from napari_zstack_align.zshift.zshift import QUALITY

SHAPE = (24, 32)


def stack_of(name: str, n_frames: int = 6, per_slice: int | None = None) -> nza.Stack:
    pixels = np.random.default_rng(n_frames).integers(0, 99, (n_frames, *SHAPE)).astype(np.uint16)
    order = None if per_slice is None else "repeats"
    return nza.Stack.from_array(
        pixels, "TYX", name=name, frames_per_slice=per_slice, order=order,
        frame_times_s=None if per_slice else np.arange(n_frames) / 10,
    )  # fmt: skip


def zstack(seed: int, *, mask: bool = True, done: int = 6) -> nza.Alignment:
    """A z-stack of 3 slices × 2 repeats."""
    rng = np.random.default_rng(seed)
    stack = stack_of("larva", 6, per_slice=2)
    fields = rng.normal(size=(6, 2, *grid_shape(SHAPE, 16.0))).astype(np.float32)
    quality = empty_table(6, "slice")
    quality["slice"], quality["used"] = stack.slice_of_frame, True
    quality["correlation_after"] = rng.uniform(0, 1, 6)
    quality["flag"][done:] = "not run"
    return nza.Alignment(
        stack,
        Transforms(SHAPE, (SplineLink(fields, 16.0, SHAPE),)),
        rng.normal(size=SHAPE).astype(np.float32),
        quality,
        nza.AdaptiveParams(alpha=1.0 + seed),
        rng.uniform(0, 1, SHAPE).astype(np.float32) if mask else None,
        {"started": f"run {seed}"},
    )


def recording(seed: int, name: str = "rec1", *, done: int = 6, number: int = 0) -> nza.Alignment:
    """A recording; those of one seed share a reference."""
    rng = np.random.default_rng([seed, number])
    matrices = np.tile(np.eye(3), (6, 1, 1))
    matrices[:, :2, 2] = rng.normal(size=(6, 2))
    quality, chunks = empty_table(6, "chunk"), empty_chunks(2)
    quality["used"], quality["chunk"] = True, np.arange(6) // 3
    quality["flag"][done:] = "not run"
    chunks["matrix"][:, 0, 2] = rng.normal(size=2)
    return nza.Alignment(
        stack_of(name),
        Transforms(SHAPE, (AffineLink(matrices),)),
        np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32),
        quality,
        nza.KeypointParams(chunk_frames=10 + seed),
        None,
        {"started": f"run {seed}", "recording": number},
        chunks,
    )


def session(seed: int, names: str) -> list[nza.Alignment]:
    return [recording(seed, name, number=k) for k, name in enumerate(names)]


def traces(seed: int, name: str = "rec1", *, done: int = 6) -> nza.Traces:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(4, 1, 2, 6)).astype(np.float32)
    frames = np.zeros(6, FRAMES)
    frames["frame"], frames["used"], frames["confidence"] = np.arange(6), True, rng.random(6)
    frames["flag"][done:] = "not run"
    return nza.Traces(
        *values,
        nza.Rois.of(rng.uniform(5, 15, (2, 3))),
        frames,
        rng.random((1, 2)).astype(np.float32),
        name,
        ("green",),
        DarkLevel(np.array([float(seed)]), "given", True),
        nza.TraceParams(neuropil_width_um=5.0 + seed),
        SHAPE,
        provenance={"started": f"run {seed}"},
    )


def zshift(seed: int, *, done: int = 6) -> nza.ZShift:
    rng = np.random.default_rng(seed)
    quality = np.zeros(6, QUALITY)
    quality["frame"], quality["used"], quality["time_s"] = np.arange(6), True, np.arange(6) / 10
    quality["flag"][done:] = "not run"
    volume = rng.normal(size=(4, *SHAPE)).astype(np.float32)
    patches = rng.normal(size=(3, 6, 2, 3)).astype(np.float32)
    return nza.ZShift(
        stack_of("rec1"),
        nza.Stack.from_array(volume, "ZYX", frames_per_slice=1, z_step_um=2.0, name="brain"),
        recording(seed).transforms if seed % 2 else None,
        rng.random(6).astype(np.float32),
        *patches,
        rng.normal(size=(6, 2, 3, 2)).astype(np.float32),
        (np.array([6.0, 18.0]), np.array([4.0, 16.0, 28.0])),
        quality,
        rng.random(4).astype(np.float32),
        1.5 + seed,
        nza.ZShiftParams(overlap=0.25 + seed / 100),
        {"started": f"run {seed}"},
    )


def rois(seed: int) -> nza.Rois:
    rng = np.random.default_rng(seed)
    return nza.Rois.of(rng.uniform(3, 20, (5, 3)), features={"strength": rng.random(5)})


# -- comparing ---------------------------------------------------------------------------------


def digest(result: Any) -> str:
    """Digest of all that a result holds; equal where every number is."""
    found = hashlib.sha256()
    for name, value in sorted(_parts(result).items()):
        found.update(name.encode())
        if isinstance(value, np.ndarray):
            found.update(f"{value.dtype}{value.shape}".encode())
            found.update(np.ascontiguousarray(value).tobytes())
        else:
            found.update(json.dumps(value, default=str, sort_keys=True).encode())
    return found.hexdigest()


def _parts(result: Any) -> dict[str, Any]:
    if isinstance(result, list):
        return {str(k): digest(each) for k, each in enumerate(result)}
    if isinstance(result, nza.Alignment):
        links = {f"link {k}": _values(link) for k, link in enumerate(result.transforms.links)}
        return {**links, **_of(result, "reference mask chunks"), **_common(result)}
    if isinstance(result, nza.ZShift):
        names = "z patch_z raw_patch_z patch_confidence lateral slice_gain anchor"
        moved = result.transforms
        more = {"links": None if moved is None else _values(moved.links[0])}
        volume = result.reference.read(0, result.reference.n_frames)
        return {**_of(result, names), **more, "volume": volume, **_common(result)}
    if isinstance(result, nza.Traces):
        names = "F Fneu corrected dff motion_explained frames recording dark_level"
        return {**_of(result, names), "rois": result.rois.circles, **_of(result, "provenance"),
                "params": result.params.model_dump()}  # fmt: skip
    return {"circles": result.circles, "ids": result.ids, "s": result.features["strength"]}


def _of(result: Any, names: str) -> dict[str, Any]:
    return {name: getattr(result, name) for name in names.split()}


def _common(result: Any) -> dict[str, Any]:
    facts = {"stack": (result.stack.name, result.stack.shape), "params": result.params.model_dump()}
    return {**facts, **_of(result, "quality provenance")}


def _values(link: Any) -> Any:
    return link.coefficients if isinstance(link, SplineLink) else link.matrices


@dataclass(frozen=True)
class Case:
    """How a result is overwritten: what is there, what takes its place, and how both are saved."""

    old: Any
    new: Any
    save: Callable[[Any, Path], Path]
    name: str

    def path(self, folder: Path) -> Path:
        return folder / self.name


def _save(result: Any, path: Path) -> Path:
    return result.save(path)


def _save_rois(result: nza.Rois, path: Path) -> Path:
    return result.save(path, overwrite=True)


CASES = {
    "alignment with a mask, then without": Case(
        zstack(1), zstack(2, mask=False), _save, "run.zalign"
    ),
    "alignment with chunks and times": Case(recording(1), recording(2), _save, "run.zalign"),
    "partial alignment": Case(zstack(1, done=4), zstack(2), _save, "run.zalign"),
    "session": Case(session(1, "ab"), session(2, "ab"), nza.save_session, "larva"),
    "session of other recordings": Case(
        session(1, "abc"), session(2, "bd"), nza.save_session, "larva"
    ),
    "traces": Case(traces(1), traces(2), _save, "traces"),
    "traces of a session": Case(
        [traces(1, "a"), traces(3, "b")],
        [traces(2, "b"), traces(4, "c")],
        save_session_traces,
        "traces",
    ),
    "z-shift": Case(zshift(1), zshift(2), _save, "run.zalign"),
    "ROIs": Case(rois(1), rois(2), _save_rois, "rois.csv"),
}

assert replace  # for the tests that change a result
