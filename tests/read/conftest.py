"""Fixtures for the readers: small frames, and a check that no file is left open."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

OPEN_FILES = Path("/proc/self/fd")
CLOSED_WITHIN_S = 10.0
"""Where reading fails, zarr's own threads still finish the other chunks."""


@pytest.fixture(autouse=True)
def no_open_files(tmp_path: Path) -> Iterator[None]:
    """Fail a test that leaves a file of its folder open."""
    yield
    end = time.monotonic() + CLOSED_WITHIN_S
    while (still_open := _open_files(tmp_path)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not still_open


def _open_files(folder: Path) -> list[str]:
    links = [*OPEN_FILES.iterdir()] if OPEN_FILES.is_dir() else []
    targets = [os.readlink(link) for link in links if os.path.lexists(link)]
    return [target for target in targets if target.startswith(str(folder))]


@pytest.fixture
def frames() -> npt.NDArray[np.uint16]:
    """(12, 20, 30) uint16, each pixel different from its neighbours in all directions."""
    return np.random.default_rng(0).integers(0, 60000, (12, 20, 30)).astype(np.uint16)
