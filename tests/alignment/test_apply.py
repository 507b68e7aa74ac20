import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError


@pytest.fixture
def doubled(recording):
    """The same recording, twice as bright: another channel."""
    frames = recording.stack.read(0, 40)[:, 0] // 2
    return nza.Stack.from_array(frames, name="red")


def test_another_channel_is_aligned_alike(recording, doubled):
    applied = nza.apply_transforms(doubled, recording)
    expected = recording.aligned()[30].compute() / 2
    np.testing.assert_allclose(applied.aligned()[30].compute(), expected, atol=1.5)
    assert np.abs(doubled.read(30, 31)[0, 0] - expected).max() > 20
    assert applied.quality is recording.quality
    assert applied.provenance["applied_from"] == recording.stack.name


def test_bare_transforms_get_a_mean_for_a_reference(recording, doubled):
    applied = nza.apply_transforms(doubled, recording.transforms)
    after = np.corrcoef(applied.reference.ravel(), recording.reference.ravel())[0, 1]
    raw = doubled.read(0, 40)[:, 0].mean(axis=0)
    assert after > np.corrcoef(raw.ravel(), recording.reference.ravel())[0, 1] + 0.02
    assert applied.quality["used"].all()
    assert not applied.quality["flag"].any()
    assert applied.complete


def test_it_can_be_saved(recording, doubled, tmp_path):
    applied = nza.apply_transforms(doubled, recording.transforms, recording.reference)
    loaded = nza.load_alignment(applied.save(tmp_path / "red"), doubled)
    np.testing.assert_array_equal(loaded.reference, recording.reference)


@pytest.mark.parametrize("bare", [False, True], ids=["alignment", "transforms"])
@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((39, 96, 112), "39 frames, but the transforms 40"),
        ((40, 112, 96), "× 96 px, but .* 96 × 112"),
    ],
    ids=["frames", "size"],
)
def test_other_frames_are_refused(recording, bare, shape, said):
    stack = nza.Stack.from_array(np.ones(shape, np.uint16))
    with pytest.raises(InputError, match=said):
        nza.apply_transforms(stack, recording.transforms if bare else recording)


def test_another_reference_is_refused(recording):
    with pytest.raises(InputError, match=r"reference has shape \(9, 9\)"):
        nza.apply_transforms(recording.stack, recording, np.ones((9, 9)))
