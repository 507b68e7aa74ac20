"""Finds frames in the reference: sideways first, then in depth, where the frame before was.

Windows of frames are found apart from one another, the first frame of each in the whole stack: they
are the units that a run keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import ceil, floor
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.readable import read_each
from napari_zstack_align.flags import FLAG_COLUMNS, Fault, Flag, mark_each
from napari_zstack_align.levels import above_lowest
from napari_zstack_align.saved import Arrays, Units, key_of, values_of
from napari_zstack_align.zshift.evidence import Evidence, evidence_of
from napari_zstack_align.zshift.inputs import Inputs
from napari_zstack_align.zshift.noise import noise_variance
from napari_zstack_align.zshift.templates import Templates

Image = npt.NDArray[np.float32]

METHOD = "depths of a window 3"
"""Of the units: another number where a result may change."""
MOST_PIXELS = 8 * 512 * 512
"""Of the frames of a window, which bounds memory and what a stopped run loses."""
LEFT_PX = 0.15
"""A lateral error of the whole frame above this is taken out, and the frame compared again."""
ROUNDS = 3
LEAST_SIGNAL = 0.1
"""Part of a frame that must not be noise, or it says nothing of how much of it is explained."""
SURE = 0.5
"""Mean confidence of the patches below which a frame is searched for in the whole stack."""


@dataclass(frozen=True)
class FrameFound:
    """A frame in the reference.

    ``evidence`` is None where there was nothing to compare, ``fault`` where nothing is the matter;
    ``signal`` is the part of the band-passed frame's sum of squares that is no noise.
    """

    evidence: Evidence | None
    shift: npt.NDArray[np.float64]
    fault: Fault | None = None
    signal: float = np.nan


_BLANK = FrameFound(
    None, np.zeros(2), Fault(Flag.BLANK, "blank: the frame shows nothing to compare")
)


@dataclass(frozen=True)
class LocatedFrames:
    """What was found of frames, from ``start`` to ``stop`` (exclusive).

    Attributes
    ----------
    start, stop : int
        Frames.
    z, error, confidence, amplitude : numpy.ndarray
        (n, patches) float32, as of `Evidence`.
    lateral : numpy.ndarray
        (n, patches, 2) float32 (dy, dx) in px.
    beyond, correlation : numpy.ndarray
        (n,) float64, as of `Evidence`.
    explained : numpy.ndarray
        (n,) float64 part of the frame's signal that the planes at its depth explain; NaN where
        noise hides it.
    flags : numpy.ndarray
        (n,) table with the columns ``flag`` and ``detail``.
    """

    start: int
    stop: int
    z: Image
    error: Image
    confidence: Image
    amplitude: Image
    lateral: Image
    beyond: npt.NDArray[np.float64]
    correlation: npt.NDArray[np.float64]
    explained: npt.NDArray[np.float64]
    flags: npt.NDArray[np.void]

    @classmethod
    def of(cls, start: int, found: list[FrameFound], n_patches: int) -> LocatedFrames:
        """Put frames together."""
        number = len(found)
        shape = (number, n_patches)
        z, amplitude = (np.full(shape, np.nan, np.float32) for _ in range(2))
        error, confidence = np.full(shape, np.inf, np.float32), np.zeros(shape, np.float32)
        lateral = np.full((*shape, 2), np.nan, np.float32)
        beyond, correlation = np.zeros(number), np.full(number, np.nan)
        signal = np.array([one.signal for one in found])
        flags = np.zeros(number, FLAG_COLUMNS)
        mark_each(flags, [one.fault for one in found])
        for i, one in enumerate(found):
            if (evidence := one.evidence) is None:
                continue
            z[i], error[i], confidence[i] = evidence.z, evidence.error, evidence.confidence
            amplitude[i], lateral[i] = evidence.amplitude, one.shift + evidence.shift
            beyond[i], correlation[i] = evidence.beyond, evidence.correlation
        return cls(
            start,
            start + number,
            z=z,
            error=error,
            confidence=confidence,
            amplitude=amplitude,
            lateral=lateral,
            beyond=beyond,
            correlation=correlation,
            explained=np.maximum(correlation, 0) ** 2 / signal,
            flags=flags,
        )

    def arrays(self) -> Arrays:
        """What a unit holds of it."""
        return {each.name: getattr(self, each.name) for each in fields(self)[2:]}


class Locator:
    """Finds windows of frames, in any number of threads.

    Parameters
    ----------
    inputs : Inputs
    templates : Templates
    key : str
        Of the templates.
    units : Units
        Keeps what was found; all frames are read through it.
    """

    def __init__(self, inputs: Inputs, templates: Templates, key: str, units: Units) -> None:
        self._inputs, self._templates, self._key_of_templates = inputs, templates, key
        self._units, self._stack = units, units.frames.stack
        self._noise_in_band = float((templates.band.noise_kernel() ** 2).sum())

    def windows(self) -> list[range]:
        """Frames of all windows."""
        n_frames = self._stack.n_frames
        step = max(min(MOST_PIXELS // int(np.prod(self._inputs.shape)), 64), 1)
        return [range(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]

    def kept(self, frames: range) -> LocatedFrames | range:
        """Return a window that was found before; its frames where it was not."""
        arrays = self._units.get(_unit(frames), self._key(frames), frames)
        return frames if arrays is None else LocatedFrames(frames.start, frames.stop, **arrays)

    def locate(self, frames: range) -> LocatedFrames:
        """Find a window's frames, the first in the whole stack, each other near its forerunner."""
        found: list[FrameFound] = []
        before: float | None = None
        for t, (image, fault) in zip(
            frames, read_each(self._stack, frames.start, frames.stop), strict=True
        ):
            one = FrameFound(None, np.zeros(2), fault)
            if image is not None and self._inputs.placed[t]:
                one = self._found(image[self._inputs.params.channel], t, before)
            if one.evidence is not None and _mean_confidence(one.evidence) >= SURE:
                before = one.evidence.centre
            found.append(one)
        window = LocatedFrames.of(frames.start, found, self._templates.grid.n_patches)
        self._units.put(_unit(frames), self._key(frames), window.arrays(), frames)
        return window

    def _found(self, image: npt.NDArray[Any], t: int, before: float | None) -> FrameFound:
        if _is_blank(image):
            return _BLANK
        band, valid = self._prepared(image, t)
        found = self._find(band, valid, before)
        return replace(found, signal=self._signal_in(image, band, valid))

    def _signal_in(self, image: npt.NDArray[Any], band: Image, valid: Image | None) -> float:
        """Part of a band-passed frame's sum of squares that is no noise; NaN if next to nothing.

        By the raw frame's noise: resampling takes some of it off, most between pixels.
        """
        shown = band.size if valid is None else max(float(valid.sum()), 1.0)
        in_band = noise_variance(above_lowest(image)[0]) * self._noise_in_band
        power = float(np.einsum("yx,yx->", band, band, dtype=np.float64)) / shown
        signal = 1 - in_band / max(power, 1e-30)
        return signal if signal > LEAST_SIGNAL else np.nan

    def _key(self, frames: range) -> str:
        """Key of a window: nothing that only smoothing or the movies need touches it."""
        alignment, part = self._inputs.alignment, slice(frames.start, frames.stop)
        return key_of(
            METHOD,
            templates=self._key_of_templates,
            params=values_of(self._inputs.params, "channel", "window_slices", "max_shift_px"),
            frame=(self._stack.shape[1:], self._stack.dtype.str),
            transforms=None if alignment is None else alignment.transforms.parts(part),
            placed=self._inputs.placed[part],
            artefact_rows=None if alignment is None else alignment.rows_among(frames),
        )

    def _find(self, band: Image, valid: Image | None, before: float | None) -> FrameFound:
        every = np.arange(self._templates.n_slices)
        if before is not None:
            near = int(np.clip(round(before), 0, every[-1]))
            found = self._compare(band, valid, before, every[near : near + 1])
            assert found.evidence is not None
            if not found.evidence.at_edge and _mean_confidence(found.evidence) >= SURE:
                return found
        anew = self._compare(band, valid, None, every)
        if before is None:
            return anew
        return max(found, anew, key=lambda one: _mean_confidence(one.evidence))

    def _compare(
        self,
        band: Image,
        valid: Image | None,
        around: float | None,
        slices: npt.NDArray[np.intp],
    ) -> FrameFound:
        """Shift the frame onto the reference and weigh the depths, until nothing is left."""
        templates, params = self._templates, self._inputs.params
        place = templates.lateral.find(band, slices)
        around = float(place.slice_index) if around is None else around
        shift = place.shift
        for left in range(ROUNDS, 0, -1):
            moved, shown = _moved(band, valid, shift)
            evidence = evidence_of(moved, shown, templates, around, params.window_slices)
            rest = _common(evidence)
            if left == 1 or np.abs(rest).max() <= LEFT_PX:
                break
            limit = params.max_shift_px
            shift, around = np.clip(shift + rest, -limit, limit), evidence.centre
        return FrameFound(evidence, shift)

    def _prepared(self, image: npt.NDArray[Any], t: int) -> tuple[Image, Image | None]:
        """Band-passed frame in the coordinates of the reference, and where it is valid."""
        alignment = self._inputs.alignment
        if alignment is None:
            counts, valid = image, np.isfinite(image) if image.dtype.kind == "f" else None
        else:
            counts, valid = alignment.resample_measured(image, t)
        frame, _ = above_lowest(counts)
        band = self._templates.band(frame, valid)
        if valid is None or valid.all():
            return band, None
        return band, valid.astype(np.float32)


def _is_blank(image: npt.NDArray[Any]) -> bool:
    """Whether nothing is in an image: NaN, or the same value throughout."""
    lowest, highest = np.fmin.reduce(image, axis=None), np.fmax.reduce(image, axis=None)
    return not highest > lowest


def _moved(
    band: Image, valid: Image | None, shift: npt.NDArray[np.float64]
) -> tuple[Image, Image | None]:
    """Frame as it lies on the reference, 0 beyond it, and where it is valid."""
    if not shift.any():
        return band, valid
    matrix = np.array([[1, 0, shift[1]], [0, 1, shift[0]]])
    size = (band.shape[1], band.shape[0])
    cubic, linear = (kind | cv2.WARP_INVERSE_MAP for kind in (cv2.INTER_CUBIC, cv2.INTER_LINEAR))
    moved = cv2.warpAffine(band, matrix, size, flags=cubic)
    if valid is None:
        return moved, _overlap(band.shape, shift)
    return moved, np.asarray(cv2.warpAffine(valid, matrix, size, flags=linear))


def _overlap(shape: tuple[int, ...], shift: npt.NDArray[np.float64]) -> Image:
    """1 where a shifted frame covers the reference, else 0."""
    shown = np.zeros(shape, np.float32)
    y, x = (
        slice(max(ceil(-by), 0), min(floor(size - 1 - by), size - 1) + 1)
        for by, size in zip(shift.tolist(), shape, strict=True)
    )
    shown[y, x] = 1
    return shown


def _common(evidence: Evidence) -> npt.NDArray[np.float64]:
    """(2,) lateral error that the patches have in common."""
    weight = np.where(np.isfinite(evidence.error), evidence.confidence, 0)
    if weight.sum() <= 0:
        return np.zeros(2)
    return np.asarray(weight @ evidence.shift / weight.sum())


def _mean_confidence(evidence: Evidence | None) -> float:
    return 0.0 if evidence is None else float(evidence.confidence.mean())


def _unit(frames: range) -> str:
    return f"window-{frames.start:08}"
