"""Fixtures shared by all tests: a small generated z-stack, its alignment, and the real data."""

from __future__ import annotations

from pathlib import Path

import pytest

import napari_zstack_align as nza
from napari_zstack_align.samples import SampleZStack, zstack_with_repeats

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def sample() -> SampleZStack:
    """4 slices × 5 repeats of 160 × 192 pixels, with motion of up to 4 px."""
    return zstack_with_repeats(
        n_slices=4, n_repeats=5, size=(160, 192), max_displacement_px=4.0, seed=11
    )


@pytest.fixture(scope="session")
def alignment(sample: SampleZStack) -> nza.Alignment:
    """The sample, aligned with default parameters."""
    return nza.run(nza.align_adaptive(sample.stack))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings beside the project; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data (../shared/data beside the project) is not here")
    return SHARED_DATA
