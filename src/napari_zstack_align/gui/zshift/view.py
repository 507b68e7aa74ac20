"""What the panel shows of a z-shift, prepared in the worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.flags import Flag, are_flagged, shown
from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.zshift import ZShift
from napari_zstack_align.zshift.zshift import WITHOUT_DEPTH

Numbers = npt.NDArray[np.float32]

BAND = 1.96
"""Standard errors on either side: 95 % of the frames should lie within."""
LEAST_TILT = 0.2
"""Range of the tilt's colours, in slices, below which differences are noise."""
UNKNOWN_LIMITS = (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class ZShiftView:
    """Numbers in the unit that is shown: µm, or slices where the z-step is unknown.

    Attributes
    ----------
    zshift : ZShift
        Perhaps partial.
    unit : str
        'µm' or 'slices'.
    step : float
        Distance of two slices in that unit.
    z, band : numpy.ndarray
        (T,) float32 depth, and the half width of its 95 % band; NaN where unknown.
    tilt : numpy.ndarray
        (T, 2) float32 difference in depth from the upper to the lower and from the left to the
        right edge patches.
    tilt_range, z_range : tuple of float
        Limits of the map's colours.
    frame_limits, slice_limits : tuple of float
        Contrast limits of the recording, and of the reference.
    movies : tuple of Movie
        Recording and reference it was made from, as far as they are open in the panel.
    outdated : str
        Why it was outdated already when its project was saved, a sentence; '' for not.
    """

    zshift: ZShift
    unit: str
    step: float
    z: Numbers
    band: Numbers
    tilt: Numbers
    tilt_range: Limits
    z_range: Limits
    frame_limits: Limits = UNKNOWN_LIMITS
    slice_limits: Limits = UNKNOWN_LIMITS
    movies: tuple[Movie, ...] = ()
    outdated: str = ""

    @classmethod
    def of(
        cls,
        zshift: ZShift,
        frame_limits: Limits = UNKNOWN_LIMITS,
        slice_limits: Limits = UNKNOWN_LIMITS,
    ) -> ZShiftView:
        """Prepare a z-shift."""
        known = zshift.z_step_um is not None
        step = zshift.z_step_um or 1.0
        deviation = zshift.patch_z - zshift.z[:, np.newaxis, np.newaxis]
        tilt = max(_largest(np.abs(deviation)), LEAST_TILT) * step
        last = (zshift.reference.n_frames - 1) * step
        return cls(
            zshift=zshift,
            unit="µm" if known else "slices",
            step=step,
            z=np.asarray(zshift.z * step, np.float32),
            band=np.asarray(BAND * step * zshift.standard_error, np.float32),
            tilt=np.asarray(zshift.tilt * step, np.float32),
            tilt_range=(-tilt, tilt),
            z_range=(0.0, last),
            frame_limits=frame_limits,
            slice_limits=slice_limits,
        )

    @property
    def n_frames(self) -> int:
        """Frames of the recording."""
        return len(self.z)

    @property
    def n_slices(self) -> int:
        """Slices of the reference."""
        return self.zshift.reference.n_frames

    @property
    def last(self) -> float:
        """Depth of the last slice."""
        return (self.n_slices - 1) * self.step

    @property
    def flagged(self) -> npt.NDArray[np.bool_]:
        """(T,) bool: frames that were run and whose depth isn't to be trusted."""
        return are_flagged(self.zshift.flags)

    def is_outside(self, t: int) -> bool:
        """Whether a frame lies beyond the first or last slice."""
        return bool(self.zshift.flags[t] == Flag.OUTSIDE)

    def has_slice(self, t: int) -> bool:
        """Whether there is a slice to show beside a frame."""
        there = self.zshift.flags[t] not in WITHOUT_DEPTH or self.is_outside(t)
        return bool(there and np.isfinite(self.z[t]))

    def words(self, t: int) -> str:
        """Where a frame was taken, such as 'z 12.4 ± 0.1 µm (slice 6.2)'."""
        zshift, row = self.zshift, self.zshift.quality[t]
        if row["flag"] == Flag.NOT_RUN:
            return "not run yet"
        if not self.has_slice(t):
            return f"⚠ {shown(row)}"
        if self.is_outside(t):
            end = zshift.matching_slice(t)
            return f"⚠ {shown(row)}; hatched: its end, slice {end}"
        slices = f" (slice {zshift.z[t]:.2f})" if self.unit == "µm" else ""
        text = f"z {self.z[t]:.2f} ± {self.band[t]:.2f} {self.unit}{slices}".replace("-", "−")
        return f"{text}: ⚠ {shown(row)}" if row["flag"] else text


def _largest(values: Numbers) -> float:
    """Largest of the values but for a few; 0 where none is finite."""
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, 99)) if finite.size else 0.0
