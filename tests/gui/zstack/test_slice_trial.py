"""Before the run: one slice is tried, with one alpha or several, and nothing is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from driving import click, settled, show
from qtpy.QtCore import QPoint, Qt
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.zstack import slice_trial
from napari_zstack_align.gui.zstack.tried_slice import (
    SIDE_PX,
    Basis,
    most_different,
    pictured,
    trying,
)

ALPHAS = (0.3, 1.0)


@pytest.fixture(scope="module")
def stack():
    return small_zstack(n_slices=2, n_repeats=4, size=64)


@pytest.fixture(scope="module")
def steps(stack):
    """What trying two alphas gives after each of them."""
    basis = Basis(stack, nza.AdaptiveParams(), None)
    job = nza.try_alphas(stack, slice_index=1, alphas=ALPHAS)
    found = list(trying(basis, lambda: job, ALPHAS))
    return [step.partial for step in found if step.partial is not None]


@pytest.fixture
def tried(steps):
    return steps[-1]


@pytest.fixture
def trial(qtbot, panel, stack):
    """The stack is chosen, and its slice 1 in view."""
    show(qtbot, panel, stack)
    panel.open_tab("Align")
    panel.zstack.shown.go_to(5)
    return panel.zstack.trial


@pytest.fixture
def box(panel):
    return panel.zstack.align_tab.trial_box


def label(viewer):
    return text_overlay(viewer).text.splitlines()[0]


def in_view(viewer):
    return [layer.name for layer in viewer.layers if layer.visible]


def test_a_preview_is_of_the_slice_in_view_and_leaves_nothing(qtbot, viewer, panel, box, trial):
    before = in_view(viewer)
    click(qtbot, box.buttons["preview"])
    settled(qtbot, panel)
    stack = panel.zstack.shown.stack
    (image,) = (layer for layer in viewer.layers if layer.visible)
    assert image.name == f"{stack.name} slice 1 preview"
    assert label(viewer) == "AFTER, alpha 1"
    assert "Slice 1, 4 repeats, alpha 1: held-out correlation 0." in box.preview_words.text()
    contrast, aligned = image.contrast_limits, image.data.copy()

    panel.toggle()
    assert label(viewer) == "BEFORE"
    raw = np.asarray(stack.read(4, 8), np.float32)[:, 0]
    np.testing.assert_allclose(image.data, raw.mean(axis=0), rtol=1e-5)
    assert np.abs(image.data - aligned).max() > 0.1 * np.ptp(aligned)
    assert image.contrast_limits == contrast

    click(qtbot, box.buttons["arrows"])
    assert np.abs(viewer.layers[-1].data[:, 1]).max() > 0.1
    click(qtbot, box.buttons["close"])
    assert in_view(viewer) == before == [stack.name]
    assert len(viewer.layers) == 1
    assert label(viewer) == "slice 1, repeat 1"
    assert box.view_row.isHidden()
    assert not panel.zstack.shown.runs.listed


def test_the_strip_compares_the_same_part_in_one_contrast(steps, tried):
    first, last = (column.caption.split("\n") for column in tried.columns)
    assert [first[0], last[0]] == ["alpha 0.3", "alpha 1"]
    assert last[1:] == [f"{tried.found.correlations[1]:.4f}", "suggested"]
    bright = replace(tried.found.tried[0], image=1.5 * tried.found.tried[0].image)
    found = replace(tried.found, tried=(bright, tried.found.tried[1]))
    pictures = [each.pictures[0].astype(int) for each in pictured(tried.basis, 2, found).columns]
    means = [each.image for each in found.tried]
    assert pictures[0].shape == (64, 64)
    seen = np.isfinite(means)
    grey, values = np.array(pictures)[seen], np.array(means)[seen]
    inside = (grey > 0) & (grey < 255)
    line = np.polynomial.Polynomial.fit(values[inside], grey[inside], 1)
    np.testing.assert_allclose(line(values[inside]), grey[inside], atol=1)
    assert not steps[0].is_complete
    assert "suggested" not in steps[0].columns[0].caption


def test_a_click_takes_an_alpha_and_shows_the_slice_with_it(qtbot, viewer, box, trial, tried):
    form = trial._part.align_tab.form
    trial._on_returned(trial._part.shown, trial._on_tried, tried)
    assert "0.3" not in box.words.text()
    assert "Suggested: alpha 1." in box.words.text()
    box.strip.resize(210, box.strip.height())
    qtbot.mouseClick(box.strip, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert form.values().alpha == 0.3
    assert label(viewer) == "AFTER, alpha 0.3"
    qtbot.keyClick(box.strip, Qt.Key.Key_Right)
    qtbot.keyClick(box.strip, Qt.Key.Key_Return)
    assert form.values().alpha == 1.0
    assert label(viewer) == "AFTER, alpha 1"
    assert len(viewer.layers) == 2
    trial.close()


def test_the_flicker_goes_on_until_it_is_closed(qtbot, box, trial, tried):
    trial._timer.setInterval(1)
    trial._on_returned(trial._part.shown, trial._on_previewed, tried)
    seen = []
    trial._timer.timeout.connect(lambda: seen.append(trial.preview.is_after))
    click(qtbot, box.buttons["flicker"])
    qtbot.waitUntil(lambda: len(seen) > 1)
    assert seen[:2] == [False, True]
    trial.close()
    assert not trial._timer.isActive()
    assert not box.buttons["flicker"].isChecked()


def test_what_changes_afterwards_marks_it_as_outdated(qtbot, panel, box, trial, tried):
    part = panel.zstack
    trial._on_returned(part.shown, trial._on_tried, tried)
    trial.take(1)
    assert box.outdated.text() == box.preview_outdated.text() == ""
    part.align_tab.form.fields["alpha"].set(3.0)
    assert box.outdated.text() == ""
    assert box.preview_outdated.text() == "Outdated: alpha has changed. Press 'Preview' again."
    part.align_tab.form.fields["outlier_mad"].set(3.0)
    assert box.outdated.text() == "Outdated: a parameter has changed. Press 'Try alphas' again."
    part.align_tab.form.set_values(nza.AdaptiveParams())
    assert box.outdated.text() == box.preview_outdated.text() == ""

    part.new_mask()
    mask = part.align_tab.mask_combo.layer
    mask.paint((30, 30), 1)
    qtbot.waitUntil(lambda: "Outdated: the mask has changed" in box.outdated.text())
    part.align_tab.mask_combo.choose(None)
    assert box.outdated.text() == ""

    show(qtbot, panel, small_zstack(n_slices=2, n_repeats=3, size=64))
    assert "Outdated: the stack has changed" in box.outdated.text()
    assert not trial.preview.is_open


def test_what_is_done_before_a_run_makes_room_for_its_result(panel, box):
    tab = panel.zstack.align_tab
    assert box.fold_button.isChecked()
    panel.zstack.trial.make_room()
    assert not box.fold_button.isChecked()
    box.fold_button.setChecked(True)  # somebody wants to try something else
    tab.set_result(True)
    assert not box.fold_button.isChecked()
    box.fold_button.setChecked(True)
    tab.set_result(True)
    assert box.fold_button.isChecked()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["run", "layer", "tab", "volume", "stack"])
def test_a_preview_goes_with_what_it_would_hide(qtbot, viewer, panel, trial, tried, way):
    part = panel.zstack
    trial._on_returned(part.shown, trial._on_previewed, tried)
    assert trial.preview.is_open
    if way == "layer":
        viewer.layers.remove(trial.preview.first("image"))
    elif way == "tab":
        panel.open_tab("Cells")
    elif way == "run":
        part.run.start()
        part.align_tab.run_bar.cancel()
    elif way == "volume":
        part.result.do("volume")
    else:
        viewer.layers.remove(part.shown.raw[0])
        assert part.shown is None
    settled(qtbot, panel)
    assert not trial.preview.is_open
    assert not [layer for layer in viewer.layers if "slice 1" in layer.name]
    if way in ("run", "layer", "tab"):
        assert part.shown.raw[0].visible


@pytest.mark.parametrize(
    ("repeats", "mask", "sentence"),
    [(2, False, "has 2 repeats: at least 3 are needed"), (4, True, "paint a larger one")],
)
def test_what_cannot_be_judged_is_one_sentence(qtbot, panel, box, repeats, mask, sentence):
    show(qtbot, panel, small_zstack(n_slices=2, n_repeats=repeats, size=64))
    panel.open_tab("Align")
    if mask:
        panel.zstack.new_mask()
        panel.zstack.align_tab.mask_combo.layer.data[2:6, 2:6] = 1
    for name in ("alphas", "preview"):
        click(qtbot, box.buttons[name])
        assert sentence in panel.zstack.align_tab.run_bar.status.text()
        assert box.strip.isHidden()
        assert not panel.zstack.trial.preview.is_open


def test_of_alphas_that_were_cancelled_none_is_suggested(qtbot, panel, box, trial, steps, tried):
    whole = tried.found
    assert len(steps[0].columns) == 1
    trial._on_cancelled(steps[0])  # one alone compares with nothing
    assert trial.alphas is None
    assert box.strip.isHidden()
    assert "Cancelled" in panel.zstack.align_tab.run_bar.status.text()
    basis = Basis(whole.tried[0].alignment.stack, nza.AdaptiveParams(), None)
    assert basis.what_differs(tried.basis) == "the stack"


def test_two_alphas_are_tried_in_the_worker(qtbot, monkeypatch, panel, box, trial):
    monkeypatch.setattr(slice_trial, "ALPHAS", ALPHAS)
    click(qtbot, box.buttons["alphas"])
    assert not box.buttons["preview"].isEnabled()
    settled(qtbot, panel)
    assert box.buttons["preview"].isEnabled()
    assert len(box.strip.columns) == 2
    assert trial.alphas.basis.params == nza.AdaptiveParams()


def test_pictures_show_where_images_differ_most():
    images = np.zeros((3, 300, 200), np.float32)
    images[1, 210:230, 100:110] = 5
    images[2, 10:40, 10:40] = 20
    images[0, 200:240, 90:95] = np.nan
    mask = np.zeros((300, 200), np.uint8)
    mask[150:, 50:] = 1
    rows, columns = most_different(images, None)
    assert rows.start <= 10 < 40 <= rows.stop
    assert columns.stop - columns.start == rows.stop - rows.start == SIDE_PX
    rows, columns = most_different(images, mask)
    assert rows.start <= 210 < 230 <= rows.stop
    assert columns.start <= 100 < 110 <= columns.stop
    assert most_different(images[:, :50, :60], None) == (slice(0, 50), slice(0, 60))


def test_the_part_shown_holds_what_was_displaced_not_the_noisiest():
    noise = np.random.default_rng(0).normal(0, 1, (2, 300, 300)).astype(np.float32)
    noise[:, 150:] *= 8
    y, x = np.mgrid[:300, :300].astype(np.float32)
    cells = [100 * np.exp(-((y - 50) ** 2 + (x - 50 - by) ** 2) / 20) for by in (0, 0.7)]
    rows, columns = most_different(noise + np.stack(cells), None)
    assert rows.start <= 45 < 55 <= rows.stop
    assert columns.start <= 45 < 55 <= columns.stop
