"""What single frames hold, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from spoils import DARK, N_REPEATS, bright_frame, clean, lit_rows, rows_off, run_search, salt

import napari_zstack_align as nza
from napari_zstack_align.params import AdaptiveParams


def found_in(images: np.ndarray) -> list[tuple]:
    """Single pixels and rows of each frame, and its fault."""
    stack = nza.Stack.from_array(images, frames_per_slice=N_REPEATS)
    artefacts = run_search(stack, AdaptiveParams())
    assert artefacts.transients is not None
    seen = images.astype(np.float32)
    return [(*artefacts.transients.find(image), artefacts.flash(image)) for image in seen]


def test_moving_tissue_loses_nothing():
    assert all(found == (None, None, None) for found in found_in(clean("adaptive")[0]))


def test_random_full_scale_pixels_are_found_and_no_others():
    images = clean("adaptive")[0].copy()
    salt(images)
    for image, (alone, rows, _) in zip(images, found_in(images), strict=True):
        np.testing.assert_array_equal(alone, image == 65535)
        assert rows is None


@pytest.mark.parametrize("spoil", [lit_rows, rows_off])
def test_rows_that_were_struck_are_found_and_those_beside_them(spoil):
    tissue = clean("adaptive")[0]
    images = tissue.copy()
    spoil(images)
    for before, image, (_, rows, _) in zip(tissue, images, found_in(images), strict=True):
        truth = (image != before).mean(axis=1) > 0.5
        if not truth.any():
            assert rows is None
            continue
        assert rows is not None
        assert rows[truth].all()
        assert (rows > 0).sum() <= truth.sum() + 2


def test_rows_with_bright_cells_are_tissue():
    images = clean("adaptive")[0].copy()
    images[6, 40:46, ::9] = 20_000  # a row of cells that light up
    images[6, 40:46, 1::9] = 20_000
    assert found_in(images)[6][1] is None


def test_a_frame_many_times_as_bright_has_a_fault():
    images = clean("adaptive")[0].copy()
    bright_frame(images)
    faults = [fault for *_, fault in found_in(images)]
    assert [t for t, fault in enumerate(faults) if fault] == [len(images) // 2]
    assert "unusual brightness" in str(faults[len(images) // 2])


def test_a_cell_in_sharp_focus_is_no_single_pixel():
    """The least that a microscope draws: a point spread of 0.9 px."""
    images = clean("adaptive")[0].copy()
    y, x = np.indices(images.shape[1:])
    spot = np.exp(-((y - 50) ** 2 + (x - 50) ** 2) / (2 * 0.9**2))
    images[:] = np.clip(images + 60_000 * spot, DARK, 65535)
    assert all(alone is None for alone, *_ in found_in(images))


@pytest.mark.parametrize("left", [0.3, 0.02])
def test_the_first_frames_of_a_recording_that_bleaches_are_usual(left):
    light = left + (1 - left) * np.exp(-np.arange(160) / 12)
    tissue = np.random.default_rng(0).gamma(2, 900, (48, 48))
    images = DARK + light[:, np.newaxis, np.newaxis] * tissue
    images[90] = DARK + 30 * tissue
    artefacts = run_search(nza.Stack.from_array(images, "TYX"), AdaptiveParams())
    faults = [artefacts.flash(image.astype(np.float32)) for image in images]
    assert [t for t, fault in enumerate(faults) if fault] == [90]
