"""ROIs and masks go from one reference to another through the frames that both know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from carrying import (
    CHANGE,
    N_FRAMES,
    SHAPE,
    aligned,
    circles,
    drift,
    errors,
    moved_image,
    renamed,
    scene,
    stack,
    two_references,
    where,
)

import napari_zstack_align as nza
from napari_zstack_align.alignment.carry_mask import carry_mask_to_frames, leads_to_frames
from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.flags import Fault, Flag, mark
from napari_zstack_align.samples.session import session_with_motion
from napari_zstack_align.saved import FrameDigests

SCALE = np.diag([0.8, 0.8, 1.0])


def rois_on(session, **facts):
    return nza.Rois.of(circles(), made_on=made_on(session[0]), **facts)


@pytest.fixture(scope="module")
def sessions():
    return two_references()


def test_a_known_change_of_the_reference(sessions):
    old, new = sessions
    rois = rois_on(old, features={"kind": np.arange(40)}, ids=np.arange(40) + 7, last_id=99)
    before = rois.circles.copy()
    carried = nza.carry_rois(rois, old, new)
    assert errors(carried, rois).max() < 0.1
    assert carried.table["moved_px"].min() > 8, "they would be that far off"
    assert not carried.table["check"].any(), carried.table["detail"]
    assert carried.rois.made_on == made_on(new[0]) != rois.made_on
    assert carried.rois.ids.tolist() == carried.table["id"].tolist() == rois.ids.tolist()
    assert carried.rois.last_id == 99
    assert carried.rois.features["kind"].tolist() == list(range(40))
    np.testing.assert_allclose(carried.rois.circles[:, 2], rois.circles[:, 2], rtol=1e-6)
    np.testing.assert_array_equal(rois.circles, before)
    assert "40 ROIs moved by 1" in carried.summary()
    assert ". Both references show one plane" in carried.summary()


def test_a_recording_is_removed_others_have_other_names_and_order(sessions):
    old, new = sessions
    rois = rois_on(old)
    again = [renamed(new[2], "b.tif"), renamed(new[0], "a.tif")]
    carried = nza.carry_rois(rois, old, again)
    assert errors(carried, rois).max() < 0.1
    assert carried.n_recordings == 2
    assert "Only one of" not in carried.summary()
    assert "Only one of the 3 recordings" in nza.carry_rois(rois, old, again[:1]).summary()


def test_one_recording_that_lies_wrong_does_not_move_the_rest():
    old, new = two_references(jitter_px=0.0)
    wrong = new[1].transforms.links[0].matrices.copy()
    wrong[:, :2, 2] += 4
    new[1] = aligned(new[1].stack, wrong, new[1].reference)
    rois = rois_on(old)
    carried = nza.carry_rois(rois, old, new)
    assert errors(carried, rois).max() < 0.1, "the median"
    assert carried.table["check"].all(), "but it is told"
    assert "a spread of 5.7 px" in carried.table["detail"][0]
    assert "40 ROIs are to be checked" in carried.summary()


def test_a_change_of_scale_changes_the_radius():
    change = CHANGE @ SCALE
    old, new = two_references(change=change, jitter_px=0.0)
    rois = rois_on(old)
    carried = nza.carry_rois(rois, old, new)
    assert errors(carried, rois, change).max() < 1e-6
    np.testing.assert_allclose(carried.rois.circles[:, 2] / rois.circles[:, 2], 1 / 0.8)


@pytest.mark.parametrize("bent_in", ["old", "new", "both"])
def test_smooth_fields_go_both_ways(bent_in):
    image, frames, motion = scene(), stack(0), drift(0)
    old = aligned(frames, motion, image, bent=bent_in != "new", seed=4)
    new = aligned(frames, motion @ CHANGE, moved_image(image), bent=bent_in != "old", seed=5)
    rois = rois_on([old])
    carried = nza.carry_rois(rois, old, new)
    for t in range(N_FRAMES):
        raw = old.transforms.to_raw(rois.circles[:, :2], t)
        ways = new.transforms.to_reference(raw, t)
        apart = np.hypot(*(ways - carried.rois.circles[:, :2]).T)
        assert np.median(apart) < 3
    ways = [
        new.transforms.to_reference(old.transforms.to_raw(rois.circles[:, :2], t), t)
        for t in range(N_FRAMES)
    ]
    np.testing.assert_allclose(carried.rois.circles[:, :2], np.median(ways, axis=0), atol=1e-3)


# -- what is to be checked -----------------------------------------------------------------------


def test_outside_the_new_field(sessions):
    old, new = sessions
    inside, edge = (60.0, 70.0, 4.0), where(np.array([[-30.0, 70.0]]), np.linalg.inv(CHANGE))[0]
    rois = nza.Rois.of([inside, (*edge, 4.0)], made_on=made_on(old[0]))
    carried = nza.carry_rois(rois, old, new)
    assert carried.table["check"].tolist() == [False, True]
    assert "0% of its area inside the new reference" in carried.table["detail"][1]
    assert len(carried.rois) == 2, "none is dropped"
    assert carried.to_check.tolist() == [2]
    assert "1 ROI is to be checked (2)" in carried.summary()


def test_a_local_change(sessions):
    old, new = sessions
    image, centre = new[0].reference.copy(), (60, 50)
    image[centre[0] - 24 : centre[0] + 24, centre[1] - 24 : centre[1] + 24] = scene(seed=8)[
        :48, :48
    ]
    changed = [replace(each, reference=image) for each in new]
    places = [where(np.array([place]), np.linalg.inv(CHANGE))[0] for place in (centre, (70, 120))]
    rois = nza.Rois.of([(*place, 4.0) for place in places], made_on=made_on(old[0]))
    carried = nza.carry_rois(rois, old, changed)
    assert carried.table["check"].tolist() == [True, False]
    assert carried.table["detail"][0].startswith("a local correlation of ")
    assert not carried.plane.is_another


def test_another_plane_questions_the_rois_and_keeps_the_mask():
    old, new = two_references()
    deeper = moved_image(scene(depth=12.0))
    new = [replace(each, reference=deeper) for each in new]
    for each, other in ((old[0], new[0]), (new[1], old[1])):  # flagged in one, or the other
        fault = Fault(Flag.ANOTHER_PLANE, "probably another plane")
        mark(each.quality, fault)
        each.quality["used"] = False
        assert other.quality["used"].all()
    rois = rois_on(old)
    carried = nza.carry_rois(rois, old, new)
    assert carried.plane.is_another
    assert carried.table["check"].all()
    assert errors(carried, rois).max() < 0.1
    first = carried.summary().splitlines()[0]
    assert first.startswith("Warning: The ROIs are questionable")
    assert f"correlate by {carried.plane.correlation:.2f}" in first
    mask = nza.carry_mask(np.ones(SHAPE, bool), old, new)
    assert "Look whether the mask still fits" in mask.summary()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("depth", "another"), [(0.0, False), (1.0, False), (12.0, True)])
def test_the_verdict_on_planes(seed, depth, another):
    rng = np.random.default_rng(seed)
    images = [scene(z, seed).astype(np.float64) for z in (0.0, depth)]
    bright = 20 * 3 / np.percentile(images[0], 99.5)  # 20 frames of 3 photons
    noisy = [rng.poisson(each * bright).astype(np.float32) for each in images]
    old, new = two_references(1, change=np.eye(3), image=noisy[0])
    carried = nza.carry_rois(rois_on(old), old, [replace(new[0], reference=noisy[1])])
    assert carried.plane.is_another == another, carried.plane


# -- frames that both have -----------------------------------------------------------------------


def test_nothing_in_common():
    old, _ = two_references(1)
    other = aligned(stack(50), drift(0), moved_image(scene()))
    with pytest.raises(nza.InputError, match="no raw frames in common") as caught:
        nza.carry_rois(rois_on(old), old, other)
    assert str(caught.value).count(".") == 1
    with pytest.raises(nza.InputError, match="no raw frames in common"):
        nza.carry_mask(np.ones(SHAPE, bool), old, other)


def test_digests_tell_without_reading(sessions):
    old, new = sessions
    digests = FrameDigests(np.arange(1, N_FRAMES + 1, dtype=np.uint32))
    others = FrameDigests(digests.digests + 1)

    class Unread:
        shape, dtype = old[0].stack.shape, old[0].stack.dtype

        def read(self, start, stop):
            raise AssertionError("no frame is needed")

    mine = replace(old[0], stack=nza.Stack(Unread(), name="a"), frame_digests=digests)
    same = replace(new[0], stack=nza.Stack(Unread(), name="b"), frame_digests=digests)
    rois = rois_on(old)
    assert errors(nza.carry_rois(rois, mine, same), rois).max() < 0.1
    with pytest.raises(nza.InputError, match="no raw frames in common"):
        nza.carry_rois(rois, mine, replace(same, frame_digests=others))


def test_flagged_frames_do_not_count():
    old, new = two_references(1, jitter_px=0.0)
    bad = np.arange(0, N_FRAMES, 2)
    new[0].transforms.links[0].matrices[bad, :2, 2] += 9
    mark(new[0].quality, Fault(Flag.BRIDGED, "bridged"), bad)
    rois = rois_on(old)
    carried = nza.carry_rois(rois, old, new)
    assert errors(carried, rois).max() < 1e-6
    assert (carried.table["n_frames"] == N_FRAMES // 2).all()
    mark(new[0].quality, Fault(Flag.UNMATCHED, "unmatched"))
    new[0].quality["used"] = False
    with pytest.raises(nza.InputError, match="could be aligned to both"):
        nza.carry_rois(rois, old, new)


def test_the_same_reference_leaves_them_where_they_are():
    old, _ = two_references(1)
    joined = aligned(stack(50), drift(9), old[0].reference)
    rois = rois_on(old)
    carried = nza.carry_rois(rois, old, joined)
    np.testing.assert_array_equal(carried.rois.circles, rois.circles)
    assert "stay where they are" in carried.summary()
    assert nza.carry_mask(np.ones(SHAPE, bool), old, joined).plane is None


def test_rois_of_another_reference_are_refused(sessions):
    old, new = sessions
    for mark_of, words in (
        (made_on(new[0]), "on the new reference already"),
        (made_on(aligned(stack(60), drift(0), scene(5.0))), "on another reference"),
        (made_on(old[0].stack), "on raw frames"),
    ):
        with pytest.raises(nza.InputError, match=words):
            nza.carry_rois(nza.Rois.of(circles(), made_on=mark_of), old, new)
    with pytest.raises(nza.InputError, match="coordinates of one reference"):
        nza.carry_rois(rois_on(old), [old[0], new[0]], new)
    with pytest.raises(nza.InputError, match="Give ROIs with ids"):
        nza.carry_rois(circles(), old, new)
    with pytest.raises(nza.InputError, match="old reference is that of an Alignment"):
        nza.carry_rois(rois_on(old), [], new)


def test_no_rois_and_numbers_of_recordings(sessions):
    old, new = sessions
    carried = nza.carry_rois(nza.Rois.of(()), old, new)
    assert len(carried.rois) == 0
    assert "no ROIs to carry" in carried.summary()
    rois = rois_on(old, features={"valid_in": np.full(40, "1 2 3")})
    assert set(nza.carry_rois(rois, old, new[:1]).rois.features["valid_in"]) <= {"", "1"}


def test_where_no_inverse_is_known_nothing_is_lost():
    old, new = two_references(1, jitter_px=0.0)

    class Torn(Transforms):
        def to_reference(self, points_yx, t):
            found = super().to_reference(points_yx, t)
            found[0] = np.nan
            return found

    new = [replace(new[0], transforms=Torn(SHAPE, new[0].transforms.links))]
    rois = rois_on(old)
    carried = nza.carry_rois(rois, old, new)
    assert len(carried.rois) == 40
    assert carried.to_check.tolist() == [1]
    assert "no frame that tells its place" in carried.table["detail"][0]


def test_what_is_to_be_checked_is_saved(sessions, tmp_path):
    old, new = sessions
    carried = nza.carry_rois(rois_on(old), old, new)
    again = nza.load_rois(carried.rois.save(tmp_path / "rois.csv"))
    assert again.features["carried_check"].tolist() == carried.table["check"].tolist()
    assert again.made_on == carried.rois.made_on


# -- z-stacks ------------------------------------------------------------------------------------


def z_stacks(order="repeats"):
    """Three slices of four repeats, each slice moved by its own change of the reference."""
    frames = stack(1).replace(frames_per_slice=4, order=order)
    motion, image = drift(1), scene()
    changes = np.array([CHANGE, CHANGE.copy(), CHANGE.copy()])
    changes[1, :2, 2] += 3
    changes[2, :2, 2] -= 5
    old = aligned(frames, motion, image)
    of_frame = changes[frames.slice_of_frame]
    return old, aligned(frames, motion @ of_frame, moved_image(image)), changes


@pytest.mark.parametrize("order", ["repeats", "slices"])
def test_rois_of_slices_go_through_the_frames_of_their_slices(order):
    old, new, changes = z_stacks(order)
    slices = [(0, 0), (1, 1), (2, 2), (-1, -1)]
    rois = nza.Rois.of(circles(4), slices=slices, made_on=made_on(old))
    carried = nza.carry_rois(rois, old, new)
    for i, change in enumerate((*changes, changes[0])):
        expected = where(rois.circles[i : i + 1, :2], change)[0]
        np.testing.assert_allclose(carried.rois.circles[i, :2], expected, atol=1e-6)
    assert carried.rois.slices.tolist() == [list(pair) for pair in slices]
    assert carried.table["n_frames"].tolist() == [4] * 4
    assert np.isnan(carried.table["local_correlation"]).tolist() == [True] * 3 + [False]
    assert not carried.table["check"].any()
    spanning = nza.Rois.of(circles(1), slices=[(0, 1)])
    assert nza.carry_rois(spanning, old, new).table["check"].all(), "its slices disagree"
    assert nza.carry_rois(rois.where([0, 1]), old, new).plane is None


def test_other_slices_are_refused():
    old, new, _ = z_stacks()
    other = replace(new, stack=new.stack.replace(frames_per_slice=3))
    rois = nza.Rois.of(circles(1), slices=[(0, 1)])
    with pytest.raises(nza.InputError, match="other slices"):
        nza.carry_rois(rois, old, other)


# -- masks ---------------------------------------------------------------------------------------


def labels():
    mask = np.zeros(SHAPE, np.int32)
    mask[30:60, 40:90], mask[70:100, 30:60] = 3, 70000
    return mask


@pytest.mark.parametrize("kind", ["labels", "bool", "weights"])
def test_masks_go_the_same_way(sessions, kind):
    old, new = sessions
    mask = {"labels": labels(), "bool": labels() > 0, "weights": (labels() > 0) * 0.5}[kind]
    carried = nza.carry_mask(mask, old, new)
    assert carried.mask.dtype == mask.dtype
    assert carried.mask.shape == SHAPE
    assert set(np.unique(carried.mask)) >= set(np.unique(mask))
    grid = np.argwhere(np.ones(SHAPE))
    back = grid @ CHANGE[:2, :2].T + CHANGE[:2, 2]
    nearest = np.rint(back).astype(int)
    within = ((nearest >= 0) & (nearest < SHAPE)).all(axis=1)
    expected = np.zeros(len(grid), mask.dtype)
    expected[within] = mask[tuple(nearest[within].T)]
    assert np.mean(carried.mask.ravel() != expected) < (0.04 if kind == "weights" else 0.01)
    assert carried.part_inside == 1
    assert not carried.remarks


def test_masks_that_can_not_be_carried(sessions):
    old, new = sessions
    for mask, words in (
        (np.ones((5, 5), bool), "has shape"),
        (np.zeros(SHAPE, bool), "empty"),
        (np.full(SHAPE, "a"), "true/false"),
    ):
        with pytest.raises(nza.InputError, match=words):
            nza.carry_mask(mask, old, new)


def test_a_mask_that_leaves_the_field_is_told(sessions):
    old, new = sessions
    mask = np.zeros(SHAPE, bool)
    mask[:16] = True
    carried = nza.carry_mask(mask, old, new)
    assert carried.part_inside < 0.9
    assert "lies inside the new reference" in carried.summary()


# -- to frames of which a reference is to be made ----------------------------------------------


def way(alignment, frames):
    """Median place on the old reference of each pixel of some raw frames, and the one used."""
    grid = np.argwhere(np.ones(alignment.raw_shape)).astype(np.float64)
    ways = [alignment.transforms.to_reference(grid, t) for t in range(*frames)]
    return np.median(ways, axis=0)


def with_flag(alignment, flag, frames):
    quality = alignment.quality.copy()
    mark(quality, Fault(flag, "for a test"), slice(*frames))
    quality["used"][slice(*frames)] = False
    return replace(alignment, quality=quality)


@pytest.mark.parametrize("frames", [(0, 5), (6, 12)])
@pytest.mark.parametrize("kind", [bool, np.uint8])
def test_a_mask_lies_on_the_frames_before_these_are_aligned_to_a_new_reference(
    sessions, frames, kind
):
    alignment = sessions[1][0]
    mask = np.zeros(SHAPE, kind)
    mask[30:60, 40:90] = 1
    before = mask.copy()
    carried = carry_mask_to_frames(mask, alignment, frames)
    nearest = np.rint(way(alignment, frames)).astype(int)
    within = ((nearest >= 0) & (nearest < SHAPE)).all(axis=1)
    expected = np.zeros(len(nearest), kind)
    expected[within] = mask[tuple(nearest[within].T)]
    assert carried.dtype == kind
    assert np.mean(carried.ravel() != expected) < 0.002
    assert np.mean(mask != expected.reshape(SHAPE)) > 0.01, "it had to be moved"
    np.testing.assert_array_equal(mask, before)


def test_where_the_frames_were_not_aligned_the_others_lead_there(sessions):
    alignment = sessions[0][0]
    mask = np.zeros(SHAPE, bool)
    mask[30:60, 40:90] = True
    others = carry_mask_to_frames(mask, with_flag(alignment, Flag.NO_SIGNAL, (0, 10)), (0, 10))
    np.testing.assert_array_equal(others, carry_mask_to_frames(mask, alignment, (10, N_FRAMES)))
    none = with_flag(alignment, Flag.NO_SIGNAL, (0, N_FRAMES))
    assert not leads_to_frames(none)
    with pytest.raises(nza.InputError, match="paint one on the new"):
        carry_mask_to_frames(mask, none, (0, 10))


def test_a_mask_beyond_the_frames_is_refused(sessions):
    alignment = sessions[0][0]
    far = alignment.transforms.links[0].matrices.copy()
    far[:, :2, 2] += 100
    mask = np.zeros(SHAPE, bool)
    mask[-10:, -10:] = True
    with pytest.raises(nza.InputError, match="outside what"):
        carry_mask_to_frames(mask, aligned(alignment.stack, far, alignment.reference), (0, 5))


# -- registered by us ----------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "params", "mean_px", "max_px"),
    [
        ((0, 1, 2), nza.KeypointParams(reference_recording=0), 0.05, 0.1),
        # What is left lies up to 0.4 px off the mean of all three, that the old reference shows.
        ((0, 2), nza.KeypointParams(), 0.15, 0.4),
    ],
    ids=["another recording first", "its recording removed"],
)
def test_sessions_registered_by_us(session, which, params, mean_px, max_px):
    recordings, old = session
    chosen = [recordings[i] for i in which]
    new = nza.run(nza.register_recordings([each.stack for each in chosen], params))
    cells = recordings[0].cells[:, :2]
    places = np.stack([imaged(old, recordings, cells), imaged(new, chosen, cells)])
    before, after = places[:, ((places > 12) & (places < 179)).all(axis=(0, 2))]
    assert np.hypot(*(before - after).T).mean() > 3, "the reference changed"
    rois = nza.Rois.of(np.column_stack([before, np.full(len(before), 4.0)]))
    carried = nza.carry_rois(rois, old, new)
    off = np.hypot(*(carried.rois.circles[:, :2] - after).T)
    assert off.mean() < mean_px
    assert off.max() < max_px
    assert not carried.plane.is_another


@pytest.fixture(scope="module")
def session():
    """Three recordings of one plane, with drift and offsets, registered."""
    recordings = session_with_motion(3, n_frames=60, size=192, seed=1)
    return recordings, nza.run(nza.register_recordings([each.stack for each in recordings]))


def imaged(alignments, recordings, points):
    """Where a reference shows points: the mean of where their true places come to lie."""
    places = []
    for alignment, recording in zip(alignments, recordings, strict=True):
        for t in np.flatnonzero(alignment.quality["used"])[::4].tolist():
            maps = recording.affine[t]
            raw = points @ maps[:2, :2].T + maps[:2, 2]
            places.append(alignment.transforms.to_reference(raw, t))
    return np.mean(places, axis=0)
