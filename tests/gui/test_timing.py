"""How long a person waits for the panel with a z-stack."""

from __future__ import annotations

import time

import pytest
from driving import Heartbeat, click, run, settled, show
from stacks import slow_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.worker import JobWorker
from napari_zstack_align.progress import Progress

pytestmark = pytest.mark.timing


def counting(closed):
    try:
        for i in range(1000):
            time.sleep(0.02)
            yield Progress("Counting", i, 1000)
    finally:
        closed.append(time.monotonic())


def test_cancel_closes_a_job_within_a_second(qtbot, median_of):
    def wait():
        closed = []
        worker = JobWorker(lambda: counting(closed))
        with qtbot.waitSignal(worker.progress):
            worker.launch()
        asked = time.monotonic()
        with qtbot.waitSignal(worker.cancelled):
            worker.cancel()
        qtbot.waitUntil(worker.isFinished)
        return closed[0] - asked

    assert median_of(wait) < 1


def test_cancel_stops_a_run_within_a_second(qtbot, viewer, panel, median_of, seconds):
    def cancel():
        click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
        settled(qtbot, panel)

    def wait():
        viewer.layers.clear()
        shown = show(qtbot, panel, slow_zstack())
        run(qtbot, panel)
        qtbot.waitUntil(lambda: shown.alignment is not None)
        return seconds(cancel)

    assert median_of(wait) < 1


def test_the_event_loop_never_waits_for_a_job(
    qtbot, viewer, panel, zstack_file, tmp_path, median_of
):
    """Window hidden: painting with OpenGL in software takes as long as what is looked for."""

    def longest_wait():
        viewer.layers.clear()
        shown = show(qtbot, panel, nza.open_stack(zstack_file, frames_per_slice=7))
        run(qtbot, panel)
        qtbot.waitUntil(lambda: shown.mode == "volume")
        heartbeat = Heartbeat()  # from here on: napari has made the layers and what they show
        settled(qtbot, panel)
        panel.zstack.load_tab.propose()
        panel.zstack.result.save(tmp_path / "a.zalign")
        settled(qtbot, panel)
        panel.zstack.result.export(tmp_path / "volume.ome.zarr")
        settled(qtbot, panel)
        return heartbeat.stop()

    assert median_of(longest_wait) < 0.1
