"""Generated data under File > Open Sample."""

from __future__ import annotations

from typing import Any

from napari_zstack_align.gui.layer_data import layer_data
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats


def zstack() -> list[Any]:
    """A z-stack with repeats: 10 slices × 9 repeats, with motion and photon noise."""
    return layer_data(zstack_with_repeats(size=256).stack)


def recording() -> list[Any]:
    """A recording of one plane with drift and calcium transients."""
    return layer_data(recording_with_motion(n_frames=200, size=192).stack)
