"""'Align by': one choice of a channel or all, which stands in the parameters."""

from __future__ import annotations

import pytest

from napari_zstack_align import AdaptiveParams, KeypointParams
from napari_zstack_align.gui.align_by import AlignBy
from napari_zstack_align.gui.form import ParamsForm


@pytest.fixture(params=[AdaptiveParams, KeypointParams])
def chosen(qtbot, request):
    form = ParamsForm(request.param, first=("max_shift_px",), elsewhere=("channel",))
    qtbot.addWidget(form)
    choice = AlignBy(form)
    qtbot.addWidget(choice)
    return form, choice


def _choose(choice, text):
    index = choice.combo.findText(text)
    choice.combo.setCurrentIndex(index)
    choice.combo.activated.emit(index)


def _offered(choice):
    return [choice.combo.itemText(i) for i in range(choice.combo.count())]


def test_channels_and_all_are_offered(chosen):
    form, choice = chosen
    assert not choice.combo.isEnabled()
    choice.show_channels(["green", "red"])
    assert _offered(choice) == ["green", "red", "all channels"]
    assert choice.combo.currentText() == "green"
    _choose(choice, "red")
    assert (form.values().channel, form.values().channel_weights) == (1, ())
    _choose(choice, "all channels")
    assert (form.values().channel, form.values().channel_weights) == (0, (1.0, 1.0))
    _choose(choice, "green")
    assert form.values() == type(form.values())()


def test_all_stays_all_with_another_stack(chosen):
    form, choice = chosen
    choice.show_channels(["a", "b"])
    _choose(choice, "all channels")
    choice.show_channels(["a", "b", "c"])
    assert form.values().channel_weights == (1.0, 1.0, 1.0)
    assert choice.combo.currentText() == "all channels"
    choice.show_channels(["a"])
    assert form.values().channel_weights == ()


def test_what_the_form_says_is_shown(chosen):
    form, choice = chosen
    choice.show_channels(["green", "red"])
    form.set_values(form.values().replace(channel=1))
    assert choice.combo.currentText() == "red"
    form.set_values(form.values().replace(channel_weights=(0.2, 0.8)))
    assert choice.combo.currentText() == "weights below"
    assert form.values().channel_weights == (0.2, 0.8)
    form.set_values(form.values().replace(channel_weights=(2.0, 2.0)))
    assert choice.combo.currentText() == "all channels"
    form.reset()
    assert choice.combo.currentText() == "green"
