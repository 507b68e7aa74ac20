"""Images with cells: generated ones, and real ones where these are."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

# importlib mode doesn't put the folder of a test on the path.
sys.path.insert(0, str(Path(__file__).parent))

from blob_model import spots


@pytest.fixture(scope="session")
def cells():
    """40 spots of different sizes on noise, and their centres."""
    rng = np.random.default_rng(5)
    centres = rng.uniform((15, 35), (145, 165), (40, 2))
    image = spots((160, 200), centres, rng.uniform(1.2, 3.0, 40))
    return image + rng.normal(0, 0.03, image.shape), centres


@pytest.fixture(scope="session")
def noise():
    rng = np.random.default_rng(6)
    return rng.random((120, 150))


@pytest.fixture(scope="session")
def stardist(shared_data):
    return tifffile.imread(shared_data / "stardist_dsb2d" / "img2d.tif")


@pytest.fixture(scope="session")
def cellfinder(shared_data):
    return tifffile.imread(shared_data / "cellfinder_crop3d" / "crop_planes_ch0.tif")
