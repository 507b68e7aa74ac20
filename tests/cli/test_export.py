"""``zstack-align export``."""

import numpy as np
import pytest
import tifffile
import zarr

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
@pytest.mark.parametrize("what", ["volume", "aligned"])
def test_pixels_are_those_of_the_alignment(aligned, tmp_path, ending, what, capsys):
    path = tmp_path / f"out{ending}"
    assert main(["export", str(aligned), f"--out={path}", f"--what={what}"]) == 0
    alignment = nza.load_alignment(aligned)
    expected = alignment.volume() if what == "volume" else alignment.aligned()
    written = tifffile.imread(path) if ending == ".ome.tif" else zarr.open(path, mode="r")["0"][:]
    assert written.dtype == expected.dtype
    np.testing.assert_array_equal(written, expected.compute())
    assert capsys.readouterr().out.startswith(f"Wrote {path}\n12 frames in 3 slices")


def test_raw_frames_that_have_moved(aligned, zstack_file, tmp_path, capsys):
    moved = tmp_path / "moved.tif"
    zstack_file.rename(moved)
    try:
        assert main(["export", str(aligned), f"--out={tmp_path / 'a.tif'}"]) == 2
        assert "zstack" in capsys.readouterr().err
        assert not (tmp_path / "a.tif").exists()
        again = ["export", str(aligned), f"--out={tmp_path / 'a.tif'}", f"--stack={moved}"]
        assert main(again) == 0
    finally:
        moved.rename(zstack_file)


@pytest.mark.parametrize(
    ("out", "said"), [("a.png", "must end in one of"), ("there.tif", "exists already")]
)
def test_bad_targets(aligned, tmp_path, out, said, capsys):
    (tmp_path / "there.tif").touch()
    assert main(["export", str(aligned), f"--out={tmp_path / out}"]) == 2
    assert said in capsys.readouterr().err
