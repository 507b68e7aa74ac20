"""What a run is shown in is made one by one: each layer takes napari over 100 ms."""

from __future__ import annotations

from itertools import pairwise

import pytest
from driving import click, settled, show
from qtpy.QtCore import QObject
from stacks import SlowSource, small_zstack

from napari_zstack_align.gui.in_turns import InTurns


@pytest.fixture
def slow(qtbot, panel):
    """A z-stack whose first slice takes a while."""
    stack = small_zstack()
    shown = show(qtbot, panel, stack.replace(source=SlowSource(stack.source, 0.1)))
    panel.open_tab("Align")
    return shown


def names(shown):
    return [layer.name for layer in shown.layers()]


def turns(panel):
    """The timer whose every turn makes something."""
    return panel.zstack.run._room._timer


def press_run(qtbot, panel):
    click(qtbot, panel.zstack.align_tab.run_bar.run_button)


def test_each_turn_makes_one_layer(qtbot, panel, slow):
    counts = [1]
    turns(panel).timeout.connect(lambda: counts.append(len(slow.layers())))
    press_run(qtbot, panel)
    assert len(slow.layers()) == 1  # the click itself makes none
    qtbot.waitUntil(lambda: len(slow.layers()) == 4)
    assert slow.mode == "raw"
    settled(qtbot, panel)
    assert max(after - before for before, after in pairwise(counts)) == 1
    assert slow.mode == "volume"
    assert slow.volume[0].data[0].any()


@pytest.mark.thorough
def test_a_result_that_comes_first_finds_its_layers(qtbot, panel, slow):
    turns(panel).setInterval(10**6)
    press_run(qtbot, panel)
    assert len(slow.layers()) == 1
    settled(qtbot, panel)
    assert len(slow.layers()) == 4
    assert slow.mode == "volume"
    assert slow.volume[0].data[0].any()


@pytest.mark.parametrize("end", ["cancel", "remove"])
def test_a_run_that_ends_before_leaves_what_was_there(qtbot, panel, slow, end):
    turns(panel).setInterval(10**6)
    press_run(qtbot, panel)
    if end == "cancel":
        panel.zstack.align_tab.run_bar.cancel()
    else:
        panel.viewer.layers.remove(slow.raw[0])
    settled(qtbot, panel)
    assert len(panel.viewer.layers) == (1 if end == "cancel" else 0)


@pytest.mark.thorough
def test_a_second_run_shows_the_first_one_meanwhile(qtbot, panel, slow):
    press_run(qtbot, panel)
    settled(qtbot, panel)
    panel.viewer.layers.remove(slow.arrows)
    first = slow.alignment
    press_run(qtbot, panel)
    qtbot.waitUntil(lambda: slow.arrows is not None)
    assert slow.mode == "volume"
    assert slow.alignment is first
    settled(qtbot, panel)
    assert len(slow.runs) == 2


def test_a_step_that_lets_events_through_is_ended_before_the_next(qtbot, qapp):
    parent, done = QObject(), []
    turns = InTurns(parent)

    def steps(name):
        for number in range(2):
            yield done.append(f"{name}{number} begins")
            qapp.processEvents()
            if done == ["a0 begins"]:
                turns.finish()
                turns.begin(steps("b"))
            done.append(f"{name}{number} ends")

    turns.begin(steps("a"))
    qtbot.waitUntil(lambda: "b1 ends" in done)
    of = [[each for each in done if each[0] == name] for name in "ab"]
    assert done == of[0] + of[1]
    assert of[0] == ["a0 begins", "a0 ends", "a1 begins", "a1 ends"]
