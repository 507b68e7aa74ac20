"""Generated data under File > Open Sample.

napari wants the layers at once, so these are small enough to be made in its main thread.
"""

from __future__ import annotations

import numpy as np

from napari_zstack_align.gui.layer_data import LayerData, layer_data
from napari_zstack_align.samples import (
    recording_with_motion,
    recording_with_zshift,
    zstack_with_repeats,
)


def zstack() -> list[LayerData]:
    """A z-stack with repeats: 10 slices × 9 repeats, with motion and photon noise."""
    return layer_data(zstack_with_repeats(size=256).stack)


def recording() -> list[LayerData]:
    """A recording of one plane with drift and calcium transients."""
    return layer_data(recording_with_motion(n_frames=200, size=192).stack)


def zshift() -> list[LayerData]:
    """A recording that drifts through a z-stack, and beyond its first slice; and the z-stack."""
    z = 4 - 5.5 * np.sin(np.linspace(0, np.pi, 60)) ** 2
    sample = recording_with_zshift(n_slices=9, size=192, z=z, tilt_slices=0.8)
    return [*layer_data(sample.reference), *layer_data(sample.recording)]
