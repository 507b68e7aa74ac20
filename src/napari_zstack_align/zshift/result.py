"""From what each frame said by itself to depths, confidence and flags."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.flags import Fault, Flag, mark
from napari_zstack_align.progress import Progress
from napari_zstack_align.remark import Remark, as_serious
from napari_zstack_align.saved import Units
from napari_zstack_align.sources import ArraySource
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.distance import Distances, distances
from napari_zstack_align.zshift.evidence import DISPUTED
from napari_zstack_align.zshift.in_turn import depth_of_frames, warning_of_planes
from napari_zstack_align.zshift.inputs import Inputs
from napari_zstack_align.zshift.locate import LocatedFrames
from napari_zstack_align.zshift.smoothing import Smooth, smooth_depths
from napari_zstack_align.zshift.templates import Templates
from napari_zstack_align.zshift.zshift import QUALITY, ZShift

Numbers = npt.NDArray[np.float64]

DISAGREES = 0.5
"""A patch that lies further than this from the smoothed depth, in slices, loses confidence."""
MOST_OUTSIDE = 0.5
"""Part of the evidence beyond the stack from which a frame lies outside it."""
OUTSIDE_SLICES = 0.4
"""A frame whose mean depth is further than this beyond the first or last slice is outside."""
COMMON_ERROR = 0.015
"""Error of the model that all patches have in common, in slices."""
OUTSIDE = Fault(Flag.OUTSIDE, "outside the stack: beyond its first or last slice")
LOG_GAIN_ORDER = 2
"""Of the polynomial that the slices' gain follows: laser power changes smoothly with depth."""


class Findings:
    """Tables of what was found, filled window by window.

    Parameters
    ----------
    inputs : Inputs
    templates : Templates
    volume : numpy.ndarray
        (Z, Y, X) the reference.
    units : Units
        Of the recording: the frames that were read, and the journal of the run.
    """

    def __init__(
        self,
        inputs: Inputs,
        templates: Templates,
        volume: npt.NDArray[np.floating],
        units: Units,
    ) -> None:
        self._inputs, self._templates, self._units = inputs, templates, units
        n_frames, n_patches = inputs.stack.n_frames, templates.grid.n_patches
        self._z = np.full((n_frames, n_patches), np.nan, np.float32)
        self._error = np.full((n_frames, n_patches), np.inf, np.float32)
        self._confidence = np.zeros((n_frames, n_patches), np.float32)
        self._lateral = np.full((n_frames, n_patches, 2), np.nan, np.float32)
        self._beyond = np.zeros(n_frames)
        self._explained = np.full(n_frames, np.nan)
        self._quality = np.zeros(n_frames, QUALITY)
        self._quality["frame"] = np.arange(n_frames)
        times = inputs.stack.frame_times_s
        self._quality["time_s"] = np.nan if times is None else times
        for name in ("correlation", "gain", "standard_error"):
            self._quality[name] = np.nan
        self._quality["flag"] = Flag.NOT_RUN
        self._amplitude = np.full((n_frames, n_patches), np.nan, np.float32)
        energy = np.where(templates.known, templates.energy.mean(axis=1), 0)
        self._importance = energy / max(float(energy.sum()), 1e-12)
        self._slice_gain = np.ones(templates.n_slices, np.float32)
        if inputs.params.equalise_slices:
            self._slice_gain = _slice_gain(templates.scale)
        self._reference = Stack(
            ArraySource(volume, "ZYX"),
            pixel_size_um=inputs.stack.pixel_size_um or inputs.reference.pixel_size_um,
            z_step_um=inputs.reference.z_step_um,
            z_positions_um=inputs.reference.stack.z_positions_um,
            frames_per_slice=1,
            name=inputs.reference.name,
        )
        self._is_done = np.zeros(n_frames, bool)

    def take(self, window: LocatedFrames) -> None:
        """Keep what a window of frames said."""
        part = slice(window.start, window.stop)
        rows, run = self._quality[part], self._inputs.placed[part]
        for name in ("flag", "detail"):
            rows[name][run] = window.flags[name][run]
        rows["correlation"] = window.correlation
        self._z[part], self._error[part] = window.z, window.error
        self._confidence[part], self._amplitude[part] = window.confidence, window.amplitude
        self._lateral[part], self._beyond[part] = window.lateral, window.beyond
        self._explained[part] = window.explained
        self._is_done[part] = True

    @property
    def n_done(self) -> int:
        """Number of frames that were taken."""
        return int(np.count_nonzero(self._is_done))

    def result(self) -> Generator[Progress, None, ZShift]:
        """Snapshot of what was found."""
        inputs, grid = self._inputs, self._templates.grid
        z, error, sure = (
            part.astype(np.float64) for part in (self._z, self._error, self._confidence)
        )
        # Where most patches lie beyond the stack, the few others are there by chance.
        far = self._distances(depth_of_frames(z, sure))
        elsewhere = far.is_outside | far.is_nowhere
        weight = sure * np.where(elsewhere, 0, 1 - self._beyond)[:, np.newaxis]
        smooth = yield from smooth_depths(z, error, weight, grid.shape, inputs.params)
        outside = self._outside(smooth) | far.is_outside
        confidence = self._confidence_in(smooth)
        confidence[outside | far.is_nowhere] = 0
        confidence[far.is_open] = np.minimum(confidence[far.is_open], DISPUTED)
        quality = self._table(smooth, confidence, outside)
        return self._assembled(smooth, confidence, quality, far)

    def _assembled(
        self,
        smooth: Smooth,
        confidence: Numbers,
        quality: npt.NDArray[np.void],
        far: Distances,
    ) -> ZShift:
        inputs, grid = self._inputs, self._templates.grid
        run = quality["flag"] != Flag.NOT_RUN
        z = np.where(run, smooth.z, np.nan).astype(np.float32)
        patch_z = np.where(run[:, np.newaxis], smooth.patch_z, np.nan).astype(np.float32)
        patches, used = (len(quality), *grid.shape), quality["used"]
        journal = self._units.journal.id
        middle = (self._templates.n_slices - 1) / 2
        return ZShift(
            stack=inputs.stack,
            reference=self._reference,
            transforms=None if inputs.alignment is None else inputs.alignment.transforms,
            z=z,
            patch_z=patch_z.reshape(patches),
            raw_patch_z=self._z.reshape(patches).copy(),
            patch_confidence=confidence.astype(np.float32).reshape(patches),
            lateral=self._lateral.reshape(*patches, 2).copy(),
            centres=grid.centres,
            quality=quality,
            slice_gain=self._slice_gain,
            anchor=float(np.median(z[used])) if used.any() else middle,
            params=inputs.params,
            provenance=inputs.provenance(
                self._found(far),
                self._templates.left_out,
                **({"journal": journal} if journal else {}),
            ),
            frame_digests=self._units.frames.seen(),
        )

    def _distances(self, z: Numbers) -> Distances:
        """How far frames, found at the depths ``z``, are from there."""
        templates = self._templates
        slices = np.arange(templates.n_slices)
        apart = templates.depths[:, np.newaxis] - slices
        predictable = np.einsum("nz,nz->n", templates.weights, templates.model.at(apart))
        last = templates.n_slices - 1
        at = np.interp(np.clip(z, 0, last), templates.depths, predictable)
        return distances(self._explained, z, at, templates.model, templates.n_slices)

    def _found(self, far: Distances) -> tuple[Remark, ...]:
        """What was odd about the reference, and about the depths."""
        weight = self._confidence.astype(np.float64)
        planes = warning_of_planes(self._inputs.stack, self._z, weight)
        # Depths in turn say more than images in turn, which the frames showed before.
        of_turns = as_serious(planes) or self._inputs.looked_at
        return self._templates.remarks + of_turns + as_serious(self._warning_of_ends(far))

    def _warning_of_ends(self, far: Distances) -> str:
        """Sentence about frames that may lie beyond the stack; '' where that is known."""
        number = int(np.count_nonzero(far.is_open))
        if not number:
            return ""
        return (
            f"{counted(number, 'frame')} found at an end of {self._reference.name} may lie beyond "
            f"it: to tell, too little of them is explained there, or its slices differ too little. "
            f"Confidence there is low; give a reference that reaches further on either side."
        )

    def _outside(self, smooth: Smooth) -> npt.NDArray[np.bool_]:
        """(T,) bool: frames beyond the first or the last slice."""
        last = self._templates.n_slices - 1
        beyond = (smooth.z < -OUTSIDE_SLICES) | (smooth.z > last + OUTSIDE_SLICES)
        return np.asarray(beyond | (self._beyond > MOST_OUTSIDE))

    def _table(
        self, smooth: Smooth, confidence: Numbers, outside: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.void]:
        """(T,) quality table; flags of what nothing was said of yet."""
        quality = self._quality.copy()
        run = quality["flag"] != Flag.NOT_RUN
        quality["confidence"] = np.where(run, confidence @ self._importance, 0)
        common = np.hypot(COMMON_ERROR, self._templates.model.uncertainty)
        error = np.hypot(smooth.error, common)
        quality["standard_error"] = np.where(run, error, np.nan)
        quality["gain"] = self._gain(smooth)
        unsaid = quality["flag"] == Flag.GOOD
        unsure = ~(quality["confidence"] >= self._inputs.params.min_confidence)
        mark(quality, self._low_confidence, unsaid & unsure)
        mark(quality, OUTSIDE, unsaid & outside)
        quality["used"] = quality["flag"] == Flag.GOOD
        return quality

    @property
    def _low_confidence(self) -> Fault:
        least = self._inputs.params.min_confidence
        return Fault(Flag.LOW_CONFIDENCE, f"low confidence: less than min_confidence ({least:g})")

    def _confidence_in(self, smooth: Smooth) -> Numbers:
        """(T, patches) confidence in the smoothed depth: how sure a patch was, if it agrees."""
        distance = np.abs(self._z - smooth.patch_z)
        beyond = np.maximum(distance - DISAGREES, 0) / DISAGREES
        agreement = np.exp(-0.5 * beyond**2)
        return np.where(np.isfinite(agreement), self._confidence * agreement, 0)

    def _gain(self, smooth: Smooth) -> Numbers:
        """(T,) counts of the frame in a count of the reference at a common gain of its slices."""
        slices = np.arange(self._templates.n_slices)
        unit = self._templates.scale / self._slice_gain
        measured = self._templates.scale > 0
        there = np.interp(np.nan_to_num(smooth.z), slices[measured], unit[measured])
        known = np.where(np.isfinite(self._z), self._amplitude, np.nan)
        weight = np.where(np.isfinite(known), self._importance, 0)
        total = weight.sum(axis=1)
        mean = np.nansum(weight * known, axis=1) / np.where(total > 0, total, np.nan)
        return np.asarray(mean / np.maximum(there, 1e-12))


def _slice_gain(scale: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(Z,) gain of each slice by its contrast, a smooth curve with depth; 1 on average."""
    known = scale > 0
    order = min(LOG_GAIN_ORDER, int(np.count_nonzero(known)) - 1)
    slices = np.arange(len(scale))
    fit = np.polynomial.Polynomial.fit(slices[known], np.log(scale[known]), order)
    gain = np.exp(fit(slices))
    return np.asarray(gain / gain.mean(), np.float32)
