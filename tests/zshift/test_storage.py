"""A z-shift on disk."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from test_cases import alignment_of
from tissue import drift, estimate, plane, record, volume

import napari_zstack_align as nza
from napari_zstack_align.write.export import export_volume

ARRAYS = ("z", "patch_z", "raw_patch_z", "patch_confidence", "lateral", "slice_gain")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory):
    """A recording in a file, and its z-shift, which is saved."""
    folder = tmp_path_factory.mktemp("zshift")
    frames = record(drift(12))
    frames[3] = 0
    nza.run(export_volume(folder / "larva.ome.tif", frames, "TYX", pixel_size_um=(0.5, 0.5)))
    stack = nza.open_stack(folder / "larva.ome.tif")
    reference = nza.Stack.from_array(volume(), "ZYX", z_step_um=2.0, name="brain")
    zshift = estimate(stack, reference)
    return zshift, zshift.save(folder / "run")


def same(one: nza.ZShift, other: nza.ZShift) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in one.quality.dtype.names:
        np.testing.assert_array_equal(one.quality[name], other.quality[name])
    for a, b in zip(one.centres, other.centres, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.anchor == other.anchor
    assert one.params == other.params
    assert one.provenance == other.provenance
    assert one.z_step_um == other.z_step_um


def test_it_reads_back_equal(saved) -> None:
    zshift, folder = saved
    assert folder.name == "run.zalign"
    loaded = nza.load_zshift(folder)
    same(loaded, zshift)
    np.testing.assert_array_equal(loaded.simulate().compute(), zshift.simulate().compute())
    np.testing.assert_array_equal(loaded.corrected().compute(), zshift.corrected().compute())


@pytest.fixture
def copied(saved, tmp_path):
    """The saved z-shift and its recording, in a folder of their own."""
    shutil.copytree(saved[1], tmp_path / "run.zalign")
    shutil.copyfile(saved[0].stack.paths[0], tmp_path / "larva.ome.tif")
    saved[0].stack.paths[0].rename(tmp_path / "away")
    yield tmp_path
    (tmp_path / "away").rename(saved[0].stack.paths[0])


def test_a_copy_of_the_recording_is_no_change(saved, copied) -> None:
    loaded = nza.load_zshift(copied / "run.zalign")
    assert loaded.stack.paths == (copied / "larva.ome.tif",)
    assert loaded.frame_digests.digests.all()
    np.testing.assert_array_equal(loaded.patch_z, saved[0].patch_z)
    assert loaded.corrected()[2].compute().any()


def test_a_changed_frame_of_the_recording_is_noticed(saved, copied) -> None:
    """It is none of those that the fingerprint knows: the first, the middle, the last."""
    pixels = record(drift(12))
    pixels[3] = 0
    pixels[4, 9, 9] += 1
    nza.run(export_volume(copied / "larva.ome.tif", pixels, "TYX", overwrite=True))
    loaded = nza.load_zshift(copied / "run.zalign")
    same(loaded, saved[0])
    said = r"1 of 12 frames of larva has changed since this result was made \(the first: 4\)"
    with pytest.raises(nza.InputError, match=said):
        loaded.corrected()[2].compute()
    with pytest.raises(nza.InputError, match=said):
        nza.load_zshift(copied / "run.zalign", nza.open_stack(copied / "larva.ome.tif"))


def test_results_of_earlier_versions_know_no_digests(saved, tmp_path) -> None:
    folder = replace(saved[0], frame_digests=None).save(tmp_path / "old")
    assert "frame_digests" not in json.loads((folder / "run.json").read_text())["files"]
    loaded = nza.load_zshift(folder)
    assert loaded.frame_digests is None
    same(loaded, saved[0])


def test_files_are_plain(saved, file_of) -> None:
    zshift, folder = saved
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert facts["kind"] == "z-shift"
    assert facts["state"] == "complete"
    assert "grows with the slice index" in facts["direction"]
    head = file_of(folder, "frames").read_text().splitlines()[0]
    assert {"z", "z_um", "confidence", "flag"} < set(head.split(","))
    np.testing.assert_array_equal(np.load(file_of(folder, "patch_z")), zshift.patch_z)


def test_a_z_shift_is_replaced_and_nothing_else(saved, tmp_path, alignment) -> None:
    zshift, _ = saved
    folder = zshift.save(tmp_path / "a")
    assert zshift.save(folder) == folder
    (tmp_path / "b.zalign").mkdir()
    (tmp_path / "b.zalign" / "notes.txt").write_text("mine")
    with pytest.raises(nza.InputError, match="is a folder with 1 other file"):
        zshift.save(tmp_path / "b")
    other = alignment.save(tmp_path / "c.zalign")
    with pytest.raises(nza.InputError, match=r"holds the alignment of z-stack .*, not a z-shift"):
        zshift.save(other)
    with pytest.raises(nza.InputError, match=r"holds the z-shift of larva.*, not an alignment"):
        alignment.save(folder)


def test_one_kind_is_not_taken_for_the_other(saved, tmp_path, alignment) -> None:
    _, folder = saved
    with pytest.raises(nza.InputError, match=r"holds the z-shift of larva.*, no alignment"):
        nza.load_alignment(folder)
    with pytest.raises(nza.InputError, match=r"holds the alignment of .*, no z-shift"):
        nza.load_zshift(alignment.save(tmp_path / "c.zalign"))


def test_no_folder() -> None:
    with pytest.raises(nza.InputError, match="There is no z-shift"):
        nza.load_zshift("nowhere")


def test_without_the_recording_depths_remain(tmp_path) -> None:
    zshift = estimate(record(drift(6)))
    loaded = nza.load_zshift(zshift.save(tmp_path / "a"))
    same(loaded, zshift)
    np.testing.assert_array_equal(loaded.simulate().compute(), zshift.simulate().compute())
    with pytest.raises(nza.InputError, match="was an array in memory: give it when you open"):
        loaded.corrected()[0].compute()
    given = nza.load_zshift(tmp_path / "a.zalign", stack=zshift.stack)
    np.testing.assert_array_equal(given.corrected().compute(), zshift.corrected().compute())
    with pytest.raises(nza.InputError):
        nza.load_zshift(tmp_path / "a.zalign", stack=nza.Stack.from_array(record(drift(7))))


def test_transforms_are_kept(tmp_path) -> None:
    shifts = np.tile([[3.0, -2.0]], (6, 1))
    stack = nza.Stack.from_array(record([5.0] * 6, shifts=shifts))
    zshift = estimate(stack, alignment=alignment_of(stack, shifts))
    loaded = nza.load_zshift(zshift.save(tmp_path / "a"), stack=stack)
    np.testing.assert_array_equal(loaded.corrected().compute(), zshift.corrected().compute())
    middle = loaded.corrected()[2].compute()[8:-8, 8:-8]
    assert np.corrcoef(middle.ravel(), plane(5.0)[8:-8, 8:-8].ravel())[0, 1] > 0.8
