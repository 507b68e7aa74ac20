import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.alignment.artefact_rows import NO_ROWS, ROWS
from napari_zstack_align.alignment.checks import check_frames_at_hand
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.alignment.storage import load_alignment
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, Transforms
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import as_notes, as_warnings
from napari_zstack_align.saved import manifest_path
from napari_zstack_align.saved.manifest import _checksum


def _assert_same_table(first, second):
    assert first.dtype == second.dtype
    for name in first.dtype.names:
        np.testing.assert_array_equal(first[name], second[name])


def _assert_same(first: nza.Alignment, second: nza.Alignment) -> None:
    _assert_same_table(first.quality, second.quality)
    for t in (0, len(first.quality) - 1):
        np.testing.assert_array_equal(
            first.transforms.displacement(t), second.transforms.displacement(t)
        )
    np.testing.assert_array_equal(first.reference, second.reference)
    assert first.params == second.params
    assert first.provenance == second.provenance


@pytest.fixture
def on_disk(alignment, tmp_path):
    """The alignment of a TIFF file."""
    path = tmp_path / "raw.tif"
    data = alignment.stack.read(0, alignment.stack.n_frames)[:, 0]
    tifffile.imwrite(path, data, photometric="minisblack")
    stack = nza.open_stack(path, frames_per_slice=alignment.stack.frames_per_slice)
    stack = stack.replace(pixel_size_um=(0.7, 0.8), z_step_um=3.0)
    return alignment.with_stack(stack)


def test_what_was_saved_reads_back_equal(on_disk, tmp_path):
    mask = np.zeros(on_disk.transforms.shape, np.float32)
    mask[10:50, 10:70] = 0.5
    saved = replace(on_disk, mask=mask)
    folder = saved.save(tmp_path / "run")
    assert folder.name == "run.zalign"
    loaded = nza.load_alignment(folder)
    _assert_same(saved, loaded)
    np.testing.assert_array_equal(loaded.mask, mask)
    assert loaded.stack.frames_per_slice == saved.stack.frames_per_slice
    assert loaded.stack.pixel_size_um == (0.7, 0.8)
    assert loaded.stack.z_step_um == 3.0
    np.testing.assert_array_equal(loaded.volume().compute(), saved.volume().compute())


def test_remarks_keep_their_severity_and_those_of_before_are_warnings(on_disk, tmp_path):
    remarks = [*as_notes("Still tissue."), *as_warnings("Torn.")]
    folder = replace(on_disk, provenance={**on_disk.provenance, "remarks": remarks}).save(
        tmp_path / "run"
    )
    loaded = nza.load_alignment(folder)
    assert [remark.severity for remark in loaded.remarks] == ["note", "warning"]
    assert loaded.provenance["remarks"] == remarks
    before = replace(on_disk, provenance={**on_disk.provenance, "remarks": ["Still tissue."]})
    (plain,) = nza.load_alignment(before.save(tmp_path / "of before")).remarks
    assert plain.is_warning


def test_artefacts_read_back_equal_and_have_the_shape_of_raw_frames(on_disk, tmp_path, file_of):
    artefacts = np.zeros(on_disk.raw_shape, bool)
    artefacts[3, 5:9] = True
    folder = replace(on_disk, artefacts=artefacts).save(tmp_path / "run")
    loaded = nza.load_alignment(folder)
    assert loaded.artefacts.dtype == bool
    np.testing.assert_array_equal(loaded.artefacts, artefacts)
    wrong = replace(on_disk, artefacts=artefacts[:, 1:]).save(tmp_path / "wrong")
    with pytest.raises(InputError, match=r"artefacts.*shape"):
        nza.load_alignment(wrong)


def _shifts(n_frames):
    matrices = np.tile(np.eye(3), (n_frames, 1, 1))
    matrices[:, 0, 2] = 3.25 + np.arange(n_frames) / 7
    return AffineLink(matrices)


def _fields(n_frames, shape):
    rng = np.random.default_rng(0)
    return SplineLink(
        rng.normal(size=(n_frames, 2, *grid_shape(shape, 48.0))).astype(np.float32), 48.0, shape
    )


@pytest.mark.parametrize("last", ["affine", "spline"])
def test_chains_of_two_links_read_back_equal(recording, tmp_path, last):
    n, shape = recording.stack.n_frames, recording.transforms.shape
    second = _shifts(n) if last == "affine" else _fields(n, shape)
    links = (*recording.transforms.links, second)
    chained = replace(recording, transforms=Transforms(shape, links))
    loaded = nza.load_alignment(chained.save(tmp_path / "a"), stack=recording.stack)
    _assert_same(chained, loaded)
    assert [link.kind for link in loaded.transforms.links] == ["affine", last]


def test_chunks_and_frame_times_of_a_recording_read_back_equal(recording, tmp_path, file_of):
    folder = recording.save(tmp_path / "run")
    assert "matrix_00,matrix_01" in file_of(folder, "chunks").read_text().splitlines()[0]
    bare = recording.stack.replace(frame_times_s=None)
    loaded = nza.load_alignment(folder, stack=bare)
    _assert_same(recording, loaded)
    _assert_same_table(recording.chunks, loaded.chunks)
    np.testing.assert_array_equal(loaded.stack.frame_times_s, recording.stack.frame_times_s)


def test_what_an_earlier_run_left_goes(recording, tmp_path):
    recording.save(tmp_path / "run")
    bare = replace(recording, chunks=None, stack=recording.stack.replace(frame_times_s=None))
    loaded = nza.load_alignment(bare.save(tmp_path / "run"), stack=bare.stack)
    assert loaded.chunks is None
    assert loaded.stack.frame_times_s is None


def long_recording() -> nza.Alignment:
    """27,000 small frames: a quarter of an hour at 30 Hz."""
    n = 27_000
    return nza.Alignment(
        nza.Stack.from_array(np.broadcast_to(np.uint16(7), (n, 8, 8))),
        Transforms((8, 8), (_shifts(n), _shifts(n))),
        np.zeros((8, 8), np.float32),
        empty_table(n, "chunk"),
        nza.AdaptiveParams(),
        chunks=empty_chunks(n // 50),
    )


@pytest.mark.thorough
def test_a_long_recording_reads_back_equal(tmp_path):
    long = long_recording()
    loaded = load_alignment(long.save(tmp_path / "long"), long.stack)
    _assert_same(long, loaded)
    _assert_same_table(long.chunks, loaded.chunks)


def test_the_folder_is_readable_without_this_package(alignment, tmp_path, file_of):
    folder = alignment.save(tmp_path / "run")
    facts = json.loads((folder / "run.json").read_text())
    assert facts["kind"] == "alignment"
    assert facts["schema_version"] == 2
    assert facts["state"] == "complete"
    assert facts["params"]["values"]["alpha"] == 1.0
    assert tifffile.imread(file_of(folder, "reference")).shape == alignment.transforms.shape
    rows = file_of(folder, "quality").read_text().splitlines()
    assert rows[0].startswith("frame,slice,correlation_before,correlation_after")
    assert len(rows) == 1 + alignment.stack.n_frames
    with np.load(file_of(folder, "transforms"), allow_pickle=False) as arrays:
        links = {f"link{k}_{what}" for k in (0, 1) for what in ("coefficients", "spacing_px")}
        assert set(arrays) == {"shape", "kinds"} | links


def test_moved_together_the_raw_file_is_found(on_disk, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "raw.tif").rename(home / "raw.tif")
    stack = nza.open_stack(home / "raw.tif", frames_per_slice=on_disk.stack.frames_per_slice)
    on_disk.with_stack(stack).save(home / "run")
    home.rename(tmp_path / "elsewhere")
    loaded = nza.load_alignment(tmp_path / "elsewhere" / "run.zalign")
    assert loaded.aligned()[0].compute().shape == on_disk.transforms.shape


def test_without_the_raw_file_the_tables_can_still_be_used(on_disk, tmp_path):
    folder = on_disk.save(tmp_path / "run")
    (tmp_path / "raw.tif").unlink()
    loaded = nza.load_alignment(folder)
    _assert_same(on_disk, loaded)
    with pytest.raises(InputError, match=r"raw\.tif any more: give its new place when you open"):
        loaded.aligned().compute()


def test_changed_pixels_are_not_taken_for_the_old_ones(on_disk, tmp_path):
    folder = on_disk.save(tmp_path / "run")
    other = np.random.default_rng(0).integers(0, 99, on_disk.stack.shape, np.uint16)[:, 0]
    tifffile.imwrite(tmp_path / "raw.tif", other, photometric="minisblack")
    with pytest.raises(InputError, match="pixels have changed"):
        nza.load_alignment(folder).aligned().compute()
    with pytest.raises(InputError, match="not the stack that was aligned"):
        nza.load_alignment(folder, stack=nza.Stack.from_array(other))


@pytest.mark.parametrize(
    ("as_it_is_now", "said"),
    [
        (lambda frames: frames.astype(np.float32), "is float32 now, and was uint16 when it was"),
        (lambda frames: frames[:-1], r"now \(19, 1, .*\) is not the stack .* \(raw, \(20, 1, "),
        (lambda frames: frames + 1, r"now is not the stack .* \(raw\), or its pixels have chan"),
    ],
    ids=["type", "frames", "pixels"],
)
def test_what_shows_that_it_is_another_stack_is_said(on_disk, tmp_path, as_it_is_now, said):
    folder = on_disk.save(tmp_path / "run")
    frames = as_it_is_now(on_disk.stack.read(0, on_disk.stack.n_frames))
    with pytest.raises(InputError, match=said):
        nza.load_alignment(folder, stack=nza.Stack.from_array(frames, "TCYX", name="now"))


def test_an_interrupted_run_says_so(alignment, tmp_path):
    quality = alignment.quality.copy()
    quality["flag"][-3:] = "not run"
    folder = replace(alignment, quality=quality).save(tmp_path / "run")
    assert json.loads((folder / "run.json").read_text())["state"] == "incomplete"
    assert not nza.load_alignment(folder, stack=alignment.stack).complete


def test_there_is_no_such_folder(tmp_path):
    with pytest.raises(InputError, match="no alignment"):
        nza.load_alignment(tmp_path / "nothing.zalign")


def test_a_folder_of_something_else_is_left_alone(alignment, tmp_path):
    folder = tmp_path / "photos.zalign"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"meow")
    with pytest.raises(InputError, match="is a folder with 1 other file: choose another name"):
        alignment.save(folder)
    assert [p.name for p in folder.iterdir()] == ["cat.jpg"]


def test_saved_again_while_the_raw_file_is_away_it_still_knows_the_file(on_disk, tmp_path):
    """Whoever repairs a result with the disk unmounted must not lose where the frames were."""
    first = on_disk.save(tmp_path / "first")
    raw, away = tmp_path / "raw.tif", tmp_path / "away.tif"
    raw.rename(away)
    (tmp_path / "deeper").mkdir()
    again = nza.load_alignment(first).save(tmp_path / "deeper" / "again")
    away.rename(raw)
    loaded = nza.load_alignment(again)
    np.testing.assert_array_equal(loaded.stack.read(0, 1), on_disk.stack.read(0, 1))
    facts, before = (json.loads((f / "run.json").read_text()) for f in (again, first))
    assert facts["stack"] == before["stack"]
    assert facts["inputs"][0]["path"] == before["inputs"][0]["path"]
    assert facts["inputs"][0]["relative_path"] == str(Path("..", "..", "raw.tif"))
    others = nza.Stack.from_array(np.zeros(on_disk.stack.shape, on_disk.stack.dtype), "TCYX")
    with pytest.raises(InputError, match="is not the stack that was aligned"):
        nza.load_alignment(again, others)


def test_another_recording_at_the_old_place_does_not_hide_the_one_beside_the_result(
    on_disk, tmp_path
):
    on_disk.save(tmp_path / "run")
    there = tmp_path / "there"
    there.mkdir()
    shutil.copytree(tmp_path / "run.zalign", there / "run.zalign")
    shutil.copy(tmp_path / "raw.tif", there / "raw.tif")
    frames = on_disk.stack.read(0, on_disk.stack.n_frames)[:, 0]
    tifffile.imwrite(tmp_path / "raw.tif", frames[::-1].copy(), photometric="minisblack")
    loaded = nza.load_alignment(there / "run.zalign")
    np.testing.assert_array_equal(loaded.stack.read(0, 1)[0, 0], frames[0])
    (there / "raw.tif").unlink()
    gone = nza.load_alignment(there / "run.zalign")
    with pytest.raises(InputError, match="can't be used any more"):
        gone.stack.read(0, 1)


def test_saved_after_the_raw_file_was_found_beside_the_result(on_disk, tmp_path):
    """What is recorded leads there without a detour through a result that may go."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "raw.tif").rename(home / "raw.tif")
    stack = nza.open_stack(home / "raw.tif", frames_per_slice=on_disk.stack.frames_per_slice)
    on_disk.with_stack(stack).save(home / "run")
    home.rename(tmp_path / "moved")
    loaded = nza.load_alignment(tmp_path / "moved" / "run.zalign")
    assert loaded.stack.paths == (tmp_path / "moved" / "raw.tif",)
    (tmp_path / "far").mkdir()
    again = loaded.save(tmp_path / "far" / "again")
    (tmp_path / "moved" / "run.zalign").rename(tmp_path / "archived")
    recorded = json.loads((again / "run.json").read_text())["inputs"][0]["path"]
    assert recorded == str(tmp_path / "moved" / "raw.tif")
    assert nza.load_alignment(again).stack.paths == loaded.stack.paths


@pytest.mark.parametrize("linked", ["result", "raw file"])
def test_folders_that_are_links_are_moved_like_others(on_disk, tmp_path, linked):
    home = tmp_path / "home"
    (home / "deep" / "results").mkdir(parents=True)
    (home / "data").mkdir()
    (tmp_path / "raw.tif").rename(home / "data" / "raw.tif")
    (tmp_path / "results").symlink_to("home/deep/results")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "data").symlink_to(home / "data")
    raw = home / "data" if linked == "result" else tmp_path / "a" / "b" / "data"
    out = tmp_path / "results" if linked == "result" else home / "deep" / "results"
    stack = nza.open_stack(raw / "raw.tif", frames_per_slice=on_disk.stack.frames_per_slice)
    on_disk.with_stack(stack).save(out / "run")
    home.rename(tmp_path / "moved")
    loaded = nza.load_alignment(tmp_path / "moved" / "deep" / "results" / "run.zalign")
    assert loaded.stack.paths == (tmp_path / "moved" / "data" / "raw.tif",)


ROWS_OF_TWO = np.array([(1, 4, 6, "dark"), (3, 0, 2, "bright"), (3, 9, 9, "dark")], ROWS)


@pytest.mark.parametrize("table", [ROWS_OF_TWO, NO_ROWS])
def test_artefact_rows_read_back_equal(on_disk, tmp_path, table):
    loaded = nza.load_alignment(replace(on_disk, artefact_rows=table).save(tmp_path / "run"))
    _assert_same_table(loaded.artefact_rows, table)
    np.testing.assert_array_equal(loaded.volume(), replace(on_disk, artefact_rows=table).volume())


def test_in_results_without_that_table_nobody_looked(on_disk, tmp_path):
    before = replace(on_disk, artefact_rows=None)
    assert nza.load_alignment(before.save(tmp_path / "run")).artefact_rows is None


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (ROWS_OF_TWO[::-1], "in order"),
        (np.array([(-1, 4, 6, "dark")], ROWS), "its frames"),
        (np.array([(999, 4, 6, "dark")], ROWS), "its frames"),
        (np.array([(1, 6, 4, "dark")], ROWS), "its rows"),
        (np.array([(1, 4, 999, "dark")], ROWS), "its rows"),
        (np.array([(1, -1, 4, "dark")], ROWS), "its rows"),
        (np.array([(1, 4, 6, "green")], ROWS), "dark or bright"),
    ],
)
def test_artefact_rows_of_no_frame_are_refused(on_disk, tmp_path, table, fault):
    folder = replace(on_disk, artefact_rows=table).save(tmp_path / "run")
    with pytest.raises(InputError, match=rf"artefact_rows.*{fault}"):
        nza.load_alignment(folder)


NO_PIXELS = [
    "9" * 5000,
    "9" * 5000 + "i4",
    "3i4",
    "i4,i4",
    "(2,2)f4",
    "complex64",
    "bool",
    "O",
    "U5",
    "",
    "int4",
    "M8[s]",
]


@pytest.mark.parametrize("name", NO_PIXELS, ids=lambda name: name[:12])
def test_a_type_that_pixels_have_not_is_refused(recording, tmp_path, name):
    folder = recording.save(tmp_path / "run.zalign")
    path = manifest_path(folder)
    facts = json.loads(path.read_text("utf-8"))
    facts["stack"]["dtype"] = name
    facts["checksum"] = _checksum(facts)
    path.write_text(json.dumps(facts), "utf-8")
    with pytest.raises(InputError, match="is no type of pixels"):
        load_alignment(folder)


@pytest.mark.parametrize("drop", [None, "1", "2, 5"])
def test_frames_that_are_gone_stay_known_whatever_was_dropped(drop, on_disk, tmp_path):
    """Gaps of dropped frames hid that there are no frames, and what was known of them."""
    raw, away = tmp_path / "raw.tif", tmp_path / "away.tif"
    n = on_disk.stack.frames_per_slice
    stack = nza.open_stack(raw, frames_per_slice=n, drop_frames=drop)
    folder = replace(on_disk, stack=stack).save(tmp_path / "run")
    raw.rename(away)
    gone = nza.load_alignment(folder)
    assert gone.stack.dropped == stack.dropped
    with pytest.raises(InputError, match="is not at"):
        check_frames_at_hand(gone.stack)
    again = gone.save(tmp_path / "again")
    away.rename(raw)
    found = nza.load_alignment(again)
    assert (found.stack.dropped, found.stack.paths) == (stack.dropped, (raw,))
    np.testing.assert_array_equal(found.stack.read(0, 1), stack.read(0, 1))
