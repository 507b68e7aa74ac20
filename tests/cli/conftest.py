"""A small z-stack and two small recordings on disk, and their alignments, made once."""

import numpy as np
import pytest
import tifffile

from napari_zstack_align.cli.main import main
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats


@pytest.fixture(scope="session")
def sample():
    return zstack_with_repeats(n_slices=3, n_repeats=4, size=96, photons=60, max_displacement_px=2)


@pytest.fixture(scope="session")
def zstack_file(sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "zstack.tif"
    tifffile.imwrite(path, sample.stack.read(0, 12)[:, 0])
    return path


@pytest.fixture(scope="session")
def mask_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "mask.tif"
    mask = np.zeros((96, 96), np.uint8)
    mask[20:80, 20:80] = 1
    tifffile.imwrite(path, mask)
    return path


@pytest.fixture(scope="session")
def aligned(zstack_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("aligned") / "run.zalign"
    assert main(["adaptive", str(zstack_file), "--frames-per-slice=4", f"--out={folder}"]) == 0
    return folder


@pytest.fixture(scope="session")
def recording_files(tmp_path_factory):
    """One recording of 80 frames, cut in two."""
    sample = recording_with_motion(n_frames=80, size=128, photons=60, seed=4)
    folder = tmp_path_factory.mktemp("recordings")
    for name, start in (("rec1", 0), ("rec2", 40)):
        tifffile.imwrite(folder / f"{name}.tif", sample.stack.read(start, start + 40)[:, 0])
    return [folder / "rec1.tif", folder / "rec2.tif"]


@pytest.fixture(scope="session")
def session_folder(recording_files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("session") / "larva"
    arguments = ["keypoints", *map(str, recording_files), f"--out={folder}", "--chunk-frames=20"]
    assert main(arguments) == 0
    return folder
