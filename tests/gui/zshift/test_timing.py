"""How long a person waits for the z-shift tab."""

from __future__ import annotations

import pytest
from driving import Heartbeat, click, settled

pytestmark = pytest.mark.timing


def test_the_event_loop_never_waits_for_the_search(qtbot, panel, loaded, monkeypatch, median_of):
    """Until the layers of the result are made, which is napari's own work."""

    def longest_wait():
        beats = []
        monkeypatch.setattr(loaded, "show", lambda _: beats.append(heartbeat.stop()))
        click(qtbot, loaded.tab.run_bar.run_button)
        heartbeat = Heartbeat()
        settled(qtbot, panel)
        return beats[0]

    assert median_of(longest_wait) < 0.1
