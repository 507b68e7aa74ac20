"""``stat.npy`` of Suite2p: a dictionary a ROI."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.footprint import footprint
from napari_zstack_align.write.cells.gaps import filled

ROIS_AT_ONCE = 100
ROUNDING = 1e-9
"""Spread of a constant trace, relative to its height."""


def stat_of(traces: Traces, field: FieldOfView) -> Job[npt.NDArray[Any]]:
    """Describe the ROIs in Suite2p's words.

    Returns
    -------
    generator of Progress
        Returns (N,) dictionaries, with the pixels of each circle (``lam``: the part of a pixel
        that lies inside), ``roi_id``, and the figures that Suite2p sorts and colours by.
    """
    stat = np.empty(len(traces.ids), object)
    for row in range(len(stat)):
        stat[row] = _shape(traces, row, field) | _activity(traces, row)
        if row % ROIS_AT_ONCE == 0:
            yield Progress("Describing ROIs", row, len(stat))
    _compare(stat, field.shape)
    return stat


def _shape(traces: Traces, row: int, field: FieldOfView) -> dict[str, Any]:
    circle = traces.rois.circles[row]
    rows, columns, weights = footprint(circle, field.shape)
    nearest = np.argmin((rows - circle[0]) ** 2 + (columns - circle[1]) ** 2)
    return {
        "roi_id": int(traces.ids[row]),
        "ypix": rows,
        "xpix": columns,
        "lam": weights.astype(np.float32),
        "med": [int(rows[nearest]), int(columns[nearest])],
        "radius": float(circle[2]),
        "npix": len(rows),
        "npix_soma": len(rows),
        "soma_crop": np.ones(len(rows), bool),
        # a circle
        "aspect_ratio": 1.0,
        "compact": 1.0,
        "footprint": 0,
        **_known("motion_explained", traces.motion_explained[0, row]),
    }


def _known(name: str, value: np.float32) -> dict[str, float]:
    """A number by its name; nothing where it is NaN, which Suite2p takes nowhere."""
    return {name: float(value)} if np.isfinite(value) else {}


def _activity(traces: Traces, row: int) -> dict[str, float]:
    """Skewness, spread and signal-to-noise of F without neuropil, as Suite2p reckons them."""
    f, fneu = (filled(signal[0, row]).astype(np.float64) for signal in (traces.F, traces.Fneu))
    trace = f - traces.params.neuropil_factor * fneu
    trace -= trace.mean()
    spread = float(trace.std())
    if spread <= ROUNDING * max(np.abs(f).max(), 1):
        return {"skew": 0.0, "std": 0.0, "snr": 0.0}
    noise = 0.5 * float(np.diff(trace).var())
    return {
        "skew": float((trace**3).mean()) / spread**3,
        "std": spread,
        "snr": 1 - noise / spread**2,
    }


def _compare(stat: npt.NDArray[Any], shape: tuple[int, int]) -> None:
    """Add what depends on the other ROIs: shared pixels, and size against the median."""
    covers = np.zeros(shape, np.uint16)
    for each in stat:
        covers[each["ypix"], each["xpix"]] += 1
    median = float(np.median([each["npix"] for each in stat]))
    for each in stat:
        each["overlap"] = covers[each["ypix"], each["xpix"]] > 1
        each["npix_norm"] = each["npix_norm_no_crop"] = each["npix"] / median
