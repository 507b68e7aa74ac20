"""The seam for ways to match chunks: one that knows nothing of keypoints goes all the way."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from scenes import PARAMS, Scene, distances_px, errors_px, still
from skimage.registration import phase_cross_correlation

import napari_zstack_align as nza
from napari_zstack_align import params as models
from napari_zstack_align.flags import Flag
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings import preview_chunk
from napari_zstack_align.register.recordings.geometry import translation
from napari_zstack_align.register.recordings.matchers import MATCHERS
from napari_zstack_align.register.recordings.matching import Match, Matcher

N = 60


class ShiftMatcher(Matcher):
    """Finds a translation by scikit-image's phase correlation."""

    def match(self, image, prior, seed) -> Match:
        shift, *_ = phase_cross_correlation(self.reference.image, image, upsample_factor=20)
        return Match(prior @ translation(-shift[np.newaxis])[0])


class ShiftParams(KeypointParams):
    """Parameters of a recording whose chunks are matched by `ShiftMatcher`."""

    matcher: ClassVar[str] = "shift"


@pytest.fixture(autouse=True)
def shift_matcher(monkeypatch):
    monkeypatch.setitem(MATCHERS, "shift", ShiftMatcher)
    monkeypatch.setattr(models, "MODELS", (*models.MODELS, ShiftParams))


@pytest.fixture
def params():
    return ShiftParams(**PARAMS.replace(residual="none", transform="translation").model_dump())


@pytest.fixture
def truth():
    time = np.arange(N) / N
    return translation(np.column_stack([8 * np.sin(3 * time), 3 - 9 * time]))


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("passes", [1, 2])
def test_another_matcher_aligns_a_recording(scene, params, truth, passes):
    stack, params = scene.recording(truth), params.replace(passes=passes)
    found = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    assert distances_px(still(N), truth).mean() > 4
    between_midpoints = slice(5, 55)
    assert errors_px(found, truth).mean(axis=1)[between_midpoints].max() < 0.5
    assert set(found.chunks["method"]) == {"shift"}
    assert (found.quality["flag"] == "").all()
    assert (found.chunks["n_matches"] == 0).all()


@pytest.mark.thorough
def test_what_it_proposes_is_judged_like_any_other_match(scene, params, truth):
    frames = scene.frames(truth)
    frames[20:30] = Scene(seed=9).frames(still(10), seed=2)
    stack = nza.Stack.from_array(frames, "TYX")
    params = params.replace(outlier_mad=0, detect_steps=False)
    found = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    flags = found.chunks["flag"]
    assert np.flatnonzero(flags).tolist() == [2]
    assert flags[2] in (Flag.IMPLAUSIBLE, Flag.NOT_IMPROVED, Flag.UNLIKE_REFERENCE)
    assert found.chunks["method"][2] == "bridged"
    assert set(found.quality["flag"][20:30]) == {Flag.BRIDGED}


def test_a_preview_does_without_keypoints(scene, params, truth):
    stack = scene.recording(truth)
    preview = nza.run(preview_chunk([stack], 0, params=params, reference=scene.counts))
    assert preview.go
    assert preview.reason.startswith("The correlation rises from 0.")
    assert len(preview.reference_points) == len(preview.chunk_points) == 0


@pytest.mark.thorough
def test_an_alignment_by_it_is_saved_and_loaded(scene, params, truth, tmp_path, monkeypatch):
    job = nza.register_recordings([scene.recording(truth)], params, reference=scene.counts)
    found = nza.run(job)[0]
    loaded = nza.load(found.save(tmp_path / "run"))
    assert loaded.params == found.params
    assert type(loaded.params) is ShiftParams
    np.testing.assert_array_equal(loaded.transforms.matrices(), found.transforms.matrices())
    monkeypatch.setattr(models, "MODELS", models.MODELS[:-1])
    with pytest.raises(nza.InputError, match=r"ShiftParams is no parameter model .* MODELS"):
        found.save(tmp_path / "other")
    assert not (tmp_path / "other.zalign").exists()


def test_advice_is_the_matchers_own(scene, params):
    """Nothing speaks of keypoints where there are none."""
    unlike = nza.Stack.from_array(Scene(seed=9).frames(still(10)), "TYX")
    with pytest.raises(nza.AlignmentError, match=r"shorter ones \(fast motion\)\.$") as caught:
        nza.run(nza.register_recordings([unlike], params, reference=scene.counts))
    assert "c_dog" not in str(caught.value)


def test_numbers_that_are_not_finite_are_no_transform(scene, params, truth, monkeypatch):
    monkeypatch.setattr(ShiftMatcher, "match", lambda *_: Match(np.full((3, 3), np.nan)))
    stack = scene.recording(truth)
    preview = nza.run(preview_chunk([stack], 0, params=params, reference=scene.counts))
    assert preview.reason.startswith("Implausible transform: it has numbers that aren't finite")
