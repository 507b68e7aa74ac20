"""A reference whose images are no slices in the order of depth isn't taken in silence."""

from __future__ import annotations

import numpy as np
import pytest
from tissue import drift, plane, record, volume

import napari_zstack_align as nza
from napari_zstack_align.saved import journal_folder

PARAMS = nza.ZShiftParams(patch_px=48)
FEW = record(drift(4))


def repeats(number: int = 4) -> np.ndarray:
    return record(np.repeat(np.arange(1.0, 9.0), number), photons=10.0)


def recording(n_frames: int = 30) -> np.ndarray:
    return record(np.full(n_frames, 4.0), photons=10.0)


def stack(frames: np.ndarray, **how: object) -> nza.Stack:
    return nza.Stack.from_array(frames, name="zs", **how)


def found(reference: object, frames: np.ndarray = FEW, **how: object) -> nza.ZShift:
    return nza.run(nza.estimate_zshift(nza.Stack.from_array(frames), reference, PARAMS, **how))


AS_REPEATS = (
    "they are a z-stack with repeats, align it (adaptive) and give the alignment as reference, or "
    "say how many repeats each slice has: `frames_per_slice=N` of the reference"
)

REFUSED = {
    "repeats": (repeats(), "slices of 4 repeats each", "frames_per_slice=4"),
    "two repeats": (repeats(2), "slices of 2 repeats each", "frames_per_slice=2"),
    "few slices of repeats": (
        record(np.repeat(np.arange(1.0, 5.0), 2), photons=10.0),
        "slices of 2 repeats each",
        "as in serial sections",
    ),
    "recording": (recording(), "like frames of a recording", "give a z-stack"),
    "recording, or repeats": (recording(), "like frames of a recording", f"if {AS_REPEATS}"),
    "short recording": (recording(16), "like frames of a recording", "give a z-stack"),
    "volumes": (record(np.tile(np.arange(8.0), 4)), "volumes of 8 slices", "order='slices'"),
    "up and down": (
        record(np.r_[0:8, 7:-1:-1, 0:8, 7:-1:-1].astype(float)),
        "an up-and-down scan of 8 slices",
        "order='up-and-down'",
    ),
    "two images": (record(np.tile([2.0, 8.0], 15)), "two channels in turn", "save channels apart"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "what", "advice"), REFUSED.values(), ids=REFUSED)
def test_refused_where_nobody_says_what_the_images_are(frames, what: str, advice: str) -> None:
    for reference in (stack(frames), frames):
        with pytest.raises(nza.InputError) as caught:
            found(reference)
        sentence = str(caught.value)
        assert what in sentence
        assert advice in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_a_warning_where_it_is_said_that_each_is_a_slice() -> None:
    remarks = found(stack(repeats(), frames_per_slice=1)).remarks
    sentence = next(each for each in remarks if "slices of 4 repeats each" in each)
    assert sentence.is_warning
    assert sentence.endswith("depths are likely wrong.")


def test_repeats_that_are_said_are_averaged_and_their_number_is_checked() -> None:
    depths = np.array([2.0, 3.5, 4.0, 5.25])
    right = found(stack(repeats(), frames_per_slice=4), record(depths))
    np.testing.assert_allclose(right.z, depths - 1, atol=0.2)
    assert not any("look" in each for each in right.remarks)
    wrong = found(stack(repeats(), frames_per_slice=3), record(depths))
    assert any(each.startswith("zs: The layout looks wrong") for each in wrong.remarks)


@pytest.mark.parametrize(
    "order", [[5, 0, 9, 3, 7, 1, 10, 4, 8, 2, 6], [0, 1, 3, 2, 4, 5, 6, 8, 7, 9, 10]]
)
def test_slices_out_of_order_are_a_warning(order) -> None:
    zshift = found(volume()[order])
    sentence = next(each for each in zshift.remarks if "not in the order of depth" in each)
    assert sentence.is_warning
    assert found(volume()).remarks == zshift.remarks[1:]


def test_nothing_is_kept_of_a_refused_reference(tmp_path) -> None:
    target = tmp_path / "larva.zalign"
    with pytest.raises(nza.InputError, match="slices of 4 repeats"):
        found(stack(repeats()), journal=target)
    assert not journal_folder(target).exists()


@pytest.mark.thorough
@pytest.mark.slow
def test_of_a_long_reference_the_first_slices_and_some_others_are_compared() -> None:
    frames = np.tile(recording(20), (10, 1, 1)) + np.arange(200, dtype=np.uint16)[:, None, None] % 7
    with pytest.raises(nza.InputError, match="like frames of a recording"):
        found(stack(frames))


def test_a_slice_that_is_empty_or_blurred_changes_nothing() -> None:
    reference = np.stack([plane(z) for z in range(7)])
    for odd in (np.full_like(reference[0], 5.0), reference.mean(axis=0)):
        slices = reference.copy()
        slices[3] = odd
        assert not any("slices" in e and "look" in e for e in found(slices).remarks)


def test_few_images_that_hardly_differ_are_doubted_not_refused() -> None:
    """They may all lie within the depth that one image shows."""
    (remark,) = [each for each in found(recording(8)).remarks if "like frames of" in each]
    assert remark.is_warning
    assert f"depths are likely wrong; if {AS_REPEATS}." in remark
    (said,) = [
        each
        for each in found(stack(recording(8), frames_per_slice=1)).remarks
        if "like frames of" in each
    ]
    assert AS_REPEATS not in said
