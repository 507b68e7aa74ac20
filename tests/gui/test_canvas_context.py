"""Layers are deleted one by one in napari's list: a napari without the panel dies of it.

It is a napari of its own, since what fails here ends Python with a segmentation fault.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

DELETING = """
import napari, numpy as np
from qtpy.QtTest import QTest
from napari_zstack_align.gui.open import open_panel

viewer = napari.Viewer()
viewer.window.resize(1200, 800)
open_panel(viewer)
QTest.qWait(300)
image = np.random.default_rng(0).normal(100, 5, (5, 14, 64, 64)).astype("float32")

def in_the_list(layer):
    viewer.layers.selection = {layer}
    viewer.layers.remove_selected()

for remove, axes in ((in_the_list, (4, 3, 2)), (viewer.layers.remove, (4, 2))):
    for n in axes:
        viewer.add_image(image[(0,) * (4 - n)])
        QTest.qWait(200)
    while viewer.layers:
        remove(viewer.layers[0])
        QTest.qWait(300)
viewer.close()
print("all are gone")
"""


@pytest.mark.skipif(
    sys.platform == "linux" and os.environ.get("QT_QPA_PLATFORM") == "offscreen",
    reason="nothing is drawn by OpenGL off-screen",
)
@pytest.mark.thorough
def test_layers_can_be_deleted_one_by_one():
    done = subprocess.run(
        [sys.executable, "-c", DELETING], capture_output=True, text=True, timeout=300
    )
    assert "all are gone" in done.stdout, done.stderr[-3000:]
