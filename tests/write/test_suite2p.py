"""The folder that Suite2p reads."""

import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.suite2p import write_suite2p


def written(tmp_path, image):
    """Write, and read (movie, ops, last note) of the only channel."""
    notes = []
    folder = run(write_suite2p(tmp_path / "rec.bin", image), lambda p: notes.append(p.note))
    assert folder == tmp_path / "rec"
    ops = np.load(folder / "ops.npy", allow_pickle=True).item()
    return movie(folder / "data.bin", ops), ops, notes[-1]


def movie(path, ops):
    return np.fromfile(path, np.int16).reshape(ops["nframes"], ops["Ly"], ops["Lx"])


def frames(low, high, dtype, shape=(7, 5, 6)):
    values = np.random.default_rng(0).uniform(low, high, shape).astype(dtype)
    values.flat[:2] = low, high
    return values


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_what_fits_is_stored_as_it_is(tmp_path, dtype):
    data = frames(1, 250, dtype)
    stored, ops, note = written(tmp_path, Image(data, "TYX", (0.8, 0.4), None, 0.05))
    np.testing.assert_array_equal(stored, data)
    assert sorted(path.name for path in (tmp_path / "rec").iterdir()) == [
        "bad_frames.npy", "data.bin", "ops.npy"
    ]  # fmt: skip
    np.testing.assert_allclose(ops["meanImg"], data.mean(axis=0), rtol=1e-6)
    assert (ops["Ly"], ops["Lx"], ops["nframes"], ops["nchannels"]) == (5, 6, 7, 1)
    assert (ops["fs"], ops["aspect"], ops["do_registration"]) == (20.0, 0.5, 0)
    assert ops["reg_file"] == str(tmp_path / "rec" / "data.bin")
    assert note == "Values are stored as they are."


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        pytest.param(54600, 55000, "uint16", id="shifted"),
        pytest.param(3, 65535, "uint16", id="scaled"),
        pytest.param(-2.5, 7.25, "float32", id="floats"),
        pytest.param(10, 100_000, "uint32", id="long"),
        pytest.param(10, 1000, "uint32", id="long but small"),
    ],
)
def test_nothing_is_wrapped_and_what_was_done_is_recorded(tmp_path, low, high, dtype):
    data = frames(low, high, dtype)
    stored, ops, note = written(tmp_path, Image(data, "TYX"))
    values = stored / ops["int16_scale"] + ops["int16_offset"]
    np.testing.assert_allclose(values, data, atol=0.51 / ops["int16_scale"])
    assert np.all(np.diff(stored.ravel()[np.argsort(data, axis=None)].astype(int)) >= 0)
    assert ("to fit into int16" in note) == (ops["int16_scale"] != 1 or ops["int16_offset"] != 0)
    np.testing.assert_allclose(ops["meanImg"], stored.mean(axis=0), rtol=1e-5)
    assert "frame rate is unknown" in note
    assert "fs" not in ops


def test_pixels_outside_the_raw_frame_are_zero(tmp_path):
    data = frames(900, 1000, "float32")
    data[:, 0] = np.nan
    stored, ops, _ = written(tmp_path, Image(data, "TYX"))
    assert not stored[:, 0].any()
    assert not ops["meanImg"][0].any()


def test_frames_left_out_of_means_are_left_out_of_detection(tmp_path):
    _, ops, _ = written(tmp_path, Image(frames(1, 9, "u1"), "TYX", bad_frames=(2, 5)))
    assert np.flatnonzero(ops["badframes"]).tolist() == [2, 5]
    assert np.load(tmp_path / "rec" / "bad_frames.npy").tolist() == [2, 5]


def test_two_channels(tmp_path):
    data = np.stack([frames(1, 900, "uint16"), frames(54600, 55000, "uint16")], axis=1)
    image = Image(data, "TCYX", channel_names=("green", "red"), crop_origin_yx=(3, 4))
    stored, ops, note = written(tmp_path, image)
    np.testing.assert_array_equal(stored, data[:, 0])
    second = movie(tmp_path / "rec" / "data_chan2.bin", ops)
    np.testing.assert_array_equal(second.astype(int) + 54600, data[:, 1].astype(int))
    assert (ops["int16_offset"], ops["int16_offset_chan2"]) == (0, 54600)
    assert (ops["nchannels"], ops["crop_origin_yx"]) == (2, (3, 4))
    assert "green are stored as they are. Values of red were shifted" in note


@pytest.mark.parametrize(
    ("axes", "shape", "said"),
    [("ZYX", (2, 3, 4), "holds a recording"), ("TCYX", (2, 3, 4, 5), "one or two channels")],
)
def test_what_suite2p_does_not_take(tmp_path, axes, shape, said):
    with pytest.raises(InputError, match=said):
        write_suite2p(tmp_path / "rec.bin", Image(np.zeros(shape), axes))


def test_another_folder_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "session.json").touch()
    with pytest.raises(InputError, match="was not exported by"):
        write_suite2p(tmp_path / "rec.bin", Image(frames(1, 9, "u1"), "TYX"), overwrite=True)


def test_a_cancel_while_values_are_fitted_leaves_nothing(tmp_path):
    job = write_suite2p(tmp_path / "rec.bin", Image(frames(1, 65535, "uint16"), "TYX"))
    while next(job).stage != "Fitting into int16":
        pass
    job.close()
    assert list(tmp_path.iterdir()) == []
