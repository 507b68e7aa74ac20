"""Fixtures shared by all tests: a small generated z-stack, its alignment, and the real data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.samples import SampleZStack, recording_with_motion, zstack_with_repeats

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
def recording() -> nza.Alignment:
    """A recording of 40 frames of 96 × 112 pixels, aligned by its truth; two chunks."""
    sample = recording_with_motion(n_frames=40, size=(96, 112), seed=3)
    quality = empty_table(40, "chunk")
    quality["chunk"], quality["used"] = np.arange(40) // 20, True
    quality["flag"][[5, 6]] = "bridged: the light changes"
    quality["used"][[5, 6]] = False
    chunks = empty_chunks(2)
    chunks["start"], chunks["stop"] = (0, 20), (20, 40)
    chunks["matrix"] = sample.affine[[10, 30]]
    chunks["method"] = "keypoints"
    link = AffineLink(sample.affine)
    return nza.Alignment(
        sample.stack,
        Transforms((96, 112), (link,)),
        sample.clean,
        quality,
        KeypointParams(chunk_frames=20),
        chunks=chunks,
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings beside the project; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data (../shared/data beside the project) is not here")
    return SHARED_DATA
