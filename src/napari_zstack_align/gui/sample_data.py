"""Generated data under File > Open Sample.

napari wants the layers at once, so these are small enough to be made in its main thread.
"""

from __future__ import annotations

from napari_zstack_align.gui.layer_data import LayerData, layer_data
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats


def zstack() -> list[LayerData]:
    """A z-stack with repeats: 10 slices × 9 repeats, with motion and photon noise."""
    return layer_data(zstack_with_repeats(size=256).stack)


def recording() -> list[LayerData]:
    """A recording of one plane with drift and calcium transients."""
    return layer_data(recording_with_motion(n_frames=200, size=192).stack)
