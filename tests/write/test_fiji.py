"""TIFF for Fiji: the layout, sizes and counts that ImageJ reads are those of the image."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.write import fiji
from napari_zstack_align.write.export import export_volume
from napari_zstack_align.write.fiji import Calibration


def written(tmp_path, data, axes, **described):
    """What ImageJ finds: planes in its order, with the calibration, and its description."""
    path = nza.run(export_volume(tmp_path / "image.fiji.tif", data, axes, **described))
    with tifffile.TiffFile(path) as tif:
        assert tif.is_imagej
        assert tif.series[0].dtype == np.uint16
        said, series = tif.imagej_metadata, tif.series[0]
        page = tif.pages[0]
        said["resolution"] = [page.tags[f"{axis}Resolution"].value for axis in "XY"]
        stored = series.asarray()
    return said.get("c0", 0) + said.get("c1", 1) * stored.astype(float), series.axes, said


def test_a_volume_of_two_channels_is_a_composite(tmp_path):
    data = np.random.default_rng(3).uniform(-5, 300, (2, 3, 20, 24)).astype(np.float32)
    data[:, :, :2] = np.nan
    names = ("green", "red")
    sizes = {"pixel_size_um": (0.5, 0.4), "z_step_um": 2.0, "channel_names": names}
    shown, axes, said = written(tmp_path, data, "CZYX", **sizes)
    assert axes == "ZCYX"
    step = said["c1"]
    assert step == pytest.approx(305 / 65535, rel=0.01)
    np.testing.assert_allclose(shown[..., 2:, :], np.moveaxis(data, 0, 1)[..., 2:, :], atol=step)
    assert (said["mode"], said["channels"], said["slices"]) == ("composite", 2, 3)
    assert (said["spacing"], said["unit"]) == (2.0, "um")
    assert [round(n / d, 3) for n, d in said["resolution"]] == [2.5, 2.0]
    assert said["Info"] == "Channels: green, red; z-step: 2 um"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_counts_stay_as_they_are(tmp_path, dtype):
    data = np.random.default_rng(3).integers(0, 255, (4, 20, 24)).astype(dtype)
    shown, axes, said = written(tmp_path, data, "TYX", frame_interval_s=0.1)
    np.testing.assert_array_equal(shown, data)
    assert axes == "TYX"
    assert said["finterval"] == 0.1
    assert "cf" not in said
    assert "spacing" not in said


def test_counts_below_zero_are_shifted_and_none_is_lost(tmp_path):
    data = np.random.default_rng(3).integers(-900, 32_000, (4, 20, 24)).astype(np.int16)
    shown, _, _ = written(tmp_path, data, "TYX")
    np.testing.assert_array_equal(shown, data)


@pytest.mark.parametrize("value", [np.nan, 7.25])
def test_an_image_of_one_value(tmp_path, value):
    shown, _, _ = written(tmp_path, np.full((2, 20, 24), value, np.float32), "ZYX")
    np.testing.assert_array_equal(shown, np.nan_to_num(value))


def test_values_use_all_of_the_bits():
    calibration = Calibration.of(-1.5, 2.5, whole=False)
    stored = calibration.stored(np.array([-1.5, 0.5, 2.5, np.nan, 9.0]))
    assert stored[[0, 2, 4]].tolist() == [0, 65535, 65535]
    assert calibration.offset + calibration.step * stored[1] == pytest.approx(0.5, abs=1e-4)


def test_whoever_opens_it_here_learns_of_the_calibration(tmp_path):
    frames = np.random.default_rng(3).integers(-900, 32_000, (4, 20, 24)).astype(np.int16)
    frames[0, 0, 0] = -900
    path = nza.run(export_volume(tmp_path / "image.fiji.tif", frames, "TYX"))
    stack = nza.open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 4)[:, 0].astype(int) - 900, frames)
    assert any("-900 + 1 × the numbers" in remark for remark in stack.remarks)
    plain = nza.run(export_volume(tmp_path / "plain.fiji.tif", abs(frames), "TYX"))
    assert not any("the numbers" in remark for remark in nza.open_stack(plain).remarks)


def test_what_imagej_cannot_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fiji, "MOST_BYTES", 1000)
    with pytest.raises(nza.InputError, match=r"hold 4 GB at most.*\.ome\.tif"):
        export_volume(tmp_path / "image.fiji.tif", np.zeros((2, 20, 24), np.float32))


def test_a_cancel_leaves_nothing(tmp_path):
    job = export_volume(tmp_path / "image.fiji.tif", np.ones((5, 20, 24), np.float32))
    for _ in range(7):
        next(job)
    job.close()
    assert list(tmp_path.iterdir()) == []
