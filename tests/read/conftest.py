"""Fixtures for the readers: small frames, and a check that no file is left open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture(autouse=True)
def no_open_files(tmp_path: Path) -> Iterator[None]:
    """Fail a test that leaves a file of its folder open."""
    yield
    if OPEN_FILES.is_dir():
        still_open = [
            target
            for link in OPEN_FILES.iterdir()
            if os.path.lexists(link) and (target := os.readlink(link)).startswith(str(tmp_path))
        ]
        assert not still_open


@pytest.fixture
def frames() -> npt.NDArray[np.uint16]:
    """(12, 20, 30) uint16, each pixel different from its neighbours in all directions."""
    return np.random.default_rng(0).integers(0, 60000, (12, 20, 30)).astype(np.uint16)
