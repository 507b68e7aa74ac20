"""Rows of single frames that a registration leaves out go with its alignment, and into no mean."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from spoils import (
    DARK,
    GAIN,
    N_FRAMES,
    N_REPEATS,
    SIZE,
    aligned,
    clean,
    lit_rows,
    rows_off,
    run_search,
)

import napari_zstack_align as nza
from napari_zstack_align.alignment.artefact_rows import RowKind, left_out, rows_of_frames
from napari_zstack_align.cells.images import source_image
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.transients import Transients

SPOILS = {"dark": rows_off, "bright": lit_rows}


@lru_cache(maxsize=6)
def run(method: str, kind: str, **options: object) -> tuple[nza.Alignment, np.ndarray]:
    """Alignment of spoiled frames, and which rows of which frames are spoilt."""
    tissue, _ = clean(method)
    frames = tissue.copy()
    if kind:
        SPOILS[kind](frames)
    return aligned(frames, method, **options), (frames != tissue).mean(axis=2) > 0.5


def check_table(alignment: nza.Alignment, spoilt: np.ndarray, kind: str) -> None:
    """The table holds all spoilt rows and those beside them, and no others."""
    table = alignment.artefact_rows
    assert table is not None
    assert set(table["kind"].tolist()) == {kind}
    for t, rows in enumerate(spoilt):
        found = left_out(rows_of_frames(table, t, t + 1), len(rows))
        beside = np.convolve(rows, np.ones(3), "same") > 0
        np.testing.assert_array_equal(found, beside, err_msg=f"frame {t}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPOILS)
@pytest.mark.parametrize("method", ["adaptive", "keypoints"])
def test_an_alignment_knows_the_rows_that_it_left_out(method, kind):
    check_table(*run(method, kind), kind)


def test_the_direct_strategy_knows_them_too():
    check_table(*run("adaptive", "dark", strategy="direct"), "dark")


def test_nothing_is_found_in_clean_frames():
    alignment, _ = run("adaptive", "")
    assert alignment.artefact_rows is not None
    assert not len(alignment.artefact_rows)


def test_nobody_looks_where_that_is_switched_off():
    assert run("adaptive", "", find_artefacts=False)[0].artefact_rows is None


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["two_stage", "direct"])
def test_slices_that_were_kept_bring_their_rows(strategy, tmp_path):
    frames = clean("adaptive")[0].copy()
    rows_off(frames)
    stack = nza.Stack.from_array(frames, frames_per_slice=N_REPEATS)
    params = AdaptiveParams(strategy=strategy)
    first = nza.run(nza.align_adaptive(stack, params, journal=tmp_path / "run.zalign"))
    again = nza.run(nza.align_adaptive(stack, params, journal=tmp_path / "run.zalign"))
    assert len(first.artefact_rows)
    np.testing.assert_array_equal(again.artefact_rows, first.artefact_rows)


@pytest.mark.thorough
def test_recordings_that_were_kept_bring_their_rows(tmp_path):
    frames = clean("keypoints")[0].copy()
    lit_rows(frames)
    stack, params = nza.Stack.from_array(frames), nza.KeypointParams(chunk_frames=20)

    def register() -> nza.Alignment:
        return nza.run(nza.register_recordings([stack], params, journal=tmp_path / "session"))[0]

    first, again = register(), register()
    assert len(first.artefact_rows)
    np.testing.assert_array_equal(again.artefact_rows, first.artefact_rows)


def test_a_volume_has_no_band_from_rows_of_one_repeat():
    (spoilt, _), (good, _) = run("adaptive", "dark"), run("adaptive", "")
    inner = np.s_[:, 14:-14, 14:-14]
    volume, truth = (np.asarray(each.volume())[inner] for each in (spoilt, good))
    with_rows = np.asarray(replace(spoilt, artefact_rows=None).volume())[inner]
    assert np.isfinite(volume).all()
    # A repeat less, and two hundredths of a pixel: a tenth of what the rows took away.
    error, error_with_rows = (np.abs(v - truth).mean(axis=2).max() for v in (volume, with_rows))
    assert error < 0.25 * error_with_rows


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mean", "max", "std"])
def test_images_of_a_recording_have_no_trace_of_struck_rows(kind):
    (spoilt, _), (good, _) = run("keypoints", "bright"), run("keypoints", "")
    inner = np.s_[14:-14, 14:-14]
    image, truth = (nza.run(source_image(each, kind))[inner] for each in (spoilt, good))
    with_rows = nza.run(source_image(replace(spoilt, artefact_rows=None), kind))[inner]
    error, error_with_rows = (np.abs(i - truth).mean(axis=1).max() for i in (image, with_rows))
    assert error < 0.1 * error_with_rows


def test_aligned_frames_stay_as_they_are():
    alignment, _ = run("adaptive", "dark")
    t = int(alignment.artefact_rows["frame"][0])
    plain = replace(alignment, artefact_rows=None)
    np.testing.assert_array_equal(alignment.aligned_frame(t), plain.aligned_frame(t))


# -- the finder ----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def finder():
    return run_search(nza.Stack.from_array(clean("keypoints")[0]), nza.KeypointParams())


@pytest.mark.parametrize("n_rows", [30, 60, 100])
@pytest.mark.parametrize("kind", [RowKind.DARK, RowKind.BRIGHT])
def test_what_is_left_of_a_frame_may_be_less_than_half(kind, n_rows):
    rng = np.random.default_rng(7)
    for image in clean("keypoints")[0][::11].astype(np.float32):
        spoilt = image.copy()
        if kind is RowKind.DARK:
            spoilt[5 : 5 + n_rows] = DARK + rng.normal(0, 4, (n_rows, SIZE))
        else:
            spoilt[5 : 5 + n_rows] += GAIN * rng.poisson(3000 / GAIN, (n_rows, SIZE))
        expected = np.zeros(SIZE, int)
        expected[4 : 6 + n_rows] = kind
        np.testing.assert_array_equal(finder().cleaned(spoilt).rows, expected)


def test_noise_of_strong_light_parts_no_rows():
    """Steps within the struck rows are many times those of tissue."""
    rng = np.random.default_rng(8)
    image = clean("keypoints")[0][N_FRAMES // 2].astype(np.float32)
    image[40:71] += GAIN * rng.poisson(40_000 / GAIN, (31, SIZE))
    rows = finder().cleaned(image).rows
    assert np.flatnonzero(rows).tolist() == [*range(39, 72)]
    assert finder().flash(image) is not None
    assert finder().flash(image, rows) is None


def test_calm_rows_beside_active_ones_are_not_dark():
    """Most rows show cells that are three times as bright as usual; the others are as ever."""
    image = np.full((112, 100), DARK + 20, np.float32)
    image[:, ::5] = DARK + 100
    usual = Transients(
        noise=Noise(dark=DARK, gain=1.0, floor=1.0),
        brightest=36.0,
        dimmest=100.0,
        usual_jump=5.0,
        top=DARK + 100.0,
        sigmas=10.0,
        everywhere=False,
    )
    image[40:, ::5] = DARK + 300
    assert usual.find(image)[1] is None
    image[:20] = DARK
    rows = usual.find(image)[1]
    assert rows is not None
    assert set(np.flatnonzero(rows == RowKind.DARK).tolist()) == {*range(21)}
