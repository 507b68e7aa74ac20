"""Settings of a form: the defaults, those of the last run, and those kept under a name."""

from __future__ import annotations

import json

import pytest
from qtpy.QtWidgets import QInputDialog

from napari_zstack_align.gui import kept_settings, settings_button
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.gui.settings_button import DEFAULTS, KEEP, LAST_RUN, REMOVE, SettingsButton
from napari_zstack_align.params import AdaptiveParams, KeypointParams


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_settings, "settings_folder", lambda: tmp_path / "settings")
    return tmp_path / "settings" / "AdaptiveParams"


@pytest.fixture
def form(qtbot):
    form = ParamsForm(AdaptiveParams, first=("alpha",))
    qtbot.addWidget(form)
    return form


@pytest.fixture
def button(qtbot, form, folder):
    button = SettingsButton(form, AdaptiveParams, ("channel", "start_slice"))
    qtbot.addWidget(button)
    button.heard = []
    button.said.connect(button.heard.append)
    button.refused.connect(lambda words: button.heard.append(f"refused: {words}"))
    return button


def action(button, *path):
    """An entry of the menu, as it is opened now."""
    button.menu().aboutToShow.emit()
    menu = button.menu()
    for text in path[:-1]:
        menu = next(each.menu() for each in menu.actions() if each.text() == text)
    return next(each for each in menu.actions() if each.text() == path[-1])


def keep(button, monkeypatch, name):
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: (name, True))
    action(button, KEEP).trigger()


def texts(button):
    button.menu().aboutToShow.emit()
    return [each.text() for each in button.menu().actions() if each.text()]


def test_kept_settings_come_back_and_what_is_of_the_data_stays(button, form, folder, monkeypatch):
    form.set_values(AdaptiveParams(alpha=3.0, outlier_mad=5.0, start_slice=7, channel=1))
    keep(button, monkeypatch, " my & fish ")
    assert "'my & fish'" in button.heard[-1]
    assert AdaptiveParams.from_file(folder / "my & fish.json") == form.values()
    assert texts(button) == [DEFAULTS, LAST_RUN, "my && fish", KEEP, REMOVE]
    form.set_values(AdaptiveParams(start_slice=2))
    action(button, "my && fish").trigger()
    assert form.values() == AdaptiveParams(alpha=3.0, outlier_mad=5.0, start_slice=2)
    action(button, DEFAULTS).trigger()
    assert form.values() == AdaptiveParams(start_slice=2)


def test_what_is_of_the_data_stays_where_the_form_holds_what_cannot_be_used(qtbot, folder):
    form = ParamsForm(KeypointParams, elsewhere=("channel",))
    qtbot.addWidget(form)
    stay = ("channel", "reference_recording", "reference_frames")
    button = SettingsButton(form, KeypointParams, stay)
    qtbot.addWidget(button)
    form.set_values(KeypointParams(channel=1, reference_recording=2, max_shift_px=7))
    form.fields["reference_frames"].set((9, 3))
    action(button, DEFAULTS).trigger()
    form.fields["reference_frames"].set(None)
    assert form.values() == KeypointParams(channel=1, reference_recording=2)


def test_names_of_the_menu_can_be_given_too(button, form, monkeypatch):
    form.set_values(AdaptiveParams(alpha=3.0))
    for name in (DEFAULTS, LAST_RUN):
        keep(button, monkeypatch, name)
    button.remember_run(AdaptiveParams(alpha=5.0))
    for name in (DEFAULTS, LAST_RUN):
        form.set_values(AdaptiveParams(alpha=7.0))
        button.menu().aboutToShow.emit()
        *_, own = (each for each in button.menu().actions() if each.text() == name)
        own.trigger()
        assert form.values().alpha == 3.0


def test_the_last_run_is_offered_once_there_was_one(button, form):
    assert not action(button, LAST_RUN).isEnabled()
    button.remember_run(AdaptiveParams(alpha=0.3))
    assert action(button, LAST_RUN).isEnabled()
    action(button, LAST_RUN).trigger()
    assert form.values().alpha == 0.3
    assert texts(button) == [DEFAULTS, LAST_RUN, KEEP]


def test_nothing_is_replaced_or_removed_without_a_question(button, form, folder, monkeypatch):
    keep(button, monkeypatch, "fish")
    monkeypatch.setattr(settings_button, "confirmed", lambda *_, **__: False)
    keep(button, monkeypatch, "Fish")
    assert not (folder / "Fish.json").exists(), "some file systems take these for one"
    form.set_values(AdaptiveParams(alpha=5.0))
    for yes, alpha in ((False, 1.0), (True, 5.0)):
        monkeypatch.setattr(settings_button, "confirmed", lambda *_, answer=yes, **__: answer)
        keep(button, monkeypatch, "fish")
        assert AdaptiveParams.from_file(folder / "fish.json").alpha == alpha
    monkeypatch.setattr(settings_button, "confirmed", lambda *_, **__: False)
    action(button, REMOVE, "fish").trigger()
    assert (folder / "fish.json").exists()
    monkeypatch.setattr(settings_button, "confirmed", lambda *_, **__: True)
    action(button, REMOVE, "fish").trigger()
    assert texts(button) == [DEFAULTS, LAST_RUN, KEEP]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a/b", "can't hold '/'"),
        ("", "must begin"),
        (".x", "must begin"),
        ("x.", "and end"),
        ("é" * 61, "60 letters"),
    ],
)
def test_names_that_no_file_can_have_are_refused(button, folder, monkeypatch, name, why):
    keep(button, monkeypatch, name)
    assert button.heard[-1].startswith("refused: A name")
    assert why in button.heard[-1]
    assert not folder.exists()


@pytest.mark.parametrize("content", ["{", '{"alpha": -1}', '{"alphas": 2}', "[]"])
def test_what_cannot_be_used_changes_nothing(button, form, folder, monkeypatch, content):
    keep(button, monkeypatch, "fish")
    (folder / "fish.json").write_text(content)
    form.set_values(AdaptiveParams(alpha=2.5))
    action(button, "fish").trigger()
    assert button.heard[-1].startswith("refused: The settings were not changed: ")
    assert form.values().alpha == 2.5
    assert (folder / "fish.json").read_text() == content


def test_a_file_without_all_parameters_gives_the_rest_defaults(button, form, folder, monkeypatch):
    keep(button, monkeypatch, "fish")
    (folder / "fish.json").write_text(json.dumps({"alpha": 4}))
    form.set_values(AdaptiveParams(outlier_mad=9.0))
    action(button, "fish").trigger()
    assert form.values() == AdaptiveParams(alpha=4.0)


def test_a_folder_that_cannot_be_written_is_said(button, folder, monkeypatch):
    folder.parent.mkdir()
    folder.write_text("in the way")
    keep(button, monkeypatch, "fish")
    assert button.heard[-1].startswith(f"refused: The settings can't be kept in {folder}: ")
