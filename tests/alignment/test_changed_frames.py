"""Whether the raw frames are still those that were aligned, when a result is loaded."""

import json
import os
import shutil

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.alignment import changed_frames
from napari_zstack_align.errors import InputError
from napari_zstack_align.samples import zstack_with_repeats


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    sample = zstack_with_repeats(n_slices=3, n_repeats=4, size=64, photons=60, seed=2)
    return sample.stack.read(0, 12)[:, 0]


@pytest.fixture
def raw(frames, tmp_path):
    tifffile.imwrite(tmp_path / "larva.tif", frames, photometric="minisblack")
    return tmp_path / "larva.tif"


@pytest.fixture
def saved(raw, tmp_path):
    alignment = nza.run(nza.align_adaptive(nza.open_stack(raw, frames_per_slice=4)))
    return alignment.save(tmp_path / "larva.zalign")


@pytest.fixture
def reads(monkeypatch) -> list[int]:
    """Frames that are compared."""
    compared: list[int] = []
    digests = changed_frames._digests

    def counted(stack, frames):
        compared.extend(frames.tolist())
        return digests(stack, frames)

    monkeypatch.setattr(changed_frames, "_digests", counted)
    return compared


def change(raw, frames, changed):
    """Change frames but the first, middle and last, which the fingerprint knows."""
    pixels = frames.copy()
    pixels[changed, 3, 3] += 1
    tifffile.imwrite(raw, pixels, photometric="minisblack")
    os.utime(raw, ns=(1, 1))


def test_the_same_file_is_not_read(saved, reads):
    nza.load(saved).aligned_frame(3)
    assert reads == []


def test_a_copy_is_no_change(saved, raw, reads):
    moved = shutil.copyfile(raw, raw.with_name("moved.tif"))
    os.utime(moved, ns=(5, 5))
    os.replace(moved, raw)
    loaded = nza.load(saved)
    assert reads == list(range(12))
    assert loaded.aligned_frame(3).any()
    assert loaded.stack.remarks == ()


def test_changed_frames_are_one_sentence(saved, raw, frames):
    change(raw, frames, [3, 4, 8])
    loaded = nza.load(saved)
    said = r"3 of 12 frames of larva have changed since this result was made \(the first: 3\)"
    with pytest.raises(InputError, match=said):
        loaded.aligned_frame(5)
    assert np.isfinite(loaded.transforms.displacement(5)).all()
    with pytest.raises(InputError, match=said):
        nza.load_alignment(saved, nza.open_stack(raw))


def test_the_same_frames_in_another_container(saved, raw, frames, tmp_path):
    np.save(tmp_path / "larva.npy", frames)
    again = nza.load_alignment(saved, nza.open_stack(tmp_path / "larva.npy"))
    assert again.aligned_frame(5).any()


def test_of_a_long_copy_some_frames_are_compared_and_a_remark_says_so(
    saved, raw, frames, reads, monkeypatch
):
    monkeypatch.setattr(changed_frames, "COMPARED_BYTES", 5 * frames[0].nbytes)
    change(raw, frames, [])
    loaded = nza.load(saved)
    assert reads == [0, 3, 6, 8, 11]
    assert "5 of its 12 frames were compared" in loaded.stack.remarks[0]
    change(raw, frames, [8])
    with pytest.raises(InputError, match="1 of 5 frames of larva that were compared has changed"):
        nza.load(saved).aligned_frame(0)


def test_a_frame_that_cannot_be_read_has_not_changed(saved, raw, monkeypatch):
    os.utime(raw, ns=(1, 1))
    source = type(nza.open_stack(raw).source)
    read = source.read

    def broken(self, start, stop):
        if start <= 4 < stop:
            raise OSError(5, "Input/output error")
        return read(self, start, stop)

    monkeypatch.setattr(source, "read", broken)
    loaded = nza.load(saved)
    assert loaded.aligned_frame(0).any()
    assert (
        "11 of its 12 frames were compared, and are the same; 1 frame couldn't be read"
        in (loaded.stack.remarks[0])
    )


def test_results_of_earlier_versions_know_no_digests(saved, raw, frames):
    alignment = nza.load(saved)
    without = nza.Alignment(
        alignment.stack,
        alignment.transforms,
        alignment.reference,
        alignment.quality,
        alignment.params,
    )
    folder = without.save(saved.with_name("old.zalign"))
    assert "frame_digests" not in json.loads((folder / "run.json").read_text())["files"]
    change(raw, frames, [3])
    assert nza.load(folder).frame_digests is None
    assert nza.load(folder).aligned_frame(3).any()


def test_digests_are_saved_again(saved):
    alignment = nza.load(saved)
    again = nza.load(alignment.save(saved.with_name("again.zalign")))
    np.testing.assert_array_equal(again.frame_digests.digests, alignment.frame_digests.digests)
    assert again.frame_digests.files == alignment.frame_digests.files
    assert again.frame_digests.digests.all()
