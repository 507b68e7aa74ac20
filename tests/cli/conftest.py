"""A small z-stack on disk, and its alignment, made once."""

import numpy as np
import pytest
import tifffile

from napari_zstack_align.cli.main import main
from napari_zstack_align.samples import zstack_with_repeats


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
