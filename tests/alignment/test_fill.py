"""What stands where aligned frames lie outside their raw frames."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import napari_zstack_align as nza
from napari_zstack_align.alignment import fill
from napari_zstack_align.alignment.fill import Fill, fill_of
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.saved.manifest import _checksum

SHIFT = 9


def moved(frames: np.ndarray, axes: str = "TYX", **known: object) -> nza.Alignment:
    """Frames aligned by a shift of 9 px to the right."""
    stack = nza.Stack.from_array(frames, axes)
    matrices = np.tile(np.eye(3), (stack.n_frames, 1, 1))
    matrices[:, 1, 2] = SHIFT
    shape = (stack.shape[2], stack.shape[3])
    quality = empty_table(stack.n_frames, "chunk")
    quality["used"] = True
    transforms = Transforms(shape, (AffineLink(matrices),))
    image = np.zeros(shape, np.float32)
    return nza.Alignment(stack, transforms, image, quality, KeypointParams(), **known)  # type: ignore[arg-type]


def cells(offset: int, dtype: str, n: int = 6) -> np.ndarray:
    """Dim tissue with a few bright cells over an offset."""
    rng = np.random.default_rng(1)
    light = rng.poisson(10, (n, 40, 48)).astype(float)
    light[:, 10:14, 10:14] += 100
    return (light + offset).astype(dtype)


def edit(folder: Path, **changes: object) -> None:
    """Change the manifest of a result, and its checksum with it."""
    path = folder / "run.json"
    facts = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({**facts, "checksum": _checksum(facts)}))


@pytest.mark.parametrize(
    ("offset", "dtype"), [(-300, "int16"), (-900, "int16"), (54_500, "uint16"), (0, "uint8")]
)
def test_the_rim_is_as_dark_as_the_darkest_tissue(offset: int, dtype: str) -> None:
    frames = cells(offset, dtype)
    aligned = moved(frames).aligned().compute()
    rim, inside = aligned[..., -SHIFT + 1 :], aligned[..., :-SHIFT]
    assert aligned.dtype == dtype
    assert len(np.unique(rim)) == 1
    assert np.percentile(inside, 0) - 2 <= rim[0, 0, 0] <= np.percentile(inside, 5)


def test_floats_stay_nan() -> None:
    alignment = moved(cells(-300, "float32"))
    assert alignment.fill.source == "not a number"
    assert np.isnan(alignment.aligned()[0, :, -SHIFT + 1 :].compute()).all()


def test_each_channel_has_its_own() -> None:
    both = np.stack([cells(-300, "int16"), cells(500, "int16")], axis=1)
    alignment = moved(both, "TCYX")
    low, high = alignment.fill.values
    assert low < -280
    assert high > 490
    assert alignment.aligned_frame(2, 1)[0, -1] == high


def test_dropped_frames_and_missing_pixels_are_not_the_darkest_tissue() -> None:
    frames = cells(54_500, "uint16", 20)
    frames[3] = frames[16] = 0
    assert fill_of(nza.Stack.from_array(frames)).values[0] > 54_000
    assert fill_of(nza.Stack.from_array(np.zeros((3, 8, 8), "u1"))).values == (0.0,)


def test_the_dark_level_that_the_file_gives_goes_first(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, cells(500, "int16"))
    stack = nza.open_stack(path)
    monkeypatch.setattr(fill, "channel_offsets", lambda path: (498.0,))
    assert fill_of(stack) == Fill((498.0,), "file")
    monkeypatch.setattr(fill, "channel_offsets", lambda path: (700.0,))  # can't be: above tissue
    assert fill_of(stack).source == "darkest pixels"


def test_it_is_decided_once_and_saved(tmp_path) -> None:
    alignment = moved(cells(-300, "int16"))
    (value,) = alignment.fill.values
    folder = alignment.save(tmp_path / "a")
    facts = json.loads((folder / "run.json").read_text())
    assert facts["outside"] == {"values": [value], "source": "darkest pixels"}
    loaded = nza.load_alignment(folder, alignment.stack)
    assert loaded.known_fill == alignment.fill
    np.testing.assert_array_equal(loaded.aligned(), alignment.aligned())
    given = moved(cells(-300, "int16"), known_fill=Fill((-321.0,), "file"))
    again = nza.load_alignment(given.save(tmp_path / "b"), given.stack)
    assert again.aligned_frame(0)[0, -1] == -321


def test_results_that_were_saved_without_decide_anew(tmp_path) -> None:
    alignment = moved(cells(-300, "int16"))
    folder = alignment.save(tmp_path / "a")
    edit(folder, outside=None)
    assert nza.load_alignment(folder, alignment.stack).fill == alignment.fill


@pytest.mark.parametrize(
    "outside",
    [
        {"values": [1.0, 2.0], "source": "file"},
        {"values": None, "source": "not a number"},
        {"values": ["x"], "source": "file"},
        {"values": [1.0], "source": "somewhere"},
        7,
    ],
)
def test_a_damaged_value_is_refused(tmp_path, outside: object) -> None:
    alignment = moved(cells(-300, "int16"))
    folder = alignment.save(tmp_path / "a")
    edit(folder, outside=outside)
    with pytest.raises(nza.InputError, match=r"run\.json"):
        nza.load_alignment(folder, alignment.stack)


def test_another_stack_gets_its_own() -> None:
    alignment = moved(cells(-300, "int16"), known_fill=Fill((-321.0,), "file"))
    other = nza.apply_transforms(nza.Stack.from_array(cells(500, "uint16")), alignment)
    assert other.fill.values[0] > 490


def test_exports_hold_the_same_and_name_it(tmp_path) -> None:
    alignment = moved(cells(-300, "int16"))
    expected = alignment.aligned().compute()
    sentence = f"Pixels outside the raw frames are {alignment.fill.values[0]:g} (the 1st percent"
    written = {
        ending: nza.run(nza.export_alignment(tmp_path / f"a{ending}", alignment, "aligned"))
        for ending in (".ome.tif", ".ome.zarr", ".h5", ".bin")
    }
    with tifffile.TiffFile(written[".ome.tif"]) as file:
        np.testing.assert_array_equal(file.asarray(), expected)
        assert sentence in str(file.ome_metadata)
    group = zarr.open_group(written[".ome.zarr"], mode="r")
    np.testing.assert_array_equal(np.asarray(group["0"]).squeeze(), expected)
    assert str(group.attrs["outside_raw_frames"]).startswith(sentence)
    with h5py.File(written[".h5"]) as file:
        np.testing.assert_array_equal(file["mov"], expected)
        assert file["mov"].attrs["outside_raw_frames"].startswith(sentence)
    stored = np.fromfile(written[".bin"] / "data.bin", "<i2").reshape(expected.shape)
    np.testing.assert_array_equal(stored, expected)
    ops = np.load(written[".bin"] / "ops.npy", allow_pickle=True).item()
    assert ops["outside_raw_frames"].startswith(sentence)


def test_floats_below_zero_get_no_bright_rim_in_suite2p(tmp_path) -> None:
    alignment = moved(cells(-300, "float32"))
    folder = nza.run(nza.export_alignment(tmp_path / "a.bin", alignment, "aligned"))
    stored = np.fromfile(folder / "data.bin", "<i2").reshape(alignment.stack.n_frames, 40, 48)
    assert stored[..., -SHIFT + 1 :].max() <= stored[..., :-SHIFT].min()
