"""What fails is a row in a table: flagged with its reason, bridged, and the rest unharmed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes import PARAMS, SHAPE, Scene, distances_px, drift, errors_px, similarity, still

import napari_zstack_align as nza
from napari_zstack_align.errors import AlignmentError, InputError
from napari_zstack_align.flags import Fault, Flag, fault_of
from napari_zstack_align.register.recordings.planes import ANOTHER_PLANE

N, BAD = 60, slice(20, 30)
TRUTH = drift(N, 0.5) @ similarity(5, -4)


def register(stacks, params=PARAMS, mask=None, **options) -> list[nza.Alignment]:
    return nza.run(nza.register_recordings(stacks, params, mask, **options))


def _frames(scene: Scene, content: str) -> np.ndarray:
    """Recording in which chunk 2 holds something else."""
    frames = scene.frames(TRUTH).astype(np.float32 if content == "NaN" else np.uint16)
    rng = np.random.default_rng(3)
    if content == "blank":
        frames[BAD] = 100
    elif content == "noise":
        frames[BAD] = rng.poisson(250, frames[BAD].shape)
    elif content == "saturated":
        frames[BAD] = 65535
    elif content == "NaN":
        frames[BAD] = np.nan
    else:
        frames[BAD] = Scene(seed=9).frames(still(10), seed=2)
    return frames


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "of_frames", "of_chunk", "detail"),
    [
        ("blank", Flag.NO_SIGNAL, Flag.NO_SIGNAL, "all pixels are equal"),
        ("NaN", Flag.NO_SIGNAL, Flag.NO_SIGNAL, "every pixel is NaN"),
        ("saturated", Flag.SATURATED, Flag.SATURATED, "100 % of the pixels"),
        ("noise", Flag.BRIDGED, Flag.TOO_FEW_MATCHES, "too few matches: "),
        ("unrelated", Flag.BRIDGED, Flag.TOO_FEW_MATCHES, "too few matches: "),
    ],
)
def test_a_bad_chunk_is_flagged_bridged_and_harms_no_other(
    scene, content, of_frames, of_chunk, detail
):
    stack = nza.Stack.from_array(_frames(scene, content), "TYX")
    # by their brightness all but the NaN would be told
    params = PARAMS.replace(outlier_mad=0)
    found = register([stack], params, reference=scene.counts)[0]
    bad = np.zeros(N, bool)
    bad[BAD] = True
    flags, used = found.quality["flag"], found.quality["used"]
    assert set(flags[bad]) == {of_frames}
    assert all(detail in text for text in found.quality["detail"][bad])
    assert not used[bad].any()
    assert used[~bad].all()
    assert set(flags[~bad]) == set(found.quality["detail"][~bad]) == {""}
    row = found.chunks[found.chunks["start"] == 20][0]
    assert row["flag"] == of_chunk
    assert detail in row["detail"]
    assert row["method"] == "bridged"
    errors = errors_px(found, TRUTH).mean(axis=1)
    assert errors[~bad].max() < 0.4
    # bridged: on the line between the neighbours, not at rest
    assert errors[bad].max() < 1.5
    assert distances_px(still(10), TRUTH[BAD]).mean() > 2.5
    assert found.complete


@pytest.mark.thorough
def test_partly_saturated_frames_are_told_from_blank_ones(scene):
    frames = scene.frames(TRUTH)
    frames[BAD, :, :40] = 65535
    found = register([nza.Stack.from_array(frames, "TYX")], reference=scene.counts)[0]
    assert (found.quality["flag"][BAD] == Flag.SATURATED).all()
    assert not found.quality["used"][BAD].any()
    assert errors_px(found, TRUTH).mean(axis=1).max() < 1.0


@pytest.mark.thorough
def test_of_frames_with_saturated_rows_the_other_rows_are_used(scene):
    frames = scene.frames(TRUTH)
    frames[BAD, :40] = 65535
    found = register([nza.Stack.from_array(frames, "TYX")], reference=scene.counts)[0]
    assert found.quality["used"][BAD].all()
    struck = found.artefact_rows
    assert struck is not None
    assert set(struck["frame"].tolist()) == set(range(len(frames))[BAD])
    assert errors_px(found, TRUTH).mean(axis=1).max() < 1.0


def test_a_blank_chunk_in_the_middle_is_not_the_reference(scene):
    stack = nza.Stack.from_array(_frames(scene, "blank"), "TYX")
    found = register([stack], PARAMS.replace(passes=1))[0]
    assert (found.chunks["flag"] != "").sum() == 1


@pytest.mark.slow
@pytest.mark.parametrize("t", [0, 24, 59], ids=["first", "middle", "last"])
def test_an_unreadable_frame_costs_one_frame(scene, t):
    stack = scene.recording(TRUTH)

    class Broken:
        shape, dtype = stack.shape, stack.dtype

        def read(self, start: int, stop: int) -> np.ndarray:
            if start <= t < stop:
                raise OSError("the disk is gone")
            return stack.source.read(start, stop)

    found = register([replace(stack, source=Broken())], reference=scene.counts)[0]
    flags = found.quality["flag"]
    assert np.flatnonzero(flags).tolist() == [t]
    fault = Fault(Flag.UNREADABLE, "unreadable: the disk is gone")
    assert fault_of(found.quality[t]) == fault
    assert np.flatnonzero(~found.quality["used"]).tolist() == [t]
    assert errors_px(found, TRUTH).mean(axis=1).max() < 0.5


def test_flashes_and_dark_frames_are_left_out(scene):
    frames = scene.frames(TRUTH)
    frames[33:36] = np.minimum(frames[33:36] * 1.6, 65535)
    frames[12] = 100 + np.random.default_rng(0).integers(0, 9, SHAPE)
    found = register([nza.Stack.from_array(frames, "TYX")], reference=scene.counts)[0]
    assert np.flatnonzero(found.quality["flag"]).tolist() == [12, 33, 34, 35]
    assert set(found.quality["flag"][[12, 33, 34, 35]]) == {Flag.UNUSUAL_BRIGHTNESS}
    assert not found.quality["used"][[12, 33, 34, 35]].any()
    assert found.chunks["n_frames"].tolist() == [10, 9, 10, 7, 10, 10]
    assert errors_px(found, TRUTH).mean(axis=1).max() < 0.4


@pytest.mark.thorough
def test_a_twitch_is_left_out_of_means_and_told(scene):
    twitch = TRUTH.copy()
    twitch[25] = twitch[25] @ similarity(9, -4)
    stack = scene.recording(twitch)
    found = register([stack], PARAMS.replace(residual="none"), reference=scene.counts)[0]
    assert np.flatnonzero(found.quality["flag"]).tolist() == [25]
    assert found.quality["flag"][25] == Flag.FAST_MOTION
    assert not found.quality["used"][25]
    others = np.arange(N) != 25
    assert errors_px(found, TRUTH).mean(axis=1)[others].max() < 0.4


@pytest.mark.thorough
@pytest.mark.slow
def test_a_cell_that_lights_up_moves_nothing(scene):
    frames = scene.frames(TRUTH).astype(np.float32)
    inner = scene.counts[30:-30, 30:-30]
    middle = np.unravel_index(inner.argmax(), inner.shape)
    y, x = np.indices(SHAPE)
    away = (y - 30 - middle[0]) ** 2 + (x - 30 - middle[1]) ** 2
    lit = frames.copy()
    lit[22:42] += 4 * np.exp(-away / (2 * 5.0**2)).astype(np.float32) * (lit[22:42] - 100)
    plain, active = (
        register([nza.Stack.from_array(f, "TYX")], reference=scene.counts)[0] for f in (frames, lit)
    )
    assert (active.quality["flag"] == "").all()
    moved = errors_px(active, plain.transforms.matrices())
    assert 0 < moved.max() < 0.2


# -- whole recordings --------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_recording_of_which_nothing_matches_does_not_stop_the_others(scene):
    foreign = Scene(seed=9).recording(still(20), name="foreign")
    found = register([scene.recording(TRUTH), foreign], reference=scene.counts)
    assert (found[0].quality["flag"] == "").all()
    assert errors_px(found[0], TRUTH).mean() < 0.1
    assert set(found[1].quality["flag"]) == {Flag.UNMATCHED}
    beginning = "no chunk of the recording could be matched: too few"
    assert all(text.startswith(beginning) for text in found[1].quality["detail"])
    assert not found[1].quality["used"].any()
    assert found[1].complete
    np.testing.assert_array_equal(found[1].transforms.matrices(), still(20))


def odd_references(found):
    return [any("may be the odd one" in remark for remark in one.remarks) for one in found]


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("chosen", [None, 0, 1])
def test_a_reference_that_the_other_recording_does_not_fit_may_be_the_odd_one(scene, chosen):
    foreign = Scene(seed=9).recording(still(20), name="foreign")
    recordings = [foreign, scene.recording(TRUTH[:20])]
    found = register(recordings, PARAMS.replace(reference_recording=chosen))
    assert odd_references(found).count(True) == int(chosen is None)


@pytest.mark.thorough
def test_one_that_no_other_recording_fits_is_not_the_reference_where_others_fit(scene):
    foreign = Scene(seed=9).recording(still(20), name="foreign")
    found = register([scene.recording(TRUTH[:20]), foreign, scene.recording(TRUTH[20:40])])
    assert odd_references(found) == [False, False, False]
    assert [set(one.quality["flag"]) for one in found] == [{""}, {Flag.UNMATCHED}, {""}]


def test_nothing_matches_at_all(scene):
    foreign = Scene(seed=9).recording(still(20))
    with pytest.raises(AlignmentError, match=r"Nothing could be matched.*too few"):
        register([foreign, foreign], reference=scene.counts)


@pytest.mark.slow
@pytest.mark.parametrize("has_mask", [False, True])
def test_a_mask_is_named_only_where_there_is_one(scene, has_mask):
    mask = np.ones(SHAPE, bool) if has_mask else None
    stack = nza.Stack.from_array(_frames(scene, "noise"), "TYX")
    found = register([stack], PARAMS.replace(outlier_mad=0), mask, reference=scene.counts)[0]
    assert all(("in the mask" in text) == has_mask for text in found.quality["detail"][BAD])


def test_a_mask_that_leaves_no_keypoints_says_so(scene):
    mask = np.zeros(SHAPE, bool)
    mask[:6, :6] = True
    with pytest.raises(
        AlignmentError, match=r"too few keypoints: [0-7] in the mask of the reference"
    ):
        register([scene.recording(TRUTH)], PARAMS, mask, reference=scene.counts)


@pytest.mark.thorough
@pytest.mark.slow
def test_another_plane_is_told_and_kept_out_of_the_mean(scene):
    """Less than half of the tissue is the same, which is enough for keypoints."""
    same = np.arange(SHAPE[1]) < 0.45 * SHAPE[1]
    other = Scene(seed=9).frames(still(20), seed=2)
    mixed = np.where(same, scene.frames(still(20), seed=7), other)
    stacks = [scene.recording(TRUTH[:20], seed=i) for i in range(2)]
    found = register([*stacks, nza.Stack.from_array(mixed, "TYX")], reference=scene.counts)
    assert set(map(fault_of, found[2].quality)) == {ANOTHER_PLANE}
    assert any(ANOTHER_PLANE.detail in remark for remark in found[2].remarks)
    assert (found[0].quality["flag"] == "").all()


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("part", [0.45, 0.35])
def test_where_no_other_shows_the_same_the_reference_may_be_the_odd_one(scene, part):
    same = np.arange(SHAPE[1]) < part * SHAPE[1]
    other = Scene(seed=9).frames(still(20), seed=2)
    mixed = np.where(same, scene.frames(still(20), seed=7), other)
    stacks = [scene.recording(TRUTH[:20]), nza.Stack.from_array(mixed, "TYX")]
    found = register(stacks)
    assert any(set(map(fault_of, each.quality)) == {ANOTHER_PLANE} for each in found)
    assert any("may be the odd one" in remark for each in found for remark in each.remarks)
    chosen = register(stacks, PARAMS.replace(reference_recording=0))
    assert not any("may be the odd one" in remark for each in chosen for remark in each.remarks)


# -- refused at the call -----------------------------------------------------------------------

REFUSED = {
    "no recordings": (lambda s: ([],), {}, "There are no recordings"),
    "an array": (lambda s: ([np.zeros((3, 8, 8))],), {}, "must be a Stack, not ndarray"),
    "channel": (
        lambda s: ([s], PARAMS.replace(channel=1)),
        {},
        "array has no channel 1: its channels are 0 to 0",
    ),
    "channel weights": (
        lambda s: ([s], PARAMS.replace(channel_weights=(1, 2))),
        {},
        "2 channel_weights were given",
    ),
    "mask of zeros": (lambda s: ([s], PARAMS, np.zeros(SHAPE)), {}, "The mask is empty"),
    "mask of another size": (
        lambda s: ([s], PARAMS, np.ones((8, 8))),
        {},
        r"The mask has shape \(8, 8\)",
    ),
    "mask of NaN": (lambda s: ([s], PARAMS, np.full(SHAPE, np.nan)), {}, "between 0 and 1"),
    "reference of NaN": (
        lambda s: ([s],),
        {"reference": np.full(SHAPE, np.nan)},
        "every pixel is NaN",
    ),
    "reference of frames": (
        lambda s: ([s],),
        {"reference": np.ones((2, *SHAPE))},
        r"must be an image \(Y, X\)",
    ),
    "reference recording": (
        lambda s: ([s], PARAMS.replace(reference_recording=1)),
        {},
        "of 1 recording, counted from 0",
    ),
    "reference frames": (
        lambda s: ([s], PARAMS.replace(reference_frames=(5, 21))),
        {},
        "reference_frames end at 21, but array has 20 frames",
    ),
    "threads": (lambda s: ([s],), {"threads": 0}, "threads must be a whole number of at least 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_told_at_the_call(scene, case):
    arguments, options, sentence = REFUSED[case]
    stack = nza.Stack.from_array(scene.frames(still(20)), "TYX")
    with pytest.raises(InputError, match=sentence) as error:
        nza.register_recordings(*arguments(stack), **options)
    assert "\n" not in str(error.value)


def test_reference_frames_that_show_nothing_are_told(scene):
    stack = nza.Stack.from_array(_frames(scene, "blank"), "TYX")
    with pytest.raises(InputError, match="The reference frames 20 to 29 of array show nothing"):
        register([stack], PARAMS.replace(reference_frames=(20, 30)))


LESS_LIGHT = "There is more light than the detector can tell: record with less laser power"


def test_another_reference_is_no_remedy_for_saturated_pixels(scene):
    """The others of the recordings hold more light than the one that gives the reference."""
    good = scene.recording(TRUTH[:20])
    bright = scene.frames(TRUTH[:20])
    bright = np.minimum(bright, np.percentile(bright, 80)).astype(bright.dtype)
    found = register([good, nza.Stack.from_array(bright, "TYX", name="bright")])
    remarks = [r for one in found for r in one.remarks if "No other recording could be" in r]
    (remark,) = remarks
    assert "saturated: " in remark
    assert LESS_LIGHT in remark
    assert "another reference" not in remark


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (7, r"no signal: all pixels are equal\): choose another one with"),
        (255, rf"saturated: 25 % of the pixels\)\. {LESS_LIGHT}"),
    ],
    ids=["blank", "saturated"],
)
def test_a_recording_that_shows_nothing_gives_no_reference(value, why):
    frames = np.full((20, *SHAPE), 7, np.uint8)
    frames[:, : SHAPE[0] // 4] = value
    stack = nza.Stack.from_array(frames, "TYX")
    sentence = rf"shows nothing that could be a reference \(5 of 5 frames .* be used; {why}"
    with pytest.raises(InputError, match=sentence):
        register([stack])
