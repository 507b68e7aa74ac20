import dataclasses

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import FrameDigests
from napari_zstack_align.saved.checksum import crc32c


@pytest.fixture
def doubled(recording):
    """The same recording, twice as bright: another channel."""
    frames = recording.stack.read(0, 40)[:, 0] // 2
    return nza.Stack.from_array(frames, name="red")


@pytest.fixture
def judged(recording):
    """The recording with figures, of which the digests are known."""
    quality, chunks = recording.quality.copy(), empty_chunks(1)
    for table in (quality, chunks):
        table["correlation_before"], table["correlation_after"] = 0.5, 0.9
    frames = recording.stack.read(0, 40)
    return dataclasses.replace(
        recording,
        quality=quality,
        chunks=chunks,
        frame_digests=FrameDigests(np.array([crc32c(frame) for frame in frames], np.uint32)),
        provenance={"noise_limit": 0.98, "remarks": ["It has a hot column."]},
    )


def test_another_channel_is_aligned_alike(recording, doubled):
    applied = nza.apply_transforms(doubled, recording)
    expected = recording.aligned()[30].compute() / 2
    np.testing.assert_allclose(applied.aligned()[30].compute(), expected, atol=1.5)
    assert np.abs(doubled.read(30, 31)[0, 0] - expected).max() > 20
    assert applied.provenance["applied_from"] == recording.stack.name
    np.testing.assert_array_equal(applied.quality["used"], recording.quality["used"])


def test_the_figures_of_another_recording_are_not_claimed(judged, doubled, tmp_path):
    applied = nza.apply_transforms(doubled, judged)
    for said in (applied, nza.load_alignment(applied.save(tmp_path / "a"), doubled)):
        assert np.isnan(said.quality["correlation_after"]).all()
        assert np.isnan(said.chunks["correlation_after"]).all()
        (remark,) = said.remarks
        assert remark.is_warning
        assert "how well they fit red was not judged" in remark
        summary = said.summary()
        assert "38 not judged (the transforms are given)" in summary
        assert "orrelation with the others" not in summary
        assert "0.9" not in summary
    assert np.isfinite(judged.quality["correlation_after"]).all(), "the original stays"


def same_files(recording, tmp_path):
    """A file that was aligned, opened anew with one channel of two."""
    path = tmp_path / "both.tif"
    frames = np.repeat(recording.stack.read(0, 40), 2, axis=1)
    tifffile.imwrite(path, frames, imagej=True, metadata={"axes": "TCYX"})
    stack = nza.open_stack(path)
    one = Red(stack.source)
    return stack, stack.replace(source=one, channel_names=("red",))


class Red:
    """The second channel of a source."""

    def __init__(self, source):
        self.source, self.dtype = source, source.dtype
        self.shape = (source.shape[0], 1, *source.shape[2:])

    def read(self, start, stop):
        return self.source.read(start, stop)[:, 1:]


def copied(recording, tmp_path):
    """An array that was aligned, and a copy of it in a file."""
    path = tmp_path / "copy.tif"
    tifffile.imwrite(path, recording.stack.read(0, 40)[:, 0], photometric="minisblack")
    return recording.stack, nza.open_stack(path)


@pytest.mark.parametrize("digests", [True, False], ids=["digests", "fingerprint"])
@pytest.mark.parametrize("stacks", [same_files, copied])
def test_of_the_same_recording_the_figures_hold(judged, tmp_path, stacks, digests):
    aligned, other = stacks(judged, tmp_path)
    seen = judged.frame_digests if digests else None
    given = dataclasses.replace(judged, stack=aligned, frame_digests=seen)
    applied = nza.apply_transforms(other, given)
    for name in ("correlation_before", "correlation_after", "used", "flag"):
        np.testing.assert_array_equal(applied.quality[name], judged.quality[name])
    assert applied.remarks[0] == "It has a hot column."
    assert not applied.remarks[1].is_warning
    assert "which is the same recording" in applied.remarks[1]


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
