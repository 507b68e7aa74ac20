"""How long a person waits for the panel with recordings."""

from __future__ import annotations

import pytest
from driving import Heartbeat, click, settled

from .conftest import add, press, run_to_end, slow

pytestmark = pytest.mark.timing


def test_will_this_work_is_answered_within_a_second_and_a_half(
    qtbot, panel, session, median_of, seconds
):
    session.tab.list.go_to(2)
    press(qtbot, panel, "check")  # the layers are made
    assert median_of(lambda: seconds(lambda: press(qtbot, panel, "check"))) < 1.5


def test_cancel_stops_within_a_second(qtbot, panel, stacks, median_of, seconds):
    session = add(qtbot, panel, slow(stacks, 0.015))

    def cancel():
        click(qtbot, session.tab.run_bar.cancel_button)
        settled(qtbot, panel)

    def wait():
        click(qtbot, session.tab.run_bar.run_button)
        qtbot.waitUntil(lambda: bool(session.aligned))
        return seconds(cancel)

    assert median_of(wait) < 1


def test_the_event_loop_never_waits_for_a_job(qtbot, panel, aligned, tmp_path, median_of):
    panel.open_tab("Recordings")
    press(qtbot, panel, "check")
    aligned.layers.look_at("aligned")

    def longest_wait():
        heartbeat = Heartbeat()  # napari has made its layers
        press(qtbot, panel, "compare")
        run_to_end(qtbot, panel)
        aligned.results.save(tmp_path / "larva")
        settled(qtbot, panel)
        aligned.results.export(tmp_path / "a.ome.tif")
        settled(qtbot, panel)
        return heartbeat.stop()

    assert median_of(longest_wait) < 0.1
