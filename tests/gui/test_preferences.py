"""What a person sets once under Preferences > Z-stack align is what counts."""

from __future__ import annotations

import threading

import pytest

from napari_zstack_align.gui import worker as worker_module
from napari_zstack_align.gui.preferences import PLUGIN, Preferences, preferences
from napari_zstack_align.gui.recordings.session_tab import SessionTab
from napari_zstack_align.gui.worker import JobWorker
from napari_zstack_align.parallel import default_threads
from napari_zstack_align.progress import Progress

settings_module = pytest.importorskip("napari.settings")


@pytest.fixture
def settings():
    """The plugin's settings, which are as they were afterwards."""
    if not hasattr(settings_module, "get_plugin_settings"):
        pytest.skip("this napari has no settings of plugins")
    found = settings_module.get_plugin_settings()[PLUGIN]
    before = preferences()
    yield found
    found.running.processors = before.processors
    found.exporting.frames_format = before.frames_format


def test_nothing_set_means_the_defaults():
    assert preferences() == Preferences()


def test_jobs_use_as_many_processors_as_are_set(settings, qtbot):
    def job():
        yield Progress("counting", 0, 1)
        return default_threads()

    counted = []
    settings.running.processors = 1
    worker = JobWorker(job)
    worker.returned.connect(counted.append)
    with qtbot.waitSignal(worker.finished):
        worker.launch()
    qtbot.waitUntil(lambda: counted == [1])
    assert default_threads() >= 1  # of the main thread, which is held to nothing


def test_the_format_of_frames_that_is_set_is_chosen_first(settings, qtbot, shared_viewer):
    for ending in (".h5", ".ome.tif"):
        settings.exporting.frames_format = ending
        tab = SessionTab(shared_viewer)
        qtbot.addWidget(tab)
        tab.show()
        assert tab.format.currentData() == ending
        tab.layer_combo.stop()


def test_the_window_does_not_wait_for_them(qtbot, monkeypatch):
    asked_in = []
    monkeypatch.setattr(
        worker_module,
        "preferences",
        lambda: asked_in.append(threading.get_ident()) or Preferences(),
    )
    worker = JobWorker(counting)
    with qtbot.waitSignal(worker.finished):
        worker.launch()
    assert len(asked_in) == 1
    assert threading.get_ident() not in asked_in


def counting():
    yield Progress("counting", 0, 1)
