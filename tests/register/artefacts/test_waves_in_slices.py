"""Repeats of a z-stack in which cells light up."""

from __future__ import annotations

import numpy as np

import napari_zstack_align as nza
from napari_zstack_align.register import within_slice
from napari_zstack_align.samples import zstack_with_repeats

LIT = (3, 10)


def test_a_repeat_in_which_cells_light_up_stays_in_its_slice(monkeypatch):
    sample = zstack_with_repeats(
        n_slices=2, n_repeats=6, size=128, max_displacement_px=2.0, drift_px=0.0, seed=5
    )
    frames = sample.stack.read(0, 12)[:, 0].astype(float)
    for t in LIT:
        bright = frames[t] > np.percentile(frames[t], 90)
        cells = np.argwhere(bright)[::40]
        y, x = np.indices(frames.shape[1:])
        for cy, cx in cells:
            frames[t] += 800 * (np.hypot(y - cy, x - cx) < 5)
    stack = nza.Stack.from_array(frames.clip(0, 65535).astype(np.uint16), frames_per_slice=6)
    alignment = nza.run(nza.align_adaptive(stack))
    assert alignment.quality["used"].all()
    assert (alignment.quality["flag"] == "").all()
    monkeypatch.setattr(within_slice, "only_brighter", lambda *_: np.zeros(6, bool))
    without = nza.run(nza.align_adaptive(stack))
    assert set(np.flatnonzero(without.quality["flag"] != "")) >= set(LIT)
